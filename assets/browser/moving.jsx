// What only the pages that move money need from the browser.
import { createElement as el, useEffect, useState } from "react";

// Calls `onTick` every `every` seconds, `times` times at most, and when the person comes back to this tab. It stops by
// itself, so that a page left open does not keep somebody signed in for ever. A new `seq` starts the count again.
export function Ticks({ every, times, seq, onTick }) {
  useEffect(() => {
    let left = times;
    const tick = () => {
      if (left > 0 && document.visibilityState === "visible") {
        left -= 1;
        onTick?.();
      }
    };
    const timer = setInterval(tick, every * 1000);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [every, times, seq]);
  return null;
}

export function PrintButton({ className, children }) {
  return el("button", { type: "button", className, onClick: () => window.print() }, children);
}

// Copies the address of this page.
export function CopyLink({ className, children }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const over = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(over);
  }, [done]);
  const copy = async () => {
    const address = window.location.origin + window.location.pathname;
    try {
      await navigator.clipboard.writeText(address);
    } catch {
      const box = document.createElement("textarea");
      box.value = address;
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    setDone(true);
  };
  return el(
    "button",
    { type: "button", className, onClick: copy },
    children,
    el("span", { role: "status" }, done ? "Link copied" : "Copy link"),
  );
}
