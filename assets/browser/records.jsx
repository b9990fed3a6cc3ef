// What the pages of accounts and payees need from the browser: tabs, and names that are changed where they stand.
import { Children, createElement as el, useEffect, useRef, useState } from "react";

// Tabs over their panels (the children, in the same order). Arrows, Home and End move; the focused tab is the shown one.
export function Tabs({ id, label, names, onChoose, children }) {
  const [shown, setShown] = useState(0);
  const list = useRef(null);
  const panels = Children.toArray(children);
  const choose = (place) => {
    setShown(place);
    if (place !== shown) onChoose?.(names[place].key);
  };
  const move = (event) => {
    const last = names.length - 1;
    const to = {
      ArrowRight: shown === last ? 0 : shown + 1,
      ArrowLeft: shown === 0 ? last : shown - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
    list.current?.children[to]?.focus();
  };
  return el(
    "div",
    null,
    el(
      "div",
      { ref: list, role: "tablist", "aria-label": label, className: "tabs", onKeyDown: move },
      names.map(({ key, name }, place) =>
        el(
          "button",
          {
            key,
            id: `${id}-${key}`,
            type: "button",
            role: "tab",
            "aria-selected": place === shown,
            "aria-controls": `${id}-${key}-panel`,
            tabIndex: place === shown ? 0 : -1,
            onClick: () => choose(place),
          },
          name,
        ),
      ),
    ),
    panels.map((panel, place) =>
      el(
        "div",
        {
          key: names[place].key,
          id: `${id}-${names[place].key}-panel`,
          role: "tabpanel",
          "aria-labelledby": `${id}-${names[place].key}`,
          hidden: place !== shown,
          className: "tab-panel",
        },
        panel,
      ),
    ),
  );
}

// A button that becomes a field: Enter saves, Esc leaves it as it was, and the focus returns to the button.
export function Rename({ text, label, word = "Rename", most, className, onSave }) {
  const [open, setOpen] = useState(false);
  const button = useRef(null);
  const field = useRef(null);
  const back = useRef(false);
  useEffect(() => {
    if (open) field.current?.select();
    else if (back.current) button.current?.focus();
    back.current = open;
  }, [open]);
  if (!open) {
    return el(
      "button",
      { ref: button, type: "button", className, "aria-label": `${word}: ${label}`, onClick: () => setOpen(true) },
      word,
    );
  }
  const save = (event) => {
    event.preventDefault();
    const typed = field.current.value.trim();
    if (typed !== text) onSave?.(typed);
    setOpen(false);
  };
  const leave = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    setOpen(false);
  };
  return el(
    "form",
    { className: "rename", onSubmit: save, onKeyDown: leave },
    el("input", { ref: field, defaultValue: text, maxLength: most, "aria-label": label, autoComplete: "off" }),
    el("button", { type: "submit", className: "btn sm primary" }, "Save"),
    el("button", { type: "button", className: "btn sm", onClick: () => setOpen(false) }, "Cancel"),
  );
}
