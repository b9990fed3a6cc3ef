// Small decisions in front of the page. The browser's own <dialog> keeps the page behind it inert, closes with Esc and
// gives the focus back to the button that opened it; when that is gone with what was decided, the page's heading takes it.
import { createElement as el, useEffect, useRef } from "react";

const CROSS = "M18 6 6 18M6 6l12 12";

// Closes, with its form emptied, whenever `done` changes: the server says that the decision was carried out. Opens by
// itself whenever `opened` changes, in front of any other.
export function Dialog({ id, title, done, opened, children }) {
  const box = useRef(null);
  // What it was when the page came is no wish to open it.
  const before = useRef(opened);
  useEffect(() => {
    if (opened === before.current) return;
    before.current = opened;
    if (!box.current || box.current.open) return;
    box.current.showModal();
    box.current.querySelector("input, textarea, select")?.focus();
  }, [opened]);
  useEffect(() => {
    if (!done || !box.current?.open) return;
    box.current.close();
    for (const form of box.current.querySelectorAll("form")) form.reset();
    const now = document.activeElement;
    if (now !== document.body && !box.current.contains(now)) return;
    const heading = document.querySelector("main h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }, [done]);
  return el(
    "dialog",
    { id, ref: box, className: "dialog", "aria-labelledby": `${id}-title` },
    el(
      "header",
      null,
      el("h2", { id: `${id}-title` }, title),
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
    children,
  );
}

// Opens the dialog `target`; the field `first` takes the focus, or else the first that can.
export function DialogOpener({ target, first, onPress, children, ...rest }) {
  const open = () => {
    const box = document.getElementById(target);
    if (!box) return;
    onPress?.();
    box.showModal();
    if (first) document.getElementById(first)?.focus();
  };
  return el("button", { ...rest, type: "button", "aria-haspopup": "dialog", onClick: open }, children);
}

export function DialogCloser({ className, children }) {
  return el(
    "button",
    { type: "button", className, onClick: (event) => event.currentTarget.closest("dialog")?.close() },
    children,
  );
}
