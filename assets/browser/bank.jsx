// The few things that must happen in the browser itself: what is said while the bank cannot be reached, buttons that
// cannot be pressed twice, focus after navigation. Plain components; the pages are written in Python.
import { createElement as el, Fragment, useContext, useEffect, useRef, useState } from "react";
import { useLocation } from "react-router";
import { toast } from "sonner";
import { EventLoopContext } from "$/utils/context";
import { ColorModeContext } from "$/utils/context-registry";

const OFFLINE = "You're offline, so nothing was sent. Your details are kept.";
const LATE = "The bank has not answered yet. Don't do this again: the page looks by itself what became of it.";
const LOST = "The connection was lost before the bank answered. This page shows what is true now: look at it before you press again.";
const FAILED = "Something failed in your browser, so this may not have been sent. Reload the page to see what is true now.";

export function useDown() {
  const errors = useContext(EventLoopContext)[1];
  const [cut, setCut] = useState(false);
  useEffect(() => {
    const look = () => setCut(!navigator.onLine);
    look();
    window.addEventListener("online", look);
    window.addEventListener("offline", look);
    return () => {
      window.removeEventListener("online", look);
      window.removeEventListener("offline", look);
    };
  }, []);
  return cut || errors.length > 0;
}

const clock = (moment) => moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

// Hidden while all is well; says so after 1.5 s without the bank, more after 20 s, and that it is back for 4 s.
export function ConnectionBar() {
  const down = useDown();
  const [stage, setStage] = useState("fine");
  const since = useRef(null);
  useEffect(() => {
    if (down) {
      since.current = new Date();
      const soon = setTimeout(() => setStage("lost"), 1500);
      const later = setTimeout(() => setStage("long"), 20000);
      return () => {
        clearTimeout(soon);
        clearTimeout(later);
      };
    }
    setStage((before) => (before === "lost" || before === "long" ? "back" : "fine"));
    const over = setTimeout(() => setStage("fine"), 4000);
    return () => clearTimeout(over);
  }, [down]);
  const words = {
    fine: "",
    lost: "Reconnecting… You can read this page. Sending money is paused.",
    long: `Still offline since ${since.current ? clock(since.current) : ""}. We keep trying.`,
    back: "Back online — balances refreshed.",
  }[stage];
  return el(
    "div",
    { role: "status", className: stage === "fine" ? "hidden-visually" : `connection ${stage}` },
    words,
    stage === "long" ? el("button", { type: "button", onClick: () => window.location.reload() }, "Try now") : null,
  );
}

// The press that has no answer yet. A lost connection or a worker that died may draw the page anew, and the button with
// it; so what was pressed is remembered beside the components, and by the window, which may be reloaded meanwhile.
const PRESSED = "bank.pressed";
const here = () => window.location.pathname.replace(/\/$/, "");
const unanswered = (what) => {
  try {
    const press = JSON.parse(sessionStorage.getItem(PRESSED));
    return press?.path === here() && press.what === what ? press : null;
  } catch {
    return null;
  }
};
const answered = () => sessionStorage.removeItem(PRESSED);

