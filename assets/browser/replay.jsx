// What the reports of the laboratory need from the browser: a replay that is walked through step by step.
import { createElement as el, useEffect, useLayoutEffect, useRef, useState } from "react";

const SPEEDS = [
  [500, "2 steps a second"],
  [1000, "1 step a second"],
  [2500, "1 step in 2.5 s"],
];
const GLYPHS = {
  first: "M18 6l-8 6 8 6zM6 5v14",
  back: "M15 18l-6-6 6-6",
  next: "M9 18l6-6-6-6",
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
};

function Glyph({ name }) {
  return el(
    "svg",
    {
      viewBox: "0 0 24 24",
      width: 16,
      height: 16,
      fill: "none",
      stroke: "currentColor",
      strokeWidth: 1.75,
      strokeLinecap: "round",
      strokeLinejoin: "round",
      "aria-hidden": true,
    },
    el("path", { d: GLYPHS[name] }),
  );
}

// Walks through the elements with `data-step` among its children. Which step it is belongs to the browser alone; the
// list stays a list for whoever does not see it, and each step is said when it is reached.
export function Replay({ marks, spoken, start, children }) {
  const last = marks.length;
  const [at, setAt] = useState(start);
  const [playing, setPlaying] = useState(false);
  const [every, setEvery] = useState(1000);
  const [moved, setMoved] = useState(false);
  const root = useRef(null);
  useEffect(() => {
    setAt(start);
    setPlaying(false);
    setMoved(false);
  }, [spoken.join("\n")]);
  // After each drawing: the steps are drawn by the page, which knows nothing of the position.
  useLayoutEffect(() => {
    for (const step of root.current?.querySelectorAll("[data-step]") ?? []) {
      const number = Number(step.dataset.step);
      step.dataset.when = number < at ? "past" : number === at ? "now" : "later";
      if (number === at) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    }
  });
  useEffect(() => {
    if (moved) root.current?.querySelector(`[data-step="${at}"]`)?.scrollIntoView({ block: "nearest" });
  }, [at, moved]);
  useEffect(() => {
    if (!playing) return undefined;
    if (at >= last) {
      setPlaying(false);
      return undefined;
    }
    const wait = setTimeout(() => setAt(at + 1), every);
    return () => clearTimeout(wait);
  }, [playing, at, every, last]);
  // The address leads here, but what it leads to is drawn later.
  useEffect(() => {
    if (window.location.hash !== "#race") return undefined;
    const soon = setTimeout(() => {
      // Whoever has begun to step through it stays there.
      if (root.current?.contains(document.activeElement)) return;
      const heading = document.getElementById("race");
      heading?.scrollIntoView({ block: "start" });
      heading?.focus({ preventScroll: true });
    }, 150);
    return () => clearTimeout(soon);
  }, []);
  const go = (to) => {
    setPlaying(false);
    setMoved(true);
    setAt(Math.min(last, Math.max(1, to)));
  };
  const play = () => {
    setMoved(true);
    if (!playing && at >= last) setAt(1);
    setPlaying(!playing);
  };
  const keys = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("select")) return;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 1, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  };
  const button = (name, words, to, off, extra) =>
    el(
      "button",
      {
        type: "button",
        className: name === "next" ? "btn sm primary" : "btn sm",
        "aria-disabled": off ? "true" : undefined,
        onClick: () => (off ? undefined : go(to)),
        ...extra,
      },
      name === "next" ? null : el(Glyph, { name }),
      words,
      name === "next" ? el(Glyph, { name }) : null,
    );
  return el(
    "div",
    { ref: root, onKeyDown: keys, className: "replay" },
    el(
      "div",
      { className: "player", role: "group", "aria-label": "Walk through the steps" },
      button("first", null, 1, at === 1, { "aria-label": "First step" }),
      button("back", "Back", at - 1, at === 1, { "aria-keyshortcuts": "ArrowLeft" }),
      button("next", "Next", at + 1, at === last, { "aria-keyshortcuts": "ArrowRight" }),
      el(
        "button",
        { type: "button", className: "btn sm", onClick: play },
        el(Glyph, { name: playing ? "pause" : "play" }),
        playing ? "Pause" : "Play",
      ),
      el("b", { className: "position num" }, `Step ${at} of ${last}`),
      el(
        "span",
        { className: "track", "aria-hidden": true },
        marks.map((mark, place) => el("i", { key: place, className: `${mark} ${place < at ? "done" : ""}`.trim() })),
      ),
      el(
        "label",
        { className: "speed" },
        "Speed",
        el(
          "select",
          { value: every, onChange: (event) => setEvery(Number(event.target.value)) },
          SPEEDS.map(([value, words]) => el("option", { key: value, value }, words)),
        ),
      ),
    ),
    el("p", { role: "status", className: "hidden-visually" }, moved ? `Step ${at} of ${last}. ${spoken[at - 1] ?? ""}` : ""),
    el("div", { className: "lanes-scroll", tabIndex: 0, role: "group", "aria-label": "Steps; arrow keys move" }, children),
  );
}
