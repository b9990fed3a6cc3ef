// What signing in needs from the browser itself: the end of a session is seen coming, a list of codes can be kept as a
// file, the theme can be chosen from a list, and what a link carries stays out of addresses.
import { createElement as el, useContext, useEffect, useRef, useState } from "react";
import { useLocation } from "react-router";
import { ColorModeContext } from "$/utils/context-registry";

const KEPT = "bank.session";
// After the end the server is asked a moment later, because asking before it would begin another quarter of an hour.
const LATE = 2000;

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

// A session that ends while nobody can be asked ends here: what the page shows goes from it, and the server is asked
// once it can be.
function showNothing() {
  const title = document.createElement("h1");
  title.textContent = "Your session has ended";
  const text = document.createElement("p");
  text.textContent = "You are offline. Sign in again once you are connected.";
  const main = document.createElement("main");
  main.id = "session-over";
  main.setAttribute("role", "alert");
  main.append(title, text);
  document.title = title.textContent;
  document.body.replaceChildren(main);
  window.addEventListener("online", () => window.location.reload());
}

const spoken = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

// `ends` and `now` are the server's time in milliseconds. All tabs of a session follow the latest end that any of them
// has heard of, so that nobody is warned on one tab while being busy on another.
export function SessionEnd({ ends, now, warning, onStay }) {
  const box = useRef(null);
  const stay = useRef(null);
  const over = useRef(false);
  const [left, setLeft] = useState(null);
  useEffect(() => {
    if (!ends) return undefined;
    if (ends > (kept().ends ?? 0)) {
      localStorage.setItem(KEPT, JSON.stringify({ ends, deadline: Date.now() + (ends - now) }));
    }
    const look = () => {
      const remaining = (kept().deadline ?? Infinity) - Date.now();
      if (remaining < -LATE && !over.current) {
        over.current = true;
        if (navigator.onLine) window.location.reload();
        else showNothing();
        return;
      }
      if (over.current) return;
      const seconds = Math.max(0, Math.ceil(remaining / 1000));
      const soon = seconds <= warning;
      setLeft(soon ? seconds : null);
      if (soon && !box.current?.open) {
        box.current?.showModal();
        stay.current?.focus();
      }
      if (!soon && box.current?.open) box.current.close();
    };
    const ticking = setInterval(look, 1000);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(ticking);
      document.removeEventListener("visibilitychange", look);
    };
  }, [ends, now, warning]);
  const seconds = left ?? warning;
  return el(
    "dialog",
    {
      ref: box,
      id: "session-end",
      role: "alertdialog",
      className: "dialog",
      "aria-labelledby": "session-end-title",
      "aria-describedby": "session-end-text",
      // Whoever presses Esc is there.
      onCancel: (event) => {
        event.preventDefault();
        onStay?.();
      },
    },
    el("header", null, el("h2", { id: "session-end-title" }, "Are you still there?")),
    el(
      "div",
      { className: "body" },
      el(
        "p",
        { id: "session-end-text" },
        "You'll be signed out in ",
        el("b", { className: "countdown" }, spoken(seconds)),
        " to protect your account. What you have typed into a transfer is kept.",
      ),
      el(
        "span",
        { role: "status", className: "hidden-visually" },
        left !== null && left <= 60 ? `Less than ${left > 30 ? "a minute" : "half a minute"} left` : "",
      ),
      el(
        "form",
        { action: "/auth/logout", method: "post", className: "decide" },
        el("button", { type: "submit", className: "btn" }, "Sign out now"),
        el(
          "button",
          { ref: stay, type: "button", className: "btn primary", onClick: () => onStay?.() },
          "Stay signed in",
        ),
      ),
    ),
  );
}

// A document that somebody signed in has seen is not shown again from the browser's memory: it is blank from the moment
// it is left, and asked for anew when somebody comes back to it. And whoever is led to the sign-in page by the page itself
// gets there with a new document, so that nothing of before is left behind the button that goes back.
export function LeaveNothing() {
  const { pathname } = useLocation();
  const first = useRef(pathname);
  useEffect(() => {
    const leave = (event) => {
      if (event.persisted) document.documentElement.hidden = true;
    };
    const comeBack = (event) => {
      if (event.persisted) window.location.reload();
    };
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", comeBack);
    return () => {
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("pageshow", comeBack);
    };
  }, []);
  useEffect(() => {
    const at = (path) => path.replace(/\/$/, "") === "/sign-in";
    if (at(pathname) && !at(first.current) && new URLSearchParams(window.location.search).has("ended")) {
      document.documentElement.hidden = true;
      window.location.reload();
    }
  }, [pathname]);
  return null;
}

// What a link for a new password carries stands behind the # of its address, which no browser sends to a server. It is
// taken out of the address at once, so that no history keeps it, and held by this document alone. A form that was refused
// leads to a new document: for that moment, and no longer, this tab keeps it.
const LINK = "bank.link";
let held = "";

export function LinkReader({ onToken }) {
  useEffect(() => {
    const given = window.location.hash.slice(1);
    held = given || sessionStorage.getItem(LINK) || held;
    sessionStorage.removeItem(LINK);
    if (given) window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search);
    onToken?.(held);
  }, []);
  return null;
}

export function LinkField() {
  const field = useRef(null);
  useEffect(() => {
    const form = field.current?.form;
    const keep = () => sessionStorage.setItem(LINK, held);
    form?.addEventListener("submit", keep);
    return () => form?.removeEventListener("submit", keep);
  }, []);
  return el("input", { ref: field, type: "hidden", name: "token", value: held, readOnly: true });
}

// Keeps `text` as a file, without asking the server for it again.
export function DownloadText({ text, name, className, children }) {
  const save = () => {
    const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  return el("button", { type: "button", className, onClick: save }, children);
}

const MODES = [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]];

// The theme stays in this browser: the server never hears of it.
export function ThemeChoice() {
  const { rawColorMode, setColorMode } = useContext(ColorModeContext);
  const [mode, setMode] = useState("system");
  useEffect(() => setMode(rawColorMode), [rawColorMode]);
  return el(
    "fieldset",
    { className: "segments" },
    el("legend", { className: "hidden-visually" }, "Theme"),
    MODES.map(([value, words]) =>
      el(
        "label",
        { key: value },
        el("input", {
          type: "radio",
          name: "theme",
          value,
          checked: mode === value,
          onChange: () => setColorMode(value),
        }),
        words,
      ),
    ),
  );
}
