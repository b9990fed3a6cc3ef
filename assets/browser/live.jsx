// What live updates need from the browser: saying what came in without repeating it, showing that a number is new,
// and letting rows wait while somebody reads.
import { createElement as el, useEffect, useRef, useState } from "react";
import { useDown } from "$/public/browser/bank";

const BETWEEN_SENTENCES = 5000;
const TINT = 600;
const NEAR_THE_TOP = 120;

const clock = (moment) => moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

// Says each `said` once, and what comes within five seconds of it together after that. `urgent` interrupts.
export function Announcer({ said, urgent, seq }) {
  const [words, setWords] = useState("");
  const waiting = useRef([]);
  const timer = useRef(null);
  const heard = useRef(seq);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (seq === heard.current || !said) return;
    heard.current = seq;
    waiting.current.push(said);
    const speak = () => {
      timer.current = null;
      if (!waiting.current.length) return;
      // Where several came, the newest says how much there is now.
      const before = waiting.current.length - 1;
      setWords(`${waiting.current[before]}${before ? ` And ${before} more before that.` : ""}`);
      waiting.current = [];
      timer.current = setTimeout(speak, BETWEEN_SENTENCES);
    };
    if (!timer.current) speak();
  }, [seq, said]);
  return el(
    "div",
    { className: "hidden-visually" },
    el("p", { role: "status", "aria-live": "polite", "data-live": "said" }, words),
    el("p", { role: "alert", "data-live": "urgent" }, urgent),
  );
}

// Colours what it holds for a moment when `of` has become another value, unless it is somebody else's (`whose`) now.
export function Tint({ of, whose, children }) {
  const [lit, setLit] = useState(false);
  const before = useRef({ of, whose });
  useEffect(() => {
    const last = before.current;
    before.current = { of, whose };
    if (!last.of || !of || last.of === of || last.whose !== whose) return undefined;
    setLit(true);
    const over = setTimeout(() => setLit(false), TINT);
    return () => clearTimeout(over);
  }, [of, whose]);
  return el("span", { className: lit ? "tint lit" : "tint" }, children);
}

// Rows that came in while the page is open. They are shown at once where nobody is reading: at the top of the page,
// with the focus outside of the list.
export function NewRows({ count, list, onShow }) {
  const [offered, setOffered] = useState(false);
  useEffect(() => {
    const inside = list && document.getElementById(list)?.contains(document.activeElement);
    const asks = count > 0 && window.scrollY <= NEAR_THE_TOP && !inside;
    setOffered(count > 0 && !asks);
    if (asks) onShow?.();
  }, [count]);
  return el(
    "div",
    { className: "new-rows" },
    offered ? el("button", { type: "button", onClick: (event) => onShow?.(event) }, `${count} new — show`) : null,
  );
}

const EVERY = 5000;
// Beside the components, because navigation replaces them.
let told = { by: null, at: 0 };

// How long ago something was that was `seconds` old when the bank said so. `toldAt` tells one answer of the bank from
// another; its clock may be another than the browser's.
export function Ago({ seconds, toldAt }) {
  const [now, setNow] = useState(null);
  useEffect(() => {
    if (told.by !== toldAt) told = { by: toldAt, at: performance.now() };
    const look = () => setNow(performance.now());
    look();
    const going = setInterval(look, EVERY);
    return () => clearInterval(going);
  }, [toldAt]);
  const past = seconds + (now === null || told.by !== toldAt ? 0 : Math.max(0, Math.floor((now - told.at) / 1000)));
  if (past < 120) return `${past} s ago`;
  return past < 7200 ? `${Math.floor(past / 60)} min ago` : `${Math.floor(past / 3600)} h ago`;
}

// Whether what the page says is said now, or as of when.
export function Freshness() {
  const down = useDown();
  const since = useRef(null);
  if (down && !since.current) since.current = new Date();
  if (!down) since.current = null;
  return el(
    "span",
    { className: down ? "freshness stale" : "freshness" },
    el("i", { "aria-hidden": true }),
    down ? `As of ${clock(since.current)} — reconnecting` : "Live",
  );
}
