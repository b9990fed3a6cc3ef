// When drawing a page fails: words and a way back in place of the page, for everybody and in every state of it. What is
// true about money is known to the bank only, and the page asks it as soon as it is shown again.
import { Component, createElement as el, useEffect, useRef } from "react";
import { useLocation } from "react-router";
import "$/public/browser/foreign";

// The address is another: whoever went back or on is not held here.
function Elsewhere({ onLeave }) {
  const { key } = useLocation();
  const before = useRef(key);
  useEffect(() => {
    if (before.current !== key) onLeave();
  }, [key]);
  return null;
}

export function Broken({ children }) {
  return el(
    "main",
    { id: "main", tabIndex: -1, className: "public narrow broken", role: "alert" },
    el("h1", null, "This page broke"),
    el(
      "p",
      { className: "lead" },
      "Your browser could not go on drawing it. Often a translator or an extension that changes pages is the cause.",
    ),
    el(
      "p",
      null,
      "Breaking sends nothing. What you pressed before it broke has happened once or not at all: when the page is shown ",
      "again, it asks the bank and says what is true. What you typed into a form that moves money is kept.",
    ),
    el(
      "p",
      { className: "actions" },
      el("button", { type: "button", className: "btn primary", onClick: () => window.location.reload() }, "Show the page again"),
      el("a", { className: "btn", href: "/" }, "Start page"),
    ),
    children,
  );
}

export class Boundary extends Component {
  state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  componentDidCatch(error) {
    // The framework hands this to the bank, whose log gets one line of it. The page says nothing of it.
    window.onerror?.(String(error?.message), null, null, null, error instanceof Error ? error : null);
  }

  render() {
    if (!this.state.broken) return this.props.children;
    return el(Broken, null, el(Elsewhere, { onLeave: () => this.setState({ broken: false }) }));
  }
}
