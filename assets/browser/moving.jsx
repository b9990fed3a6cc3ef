// What only the pages that move money need from the browser.
import { createElement as el, useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";

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

// Keeps what stands in the form around it: tells `onKeep` a moment after something changed, and never while it is being
// sent. Once the bank has an address for what it keeps, the page takes it, without a step back in the history.
// A form that was sent has become a draft, `reviewed`: the step that Back leads to is given the address that shows it
// filled in, and only then does the page go on. Two navigations in a row would be one: the second stops the first.
export function KeepForm({ address, kind, reviewed, onKeep }) {
  const mark = useRef(null);
  const navigate = useNavigate();
  const tell = useRef(onKeep);
  // The address that is there from the beginning is that of an earlier form; only a new one is of this form.
  const before = useRef(address);
  tell.current = onKeep;
  useEffect(() => {
    const form = mark.current?.closest("form");
    if (!form) return undefined;
    const read = () => Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    let kept = JSON.stringify(read());
    let timer = null;
    const keep = () => {
      clearTimeout(timer);
      timer = null;
      const fields = read();
      const now = JSON.stringify(fields);
      if (now === kept) return;
      kept = now;
      tell.current?.(fields);
    };
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(keep, 600);
    };
    const left = () => {
      if (timer && document.visibilityState === "hidden") keep();
    };
    const sent = () => {
      clearTimeout(timer);
      timer = null;
      kept = JSON.stringify(read());
    };
    for (const change of ["input", "change", "click"]) form.addEventListener(change, soon);
    form.addEventListener("submit", sent, true);
    document.addEventListener("visibilitychange", left);
    return () => {
      clearTimeout(timer);
      for (const change of ["input", "change", "click"]) form.removeEventListener(change, soon);
      form.removeEventListener("submit", sent, true);
      document.removeEventListener("visibilitychange", left);
    };
  }, []);
  useEffect(() => {
    if (address === before.current) return;
    before.current = address;
    if (!address || address === window.location.pathname + window.location.search) return;
    if (address.split("?")[0] !== window.location.pathname.replace(/\/$/, "")) return;
    navigate(address, { replace: true, preventScrollReset: true });
  }, [address]);
  const gone = useRef(reviewed);
  useEffect(() => {
    if (reviewed === gone.current) return;
    gone.current = reviewed;
    if (!reviewed) return;
    window.history.replaceState(window.history.state, "", `/move/${kind}?draft=${reviewed}`);
    navigate(`/move/review/${reviewed}`);
  }, [reviewed]);
  return el("span", { ref: mark, hidden: true });
}

// Writes ten digits in the field `target` as people read them once the field is left. Not the bank: its answer would come
// late, and write over what somebody typed meanwhile.
export function GroupedDigits({ target }) {
  useEffect(() => {
    const field = document.getElementById(target);
    if (!field) return undefined;
    const group = () => {
      const digits = field.value.replace(/[\s\p{Pd}\p{Cf}\u2212]/gu, "");
      if (/^[0-9]{10}$/.test(digits)) field.value = digits.replace(/(....)(....)/, "$1 $2 ");
    };
    field.addEventListener("blur", group);
    return () => field.removeEventListener("blur", group);
  }, [target]);
  return null;
}

// How much room is left in the field `target`, said when it gets short.
// As people count: a flag or a letter with all of its marks is one.
const graphemes = typeof Intl.Segmenter === "function" ? new Intl.Segmenter() : null;

function characters(text) {
  return graphemes ? [...graphemes.segment(text)].length : [...text].length;
}

export function RoomLeft({ target, most, from }) {
  const [left, setLeft] = useState(most);
  useEffect(() => {
    const field = document.getElementById(target);
    if (!field) return undefined;
    const count = () => setLeft(most - characters(field.value));
    count();
    field.addEventListener("input", count);
    return () => field.removeEventListener("input", count);
  }, [target, most]);
  const words = left > from ? "" : left >= 0 ? `${left} left` : `${-left} too many`;
  return el("span", { role: "status", className: left < 0 ? "room over" : "room" }, words);
}
