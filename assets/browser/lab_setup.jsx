// What the laboratory's setup and its running page need from the browser.
import { createElement as el, useEffect, useRef, useState } from "react";

const OPEN = "bank:open";
const CROSS = "M18 6 6 18M6 6l12 12";
const SPOKEN_EVERY = 5000;
const KEYWORDS = /\b(SELECT|FROM|WHERE|UPDATE|SET|INSERT INTO|VALUES|START TRANSACTION|COMMIT|ORDER BY|FOR UPDATE|AND|IN)\b/;

// A slider with the number beside it; only the number is sent. It may be larger than the slider goes.
export function Dial({ name, label, value, least, most, step, invalid }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const number = Math.min(Math.max(Number.parseFloat(String(typed).replace(",", ".")) || 0, least), most);
  return el(
    "div",
    { className: "dial" },
    el(
      "div",
      null,
      el("label", { htmlFor: name }, label),
      el("input", {
        id: name,
        name,
        type: "text",
        inputMode: "decimal",
        autoComplete: "off",
        maxLength: 12,
        value: typed,
        "aria-invalid": invalid ? "true" : "false",
        onChange: (event) => setTyped(event.target.value),
      }),
    ),
    most > least
      ? el("input", {
          type: "range",
          min: least,
          max: most,
          step,
          value: number,
          "aria-label": `${label}, slider`,
          onChange: (event) => setTyped(event.target.value),
        })
      : null,
  );
}

// The controls: beside the charts on wide screens, in a sheet in front of them on a phone. Closes whenever `done` grows.
export function Sheet({ name, title, done, className, children }) {
  const box = useRef(null);
  const [narrow, setNarrow] = useState(false);
  useEffect(() => {
    const media = window.matchMedia("(max-width: 639px)");
    const look = () => setNarrow(media.matches);
    look();
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  useEffect(() => {
    const listen = (event) => {
      if (event.detail === name && narrow && !box.current.open) box.current.showModal();
    };
    window.addEventListener(OPEN, listen);
    return () => window.removeEventListener(OPEN, listen);
  }, [name, narrow]);
  useEffect(() => {
    if (box.current?.open) box.current.close();
  }, [done]);
  if (!narrow) return el("section", { className: `card flush ${className}`, "aria-label": title }, children);
  return el(
    "dialog",
    { ref: box, className: `panel-front sheet ${className}`, "aria-labelledby": `${name}-title` },
    el(
      "header",
      null,
      el("h2", { id: `${name}-title` }, title),
      el(
        "button",
        { type: "button", className: "tool", "aria-label": "Close", onClick: () => box.current.close() },
        el(
          "svg",
          { width: 20, height: 20, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, "aria-hidden": true },
          el("path", { d: CROSS, strokeLinecap: "round" }),
        ),
      ),
    ),
    el("div", { className: "panel-body" }, children),
  );
}

// Asks for news: a quarter of a second after the last answer (`seq`), or a second where less motion is wanted. Nothing is
// asked before the answer came, so a slow bank is asked less often; one that lost the question is asked again.
export function Pulse({ on, seq, onBeat }) {
  const beat = useRef(onBeat);
  beat.current = onBeat;
  useEffect(() => {
    if (!on) return undefined;
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const ask = () => beat.current?.();
    const soon = setTimeout(ask, calm ? 1000 : 250);
    const again = setInterval(ask, 4000);
    return () => {
      clearTimeout(soon);
      clearInterval(again);
    };
  }, [on, seq]);
  return null;
}

// Says how the run stands to those who hear the page: at once when `state` changes, otherwise every five seconds.
export function Spoken({ state, text }) {
  const [said, setSaid] = useState("");
  const last = useRef({ state: "", at: 0 });
  const newest = useRef(text);
  newest.current = text;
  useEffect(() => {
    const now = Date.now();
    const left = state === last.current.state ? SPOKEN_EVERY - (now - last.current.at) : 0;
    const speak = () => {
      last.current = { state, at: Date.now() };
      setSaid(newest.current);
    };
    if (left <= 0) {
      speak();
      return undefined;
    }
    const timer = setTimeout(speak, left);
    return () => clearTimeout(timer);
  }, [state, text]);
  return el("p", { className: "hidden-visually", role: "status", "aria-live": "polite" }, said);
}

// Space stands still or goes on; Esc leads to Stop, which Enter then presses.
export function RunKeys({ on, onPause }) {
  useEffect(() => {
    if (!on) return undefined;
    const heard = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.target.closest?.("input, textarea, select, button, a, summary")) {
        if (event.key !== "Escape" || event.target.closest("[aria-expanded=true]")) return;
      }
      if (event.key === " ") onPause?.();
      else if (event.key === "Escape") document.getElementById("stop-run")?.focus();
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", heard);
    return () => window.removeEventListener("keydown", heard);
  }, [on, onPause]);
  return null;
}

// SQL with its keywords in bold.
export function Sql({ text }) {
  return el(
    "code",
    null,
    String(text ?? "").split(KEYWORDS).map((part, index) => (index % 2 ? el("b", { key: index }, part) : part)),
  );
}
