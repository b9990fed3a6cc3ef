"""The frame of the settings: one heading, the sections beside it, and what became of the last form."""

from __future__ import annotations

from dataclasses import dataclass

import reflex as rx

from bank_app.ui.components.browser import focus_on_change
from bank_app.ui.components.parts import Content, crumb, icon, link
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say


@dataclass(frozen=True)
class Section:
    """A page of the settings."""

    name: str
    to: str
    symbol: str
    says: str


SECTIONS = (
    Section("Profile", "/settings/profile", "user", "Your name, your email, and since when you are here."),
    Section("Security", "/settings/security", "lock", "Password, two-step sign-in, and where you are signed in."),
    Section("Appearance", "/settings/appearance", "palette", "Theme, density, how amounts are written, shortcuts."),
)


def settings_page(title: str, here: str, *children: Content, below: str = "") -> rx.Component:
    """A page of the settings; on phones the way back stands in for the list of sections.

    `below` is the name of the section for a page that is one step further in.
    """
    return shell(
        rx.fragment() if below else rx.el.div(crumb("Settings", "/settings"), class_name="settings-back"),
        rx.el.div(
            rx.el.nav(
                *[
                    link(
                        icon(section.symbol),
                        section.name,
                        to=section.to,
                        custom_attrs={"aria-current": "page"} if section.to == here else {},
                    )
                    for section in SECTIONS
                ],
                class_name="settings-places",
                aria_label="Settings",
            ),
            rx.el.div(
                rx.el.div(crumb(below, here) if below else rx.fragment(), rx.el.h1(title), class_name="settings-head"),
                *children,
                class_name="settings-body",
            ),
            class_name="settings",
        ),
        here="/settings",
    )


def card(title: str, *children: Content, beside: Content | None = None, name: str = "") -> rx.Component:
    """One thing that can be set."""
    title_id = f"about-{name or title.lower().replace(' ', '-')}"
    return rx.el.section(
        rx.el.header(rx.el.h2(title, id=title_id), *([beside] if beside is not None else [])),
        *children,
        class_name="card setting",
        aria_labelledby=title_id,
    )


def posted_problem(text: rx.Var, seq: rx.Var, name: str = "problem") -> rx.Component:
    """Why a posted form was refused; takes the focus."""
    return rx.cond(
        text != "",
        rx.el.div(
            focus_on_change(target=name, seq=seq),
            icon("circle-alert"),
            rx.el.div(rx.el.b(say("FORM_PROBLEM")), text),
            id=name,
            tab_index=-1,
            role="alert",
            class_name="notice bad field",
        ),
        rx.fragment(),
    )


def posted_done(text: rx.Var) -> rx.Component:
    """What a posted form did."""
    return rx.cond(
        text != "",
        rx.el.p(icon("circle-check"), rx.el.span(text), class_name="notice ok field", role="status"),
        rx.fragment(),
    )
