// Search or jump to: a combobox over a list. The server finds; this moves through what it found.
import { createElement as el, useEffect, useRef, useState } from "react";
import { useLocation, useNavigate } from "react-router";

const WAIT = 120;

export function Palette({ hits, asked, answered, onSearch }) {
  const box = useRef(null);
  const field = useRef(null);
  const timer = useRef(0);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const { pathname } = useLocation();
  useEffect(() => {
    const open = (event) => {
      if (event.detail !== "palette" || !box.current) return;
      if (box.current.open) {
        box.current.close();
        return;
      }
      for (const other of document.querySelectorAll("dialog[open]")) other.close();
      setTyped("");
      setAt(0);
      onSearch?.("");
      box.current.showModal();
      field.current.focus();
    };
    window.addEventListener("bank:open", open);
    return () => window.removeEventListener("bank:open", open);
  }, [onSearch]);
  useEffect(() => {
    box.current?.close();
  }, [pathname]);
  useEffect(() => setAt(0), [answered]);
  useEffect(() => {
    document.getElementById(`hit-${at}`)?.scrollIntoView({ block: "nearest" });
  }, [at]);
  const type = (event) => {
    const text = event.target.value;
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onSearch?.(text), WAIT);
  };
  const go = (hit) => {
    if (!hit) return;
    box.current.close();
    navigate(hit.address);
  };
  // Enter waits for the answer to what is typed now, rather than taking one to what was typed before.
  const current = asked === typed.trim().slice(0, 80) || (!asked && !typed.trim());
  const press = (event) => {
    const last = hits.length - 1;
    const next = { ArrowDown: at < last ? at + 1 : 0, ArrowUp: at > 0 ? at - 1 : last, Home: 0, End: last }[event.key];
    if (event.key === "Enter") {
      event.preventDefault();
      if (current) go(hits[at]);
    } else if (next !== undefined && hits.length && !(typed && (event.key === "Home" || event.key === "End"))) {
      event.preventDefault();
      setAt(next);
    }
  };
  const said = !current ? "" : hits.length === 1 ? "1 result" : hits.length ? `${hits.length} results` : "Nothing found";
  return el(
    "dialog",
    {
      ref: box,
      className: "palette",
      "aria-label": "Search or jump to",
      onClick: (event) => {
        if (event.target === box.current) box.current.close();
      },
    },
    el(
      "div",
      { className: "palette-top" },
      el(
        "svg",
        { width: 20, height: 20, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, "aria-hidden": true },
        el("path", { d: "m21 21-4.3-4.3M11 19a8 8 0 1 0 0-16 8 8 0 0 0 0 16z", strokeLinecap: "round" }),
      ),
      el("input", {
        ref: field,
        type: "text",
        value: typed,
        onChange: type,
        onKeyDown: press,
        role: "combobox",
        "aria-label": "Search or jump to",
        "aria-expanded": hits.length > 0,
        "aria-controls": "hits",
        "aria-autocomplete": "list",
        "aria-activedescendant": hits.length ? `hit-${at}` : undefined,
        placeholder: "A page, an account, a name, or send 25 to Maya",
        autoComplete: "off",
        spellCheck: false,
        maxLength: 80,
      }),
      el("button", { type: "button", className: "btn quiet tiny", onClick: () => box.current.close() }, "Close"),
    ),
    el(
      "ul",
      { id: "hits", role: "listbox", "aria-label": "Results" },
      hits.map((hit, index) =>
        el(
          "li",
          {
            key: `${hit.kind} ${hit.address}`,
            id: `hit-${index}`,
            role: "option",
            "aria-selected": index === at,
            onClick: () => go(hit),
            onPointerMove: () => setAt(index),
          },
          el("span", { className: "hit-kind" }, hit.kind),
          el("span", { className: "hit-title" }, hit.title),
          el("span", { className: "hit-detail" }, hit.detail),
        ),
      ),
    ),
    el("p", { className: hits.length || !current ? "hidden-visually" : "palette-none", role: "status" }, said),
    el(
      "p",
      { className: "palette-foot", "aria-hidden": true },
      el("kbd", null, "↑"),
      el("kbd", null, "↓"),
      " to move ",
      el("kbd", null, "Enter"),
      " to open ",
      el("kbd", null, "Esc"),
      " to close",
    ),
  );
}