// A button for what must not happen twice: it turns itself off with the first press, before the server hears of it, and
// is pressed again only after an answer (`answer` changed) or a failure (`failed` changed). It does nothing while the
// bank cannot be reached. Where the connection was lost over a press, the bank is asked by `onLost` what became of it,
// or `lost` says what to do; `ticket` is what the bank needs to know for that.
export function PressOnce({ id, className, label, busyLabel, answer, failed, line, ticket = "", kind = "button", blocked = false, unknown = LATE, lost = LOST, onPress, onLost }) {
  const down = useDown();
  const [pressed, setPressed] = useState(false);
  const [slow, setSlow] = useState(false);
  const [overdue, setOverdue] = useState(false);
  const [said, setSaid] = useState("");
  const latch = useRef(false);
  const seen = useRef({ answer, failed });
  const button = useRef(null);
  const ways = useRef({});
  ways.current = { onLost, lost, ticket };
  // One page has one of each of these buttons: those without a name of their own are told apart by their first words.
  const what = useRef(id ?? `${kind} ${label}`);
  const press = () => {
    latch.current = true;
    setPressed(true);
    setSaid("");
    sessionStorage.setItem(PRESSED, JSON.stringify({ path: here(), what: what.current, line, ticket: ways.current.ticket }));
    // What breaks while the press is handled is heard within the same moment.
    const broke = () => release(FAILED);
    window.addEventListener("error", broke);
    setTimeout(() => window.removeEventListener("error", broke), 0);
  };
  const release = (words) => {
    latch.current = false;
    answered();
    setPressed(false);
    setSlow(false);
    setOverdue(false);
    setSaid(words);
  };
  // Another connection than the one that the press went over: nobody will answer it any more.
  useEffect(() => {
    const before = line ? unanswered(what.current) : null;
    if (!before) return;
    if (before.line === line) {
      // Drawn anew over the same connection, such as a dialog that was closed and opened: it was answered.
      if (!latch.current) answered();
      return;
    }
    if (ways.current.onLost) {
      answered();
      ways.current.onLost(before.ticket);
    } else release(ways.current.lost);
  }, [line]);
  useEffect(() => {
    if (seen.current.answer === answer && seen.current.failed === failed) return;
    seen.current = { answer, failed };
    if (latch.current) release("");
  }, [answer, failed]);
  useEffect(() => {
    if (!pressed) return undefined;
    const wait = setTimeout(() => setSlow(true), 1000);
    const unsure = setTimeout(() => setOverdue(true), 10000);
    return () => {
      clearTimeout(wait);
      clearTimeout(unsure);
    };
  }, [pressed]);
  useEffect(() => {
    const form = kind === "submit" ? button.current?.form : null;
    if (!form) return undefined;
    const once = (event) => {
      if (latch.current || down || blocked) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      press();
    };
    form.addEventListener("submit", once, true);
    return () => form.removeEventListener("submit", once, true);
  }, [kind, down, blocked]);
  const off = down || pressed || blocked;
  const words = pressed && (overdue || down) ? unknown : down ? OFFLINE : slow && pressed ? "Waiting for the bank to confirm" : said;
  return el(
    "span",
    { style: { display: "contents" } },
    el(
      "button",
      {
        id,
        ref: button,
        className,
        type: kind,
        "aria-disabled": off ? "true" : undefined,
        onClick: (event) => {
          if (kind === "submit") {
            if (off) event.preventDefault();
            return;
          }
          if (off || latch.current) return;
          press();
          onPress?.(event);
        },
      },
      pressed && !blocked ? busyLabel : label,
    ),
    el("span", { role: "status", className: down || said || (slow && pressed) ? "small muted" : "hidden-visually" }, words),
  );
}

// Echoes of what happened, driven by state because the content policy allows no evaluated code. `seq` is new for each
// one; the last one shown is remembered, so that a reload does not repeat it. Errors stay until they are closed.
export function Notices({ text, kind, seq }) {
  useEffect(() => {
    if (!seq || sessionStorage.getItem("bank.notice") === String(seq)) return;
    sessionStorage.setItem("bank.notice", String(seq));
    // What came in is said by the announcer, together with what came with it; here it is only shown.
    const arrival = kind === "arrival";
    const show = toast[arrival ? "info" : kind] ?? toast;
    show(arrival ? el("span", { "aria-hidden": true }, text) : text, { id: seq, closeButton: true, duration: kind === "error" ? Infinity : 6000 });
  }, [seq]);
  return null;
}

// After a navigation inside the application the heading takes the focus, as it would after loading a page.
export function FocusOnNavigation() {
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    answered();
    window.scrollTo(0, 0);
    const target = document.querySelector("main h1") ?? document.getElementById("main");
    if (target) {
      target.setAttribute("tabindex", "-1");
      target.focus({ preventScroll: true });
    }
  }, [pathname]);
  return null;
}

// Moves the focus to `target` whenever `seq` changes, for errors that appear after an answer.
export function FocusOnChange({ target, seq }) {
  useEffect(() => {
    if (seq) document.getElementById(target)?.focus();
  }, [seq]);
  return null;
}

