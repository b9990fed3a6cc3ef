// The filters of a list: folded under the row of the search on wide screens, in front of everything on a phone. There
// the browser's own modal keeps the page behind inert, closes with Esc and gives the focus back to the button.
import { createElement as el, useEffect, useRef, useState } from "react";

const CROSS = "M18 6 6 18M6 6l12 12";
const NARROW = "(max-width: 640px)";

// Whether the box with this id is open, however it was opened or closed.
function useOpen(id) {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const box = document.getElementById(id);
    if (!box) return undefined;
    const look = () => setOpen(box.hasAttribute("open"));
    look();
    const watch = new MutationObserver(look);
    watch.observe(box, { attributes: true, attributeFilter: ["open"] });
    return () => watch.disconnect();
  }, [id]);
  return open;
}

export function FilterButton({ target, count, className, children }) {
  const open = useOpen(target);
  const press = () => {
    const box = document.getElementById(target);
    if (!box) return;
    if (box.open) box.close();
    else if (window.matchMedia(NARROW).matches) box.showModal();
    // Not show(): the focus stays with the button, as under any other fold.
    else box.open = true;
  };
  return el(
    "button",
    { type: "button", className, "aria-expanded": open, "aria-controls": target, onClick: press },
    children,
    count ? `Filters (${count})` : "Filters",
  );
}

// `unfolded` says that a filter is on which nobody would see otherwise; on a phone the count on the button says it.
export function FilterBox({ id, unfolded, apply, children }) {
  const box = useRef(null);
  const [narrow, setNarrow] = useState(false);
  useEffect(() => {
    const media = window.matchMedia(NARROW);
    const look = () => {
      setNarrow(media.matches);
      box.current?.close();
    };
    setNarrow(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  useEffect(() => {
    if (unfolded && !window.matchMedia(NARROW).matches) box.current.open = true;
  }, [unfolded]);
  useEffect(() => {
    const form = box.current?.closest("form");
    const sent = () => box.current?.matches(":modal") && box.current.close();
    form?.addEventListener("submit", sent);
    return () => form?.removeEventListener("submit", sent);
  }, []);
  const clear = () => {
    const form = box.current.closest("form");
    for (const field of form.elements) {
      if (field.type === "checkbox" || field.type === "radio") field.checked = false;
      else if (field.name) field.value = "";
    }
    form.requestSubmit();
  };
  const title = `${id}-title`;
  const cross = el("path", { d: CROSS, strokeLinecap: "round" });
  return el(
    "dialog",
    { id, ref: box, className: "more-filters", role: narrow ? undefined : "group", "aria-labelledby": title },
    el(
      "header",
      null,
      el("h2", { id: title }, "Filters"),
      el(
        "button",
        { type: "button", className: "tool", "aria-label": "Close", onClick: () => box.current.close() },
        el("svg", { width: 20, height: 20, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, "aria-hidden": true }, cross),
      ),
    ),
    el("div", { className: "filter-fields" }, children),
    el(
      "footer",
      null,
      el("button", { type: "submit", className: "btn primary" }, narrow ? "Apply" : apply),
      el("button", { type: "button", className: "btn quiet", onClick: clear }, "Clear"),
    ),
  );
}
