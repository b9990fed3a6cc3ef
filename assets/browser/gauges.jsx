// What a page about the state of things must do by itself: notice that nothing new has come.
import { createElement as el, useEffect, useState } from "react";

// Says how old the figures are; after `limit` seconds without news (`seq` unchanged) everything around it is marked, so
// that nothing stays green that nobody has looked at.
export function Age({ seq, paused = false, limit = 15, base = 0 }) {
  const [seconds, setSeconds] = useState(base);
  useEffect(() => {
    const since = Date.now() - base * 1000;
    const look = () => setSeconds(Math.round((Date.now() - since) / 1000));
    look();
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [seq]);
  const stale = seq > 0 && seconds > limit;
  if (!seq) return null;
  const words = stale ? `No data for ${seconds} s` : paused ? "Paused" : `${seconds} s ago`;
  return el("span", { className: stale ? "age stale" : "age", "data-stale": stale ? "yes" : "no" }, words);
}
