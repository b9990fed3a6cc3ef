"""Small parts that every page shares: icons, links, headings, badges, notices, placeholders."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink

from bank_app.ui.components.browser import focus_on_change, jump
from bank_app.ui.messages import say

Content = rx.Component | rx.Var | str


def icon(name: str, size: int = 20) -> rx.Component:
    """A lucide icon by its literal name; words beside it carry the meaning."""
    return rx.el.span(rx.icon(name, size=size), class_name="icon", aria_hidden="true")


def link(*children: Content, to: str | rx.Var, **props: Any) -> rx.Component:
    """A link inside the application, without loading a new document."""
    return ReactRouterLink.create(*children, to=to, **props)


def document_link(*children: Content, to: str | rx.Var, **props: Any) -> rx.Component:
    """A link to something that is not a page of ours: a download, the API documents."""
    return ReactRouterLink.create(*children, to=to, reload_document=True, **props)


def button_link(label: str, to: str | rx.Var, *, symbol: str = "", style: str = "") -> rx.Component:
    """A link that looks like a button, because it leads to a form."""
    return link(*([icon(symbol, 16)] if symbol else []), label, to=to, class_name=f"btn {style}".strip())


def crumb(label: Content, to: str | rx.Var) -> rx.Component:
    """The way back, above a heading."""
    return link(icon("chevron-left", 16), label, to=to, class_name="crumb")


def page_head(title: Content, *beside: rx.Component, sub: Content | None = None) -> rx.Component:
    """The one h1 of a page, a line below it and actions beside it."""
    return rx.el.div(
        rx.el.div(rx.el.h1(title), *([rx.el.p(sub, class_name="sub")] if sub is not None else []), class_name="grow"),
        *beside,
        class_name="page-head",
    )


def badge(word: Content, symbol: str = "", kind: str = "") -> rx.Component:
    """A status: an icon and a word."""
    return rx.el.span(*([icon(symbol, 14)] if symbol else []), word, class_name=f"badge {kind}".strip())


def bone(width: str = "8ch", height: str = "0.8em") -> rx.Component:
    """A placeholder of the size of what will be there."""
    return rx.el.span(class_name="bone", custom_attrs={"style": {"--w": width, "--h": height}})


def known(ready: rx.Var, shown: Content, width: str = "8ch", height: str = "0.8em") -> rx.Component:
    """A value once it is known, a placeholder before; never a zero."""
    return rx.cond(ready, rx.fragment(shown), bone(width, height))


def waiting(what: str) -> rx.Component:
    """One polite sentence for people who cannot see the placeholders."""
    return rx.el.span(f"Loading {what}", role="status", class_name="hidden-visually")


def notice(*children: Content, kind: str = "info", symbol: str = "info", **props: Any) -> rx.Component:
    """A message that stays on the page."""
    return rx.el.div(icon(symbol), rx.el.div(*children), class_name=f"notice {kind}", **props)


def problem_summary(problems: rx.Var, seq: rx.Var, code: rx.Var | str = "") -> rx.Component:
    """The list at the top of a form after it was refused: takes the focus, and each line leads to its field.

    `problems` is a list of `Problem`; `seq` grows with every refusal.
    """
    return rx.cond(
        problems.length() > 0,
        rx.el.div(
            focus_on_change(target="problems", seq=seq),
            icon("circle-alert"),
            rx.el.div(
                rx.el.h2(say("FORM_PROBLEM")),
                rx.el.ul(
                    rx.foreach(
                        problems,
                        lambda problem: rx.el.li(
                            rx.cond(
                                problem.field != "",
                                jump(problem.text, target=problem.field),
                                problem.text,
                            )
                        ),
                    )
                ),
                rx.cond(code != "", rx.el.p(code, class_name="code mono"), rx.fragment()),
            ),
            id="problems",
            tab_index=-1,
            role="alert",
            class_name="notice bad field",
        ),
        rx.fragment(),
    )


def failed_panel(text: rx.Var | str, retry: Any) -> rx.Component:
    """One part of a page could not be loaded; the rest of the page works."""
    return notice(
        rx.el.p(text),
        rx.el.div(rx.el.button("Try again", type="button", on_click=retry, class_name="btn sm"), class_name="actions"),
        kind="warn",
        symbol="triangle-alert",
        role="alert",
    )


def empty(sentence: Content, *actions: rx.Component) -> rx.Component:
    """Nothing here, and what to do about it."""
    return rx.el.div(rx.el.p(sentence), *actions, class_name="empty")


def load_more(more: rx.Var, on_press: Any) -> rx.Component:
    """The way to the next page of a list, while there is one."""
    return rx.cond(
        more,
        rx.el.div(
            rx.el.button("Load 25 more", type="button", on_click=on_press, class_name="btn"), class_name="ledger-foot"
        ),
        rx.fragment(),
    )