const CHECK = "M20 6 9 17l-5-5";

// Copies `text`, or without one the address of `path` or of this page, and says so where it was pressed.
export function CopyButton({ text, path, label, className, children }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const over = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(over);
  }, [done]);
  const copy = async () => {
    const copied = text ?? window.location.origin + (path ?? window.location.pathname);
    try {
      await navigator.clipboard.writeText(copied);
    } catch {
      const box = document.createElement("textarea");
      box.value = copied;
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    setDone(true);
  };
  const said = label ? `Copy ${label}` : undefined;
  const check = el("path", { d: CHECK, strokeLinecap: "round", strokeLinejoin: "round" });
  const answer = text === undefined ? "Link copied" : "Copied";
  return el(
    Fragment,
    null,
    el(
      "button",
      { type: "button", className: done ? `${className ?? ""} copied` : className, "aria-label": done ? undefined : said, onClick: copy },
      done
        ? el("svg", { width: 16, height: 16, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 2, "aria-hidden": true }, check)
        : null,
      done ? answer : (children ?? "Copy"),
    ),
    // Beside the button: a status within it is no part of the button's name.
    el("span", { role: "status", className: "hidden-visually" }, done ? answer : ""),
  );
}

export function PasswordBox({ id, name, autoComplete, describedBy, minLength }) {
  const [shown, setShown] = useState(false);
  return el(
    "div",
    { className: "password" },
    el("input", {
      id,
      name,
      autoComplete,
      minLength,
      required: true,
      className: "wide",
      type: shown ? "text" : "password",
      "aria-describedby": describedBy || undefined,
      maxLength: 200,
    }),
    el(
      "button",
      { type: "button", "aria-pressed": shown, "aria-label": "Show password", onClick: () => setShown(!shown) },
      shown ? "Hide" : "Show",
    ),
  );
}

const NEXT_MODE = { system: "light", light: "dark", dark: "system" };

export function ThemeButton() {
  const { rawColorMode, setColorMode } = useContext(ColorModeContext);
  const [mode, setMode] = useState("system");
  // The saved choice is known only in the browser; the prerendered page cannot contain it.
  useEffect(() => setMode(rawColorMode), [rawColorMode]);
  const name = `Theme: ${mode}. Change to ${NEXT_MODE[mode]}`;
  return el(
    "button",
    { type: "button", className: "tool", "aria-label": name, title: name, onClick: () => setColorMode(NEXT_MODE[mode]) },
    el(
      "svg",
      { width: 20, height: 20, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, "aria-hidden": true },
      el("circle", { cx: 12, cy: 12, r: 8 }),
      mode === "light"
        ? null
        : el("path", { d: mode === "dark" ? "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16z" : "M12 4a8 8 0 0 1 0 16z", fill: "currentColor", stroke: "none" }),
    ),
  );
}

// Sends a form by itself when a choice in it changes.
export function SubmitOnChange() {
  const mark = useRef(null);
  useEffect(() => {
    const form = mark.current?.closest("form");
    if (!form) return undefined;
    const send = (event) => {
      if (event.target.matches("select, input[type=radio], input[type=checkbox]")) form.requestSubmit();
    };
    form.addEventListener("change", send);
    return () => form.removeEventListener("change", send);
  }, []);
  return el("span", { ref: mark, hidden: true });
}

// A link to an element of the same page that also moves the focus there; the address stays as it is.
export function Jump({ target, className, children }) {
  const jump = (event) => {
    const found = document.getElementById(target);
    if (!found) return;
    event.preventDefault();
    // A group of choices cannot take the focus; the choice made, or the first that can be, does.
    const choice = (rule) => (found.tagName === "FIELDSET" ? found.querySelector(`input${rule}:not(:disabled)`) : null);
    (choice(":checked") ?? choice("") ?? found).focus();
    found.scrollIntoView({ block: "center" });
  };
  return el("a", { href: `#${target}`, className, onClick: jump }, children);
}
