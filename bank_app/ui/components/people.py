"""What pages about people share: whether somebody can sign in, and the link with which they choose a password."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button
from bank_app.ui.components.parts import Content, badge, link, notice


def standing_badge(standing: rx.Var) -> rx.Component:
    """Active, locked, disabled or invited: an icon and a word."""
    return rx.match(
        standing,
        ("active", badge("Active", "check", "ok")),
        ("locked", badge("Locked", "lock", "warn")),
        ("disabled", badge("Disabled", "ban", "bad")),
        ("invited", badge("Invited", "mail", "info")),
        rx.fragment(),
    )


def unusual_standing(standing: rx.Var) -> rx.Component:
    """On small screens, where the column is left out, what is not simply active still says so."""
    return rx.cond(standing != "active", rx.el.div(standing_badge(standing), class_name="narrow-only"), rx.fragment())


def handed_over(address: rx.Var, until: rx.Var, whose: Content) -> rx.Component:
    """A link that is shown once, to be given to the person by a way that the bank trusts."""
    return notice(
        rx.el.b("Password link for ", whose),
        rx.el.p(
            "Nobody else at the bank could approve it, so it is whole. Hand it over yourself; the bank sends no "
            "email. It works once, until ",
            until,
            ", and is shown only now. For days little can leave the accounts then.",
        ),
        rx.el.p(address, class_name="hash mono"),
        rx.el.div(copy_button(text=address, label="password link", class_name="btn sm"), class_name="actions"),
        kind="ok",
        symbol="key-round",
        id="password-link",
        tab_index=-1,
    )


def half_shown(half: rx.Var, which: str, until: rx.Var | str, whose: Content) -> rx.Component:
    """One half of a code for a new password, shown once to one of the two who hand it over."""
    return notice(
        rx.el.b(f"The {which} half for ", whose),
        rx.el.p(half, class_name="half mono"),
        rx.el.p(
            "Give it to the person yourself, by a way that you trust, and keep it from your colleague. The other half "
            "is with the other of you. Both are typed on the sign-in page, behind “Forgot your password?”",
            rx.cond(until != "", rx.fragment(", until ", until), rx.fragment()),
            ". It is shown only now.",
        ),
        rx.el.div(copy_button(text=half, label=f"{which} half", class_name="btn sm"), class_name="actions"),
        kind="ok",
        symbol="key-round",
        id="password-half",
        tab_index=-1,
    )


def asked_for(approval: rx.Var, half: rx.Var, whose: Content) -> rx.Component:
    """What was asked for waits for a colleague; with the first half of a code, if there is one."""
    waits = notice(
        rx.el.b("A colleague has to approve this"),
        rx.el.p("Nothing happens before. ", link("See the request", to=approval)),
        kind="info",
        symbol="users",
        id="asked-for",
        tab_index=-1,
    )
    # Where there is no colleague, the mailbox stands in for one.
    mailed = notice(
        rx.el.b("The second half was sent by email"),
        rx.el.p("It works for 30 minutes, with the first half."),
        kind="info",
        symbol="info",
    )
    return rx.fragment(
        rx.cond(approval != "", waits, mailed),
        rx.cond(half != "", half_shown(half, "first", "", whose), rx.fragment()),
    )
