// The frame around the pages: menus, panels in front of a page, single-key shortcuts, and what is said of hidden
// amounts. Panels are the browser's own <dialog>: the page behind is inert, Esc closes, the focus goes back.
import { Children, createElement as el, useEffect, useId, useRef, useState } from "react";
import { useLocation, useNavigate } from "react-router";

const OPEN = "bank:open";
const open = (name) => window.dispatchEvent(new CustomEvent(OPEN, { detail: name }));

const CHEVRON = "m6 9 6 6 6-6";
const CROSS = "M18 6 6 18M6 6l12 12";

function drawn(path, size = 16) {
  return el(
    "svg",
    { width: size, height: size, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, "aria-hidden": true },
    el("path", { d: path, strokeLinecap: "round", strokeLinejoin: "round" }),
  );
}

// A button and what it discloses. The first child stands in the button, the others in the menu. Arrows move between
// the links and buttons in it; Esc gives the focus back.
export function Menu({ className, children }) {
  const [shown, setShown] = useState(false);
  const whole = useRef(null);
  const button = useRef(null);
  const list = useId();
  const { pathname } = useLocation();
  const [face, ...items] = Children.toArray(children);
  useEffect(() => setShown(false), [pathname]);
  useEffect(() => {
    if (!shown) return undefined;
    const leave = (event) => {
      if (!whole.current?.contains(event.target)) setShown(false);
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
    };
  }, [shown]);
  const step = (to) => {
    const all = [...whole.current.querySelectorAll(".menu-items a, .menu-items button")];
    const at = all.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[to];
    all.at(next % all.length)?.focus();
  };
  const press = (event) => {
    if (event.key === "Escape" && shown) {
      event.stopPropagation();
      setShown(false);
      button.current.focus();
    } else if (["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key) && (shown || event.key === "ArrowDown")) {
      event.preventDefault();
      setShown(true);
      requestAnimationFrame(() => step(event.key));
    }
  };
  return el(
    "div",
    { className: "menu", ref: whole, onKeyDown: press },
    el(
      "button",
      { type: "button", ref: button, className, "aria-expanded": shown, "aria-controls": list, onClick: () => setShown(!shown) },
      face,
      el("span", { className: "chevron" }, drawn(CHEVRON)),
    ),
    el(
      "div",
      {
        id: list,
        className: "menu-items",
        hidden: !shown,
        onClick: (event) => {
          if (event.target.closest("a, button")) setShown(false);
        },
      },
      ...items,
    ),
  );
}

// Something in front of the page, opened by its name from wherever; a navigation closes it. What is in it is only there
// while it is open.
export function Panel({ name, title, className, onOpen, children }) {
  const box = useRef(null);
  const [shown, setShown] = useState(false);
  const { pathname } = useLocation();
  useEffect(() => {
    const listen = (event) => {
      const dialog = box.current;
      if (event.detail !== name || !dialog) return;
      if (dialog.open) {
        dialog.close();
        return;
      }
      for (const other of document.querySelectorAll("dialog[open]")) other.close();
      setShown(true);
      dialog.showModal();
      onOpen?.();
    };
    window.addEventListener(OPEN, listen);
    return () => window.removeEventListener(OPEN, listen);
  }, [name, onOpen]);
  useEffect(() => {
    box.current?.close();
  }, [pathname]);
  return el(
    "dialog",
    {
      ref: box,
      className: `panel-front ${className}`,
      "aria-labelledby": `${name}-title`,
      onClose: () => setShown(false),
      onClick: (event) => {
        // A press beside it, or on a link in it.
        if (event.target === box.current || event.target.closest?.("a[href^='/']")) box.current.close();
      },
    },
    el(
      "header",
      null,
      el("h2", { id: `${name}-title` }, title),
      el("button", { type: "button", className: "tool", "aria-label": "Close", onClick: () => box.current.close() }, drawn(CROSS, 20)),
    ),
    el("div", { className: "panel-body" }, shown && children),
  );
}

// A button that opens the panel of that name.
export function Opens({ target, label, className, children }) {
  return el(
    "button",
    { type: "button", className, "aria-label": label || undefined, title: label || undefined, "aria-haspopup": "dialog", onClick: () => open(target) },
    children,
  );
}

const IN_A_FIELD = "input, textarea, select, [contenteditable=true]";
const ROWS = "main .rows .row a:first-of-type, main tr td a[id], main .listing tbody tr td:first-child a";
const PLACES = { h: "/home", a: "/accounts", p: "/payees", s: "/statements", n: "/notifications", l: "/lab" };
const FORMS = { t: "/move/transfer", d: "/move/deposit", w: "/move/withdraw" };

function walk(by) {
  const rows = [...document.querySelectorAll(ROWS)].filter((row) => row.offsetParent);
  const at = rows.indexOf(document.activeElement);
  const next = rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const press = (selector) => document.querySelector(selector)?.click();

// Single keys act outside fields only, never with a modifier, and can be switched off. None of them sends money.
export function Keys({ on, staff }) {
  const navigate = useNavigate();
  const went = useRef(0);
  useEffect(() => {
    const act = {
      "?": () => open("shortcuts"),
      "`": () => open("behind"),
      ".": () => press("header [data-key=hide]"),
      "/": () => document.querySelector("main input[type=search]")?.focus(),
      f: () => press("main [aria-controls=more-filters]"),
      e: () => press("main a[href*='export'], main [data-key=export]"),
      j: () => walk(1),
      k: () => walk(-1),
    };
    const heard = (event) => {
      const key = event.key;
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && key.toLowerCase() === "k") {
        event.preventDefault();
        open("palette");
        return;
      }
      const busy = event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing;
      if (!on || busy || event.target.closest?.(IN_A_FIELD)) return;
      if (document.querySelector("dialog[open]") && !["`", "?"].includes(key)) return;
      const second = Date.now() - went.current < 1500;
      went.current = key === "g" && !event.repeat ? Date.now() : 0;
      const place = second ? (key === "o" && staff ? "/ops" : staff && key === "h" ? "/ops" : staff && key === "a" ? "/ops/accounts" : PLACES[key]) : staff ? null : FORMS[key];
      if (place) navigate(place);
      else if (!second && act[key]) act[key]();
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", heard);
    return () => window.removeEventListener("keydown", heard);
  }, [on, staff, navigate]);
  return null;
}

const DOTS = /^.{0,6}•••••$/u;

// Dots say nothing to a screen reader: whatever shows only a hidden amount is named so.
export function HiddenAmounts({ on }) {
  useEffect(() => {
    if (!on) return undefined;
    const named = new Set();
    const look = () => {
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        const parent = text.parentElement;
        if (!parent || named.has(parent) || !text.data.includes("•••••") || !DOTS.test(parent.textContent.trim())) continue;
        if (!["SPAN", "P", "SMALL", "B", "STRONG"].includes(parent.tagName) || parent.closest("svg, a, button")) continue;
        parent.setAttribute("role", "img");
        parent.setAttribute("aria-label", "Amount hidden");
        named.add(parent);
      }
    };
    look();
    const watch = new MutationObserver(look);
    watch.observe(document.body, { subtree: true, childList: true, characterData: true });
    return () => {
      watch.disconnect();
      for (const element of named) {
        element.removeAttribute("role");
        element.removeAttribute("aria-label");
      }
    };
  }, [on]);
  return null;
}
