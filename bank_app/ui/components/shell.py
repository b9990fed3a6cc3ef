"""The frame around every page: ribbon, header, navigation, connection bar, foot."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

import reflex as rx

from bank_app.settings import PROJECT
from bank_app.ui.books import BooksState
from bank_app.ui.components.alarm import chain_alarm
from bank_app.ui.components.books import checked_ago
from bank_app.ui.components.browser import connection_bar, jump, theme_button
from bank_app.ui.components.drawer import drawer, palette, shortcuts
from bank_app.ui.components.front import hidden_amounts, keys, opens, panel
from bank_app.ui.components.header import brand, header
from bank_app.ui.components.helped import helped_notice
from bank_app.ui.components.parts import document_link, icon, link
from bank_app.ui.components.signing import session_end
from bank_app.ui.components.step_up import step_up_dialog
from bank_app.ui.session import SessionState

_VERSION = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
_IN_DOCK = 4


@dataclass(frozen=True)
class Place:
    """A place in the navigation; `second` is the word that small rails leave out. `readers` find it only."""

    name: str
    to: str
    symbol: str
    second: str = ""
    stands_out: bool = False
    readers: bool = False


CUSTOMER_PLACES = (
    Place("Home", "/home", "house"),
    Place("Accounts", "/accounts", "credit-card"),
    Place("Move", "/move", "arrow-left-right", second=" money", stands_out=True),
    Place("Activity", "/activity", "list"),
    Place("Payees", "/payees", "contact"),
    Place("Statements", "/statements", "file-text"),
)
STAFF_PLACES = (
    Place("Queue", "/ops", "inbox"),
    Place("Customers", "/ops/customers", "users"),
    Place("Accounts", "/ops/accounts", "credit-card"),
    Place("Transactions", "/ops/transactions", "list"),
    Place("Approvals", "/ops/approvals", "users-round"),
    Place("Audit", "/ops/audit", "link", second=" trail"),
    Place("Security", "/ops/security", "siren", second=" events", readers=True),
    Place("Books", "/ops/books", "scale"),
    Place("Health", "/ops/health", "activity"),
    Place("Users", "/ops/users", "shield"),
)
LAB = Place("Lab", "/lab", "flask-conical")
LAB_PLACES = (
    Place("Run", "/lab/run", ""),
    Place("Compare", "/lab/compare", ""),
)
_ELSEWHERE = (
    Place("Notifications", "/notifications", "bell"),
    Place("Settings", "/settings", "settings"),
    Place("Help", "/help", "circle-help"),
)


def _ribbon() -> rx.Component:
    return rx.cond(
        SessionState.demo,
        rx.el.aside(
            icon("flask-conical", 16),
            rx.el.span(
                rx.el.b("Demo bank — pretend money."),
                " Do not enter real personal details. Data resets when an operator resets it.",
            ),
            class_name="ribbon",
            aria_label="About this bank",
        ),
        rx.fragment(),
    )


def _place(place: Place, here: str, *, small: bool) -> rx.Component:
    words = [place.name] if small else [rx.el.span(place.name, rx.el.span(place.second, class_name="second-word"))]
    current = {"aria-current": "page"} if place.to == here else {}
    shown = link(
        icon(place.symbol),
        *words,
        to=place.to,
        class_name="go" if place.stands_out else "",
        custom_attrs=current,
    )
    return rx.cond(SessionState.reads_security, shown, rx.fragment()) if place.readers else shown


def _places(here: str) -> rx.Component:
    return rx.cond(
        SessionState.is_staff,
        rx.fragment(
            rx.el.p("Operator", class_name="rail-heading"),
            *[_place(place, here, small=False) for place in STAFF_PLACES],
        ),
        rx.fragment(*[_place(place, here, small=False) for place in CUSTOMER_PLACES]),
    )


def _lab(here: str) -> rx.Component:
    """The laboratory, for those who find one."""
    inside = here == LAB.to or here.startswith(LAB.to + "/")
    return rx.cond(
        SessionState.lab,
        rx.el.div(
            _place(LAB, LAB.to if inside else here, small=False),
            *([link(place.name, to=place.to, class_name="below") for place in LAB_PLACES] if inside else []),
            class_name="rail-lab",
        ),
        rx.fragment(),
    )


def _dock(here: str) -> rx.Component:
    def first(places: tuple[Place, ...]) -> rx.Component:
        return rx.fragment(*[_place(place, here, small=True) for place in places[:_IN_DOCK]])

    return rx.fragment(
        rx.cond(SessionState.is_staff, first(STAFF_PLACES), first(CUSTOMER_PLACES)),
        opens(icon("ellipsis"), "More", target="more", class_name="dock-more"),
    )


def _proof() -> rx.Component:
    return rx.cond(
        BooksState.known,
        rx.el.div(
            rx.cond(
                BooksState.balance,
                rx.el.b(icon("shield-check", 16), "Books balance", class_name="good"),
                rx.el.b(icon("shield-alert", 16), "Books are off", class_name="bad"),
            ),
            rx.el.span(BooksState.counted),
            rx.el.br(),
            checked_ago(),
            class_name="proof",
        ),
        rx.fragment(),
    )


def _foot() -> rx.Component:
    return rx.el.footer(
        link(icon("circle-help", 16), "Help", to="/help"),
        opens("Keyboard shortcuts", rx.el.kbd("?"), target="shortcuts", class_name="foot-button with-keyboard"),
        opens(icon("braces", 16), "API behind this page", target="behind", class_name="foot-button"),
        rx.el.span(f"Version {_VERSION} · times in UTC", class_name="end"),
        class_name="foot",
    )


def _more(here: str) -> rx.Component:
    """What has no place in the bottom bar of a phone."""
    return panel(
        rx.el.nav(
            rx.cond(
                SessionState.is_staff,
                rx.fragment(*[_place(place, here, small=False) for place in STAFF_PLACES[_IN_DOCK:]]),
                rx.fragment(*[_place(place, here, small=False) for place in CUSTOMER_PLACES[_IN_DOCK:]]),
            ),
            rx.cond(SessionState.lab, _place(LAB, here, small=False), rx.fragment()),
            *[_place(place, here, small=False) for place in _ELSEWHERE],
            aria_label="More",
            class_name="sheet-places",
        ),
        name="more",
        title="More",
        class_name="sheet",
    )


def _in_front(here: str) -> rx.Component:
    return rx.fragment(
        palette(),
        shortcuts(),
        drawer(),
        _more(here),
        keys(on=SessionState.shortcuts, staff=SessionState.is_staff),
        hidden_amounts(on=SessionState.private),
        step_up_dialog(),
        session_end(),
    )


def shell(*children: rx.Component, here: str = "", bar: bool = False) -> rx.Component:
    """A page for somebody signed in. `here` is the place in the navigation; `bar` makes room for a bottom bar."""
    alarm = [chain_alarm()] if here.startswith("/ops") and here != "/ops/audit" else []
    return rx.el.div(
        jump("Skip to main content", target="main", class_name="skip"),
        _ribbon(),
        header(),
        connection_bar(),
        rx.el.div(
            rx.el.nav(_places(here), _lab(here), _proof(), class_name="rail", aria_label="Main"),
            rx.el.main(helped_notice(), *alarm, *children, _foot(), id="main", tab_index=-1, class_name="page"),
            class_name="frame",
        ),
        rx.el.nav(_dock(here), class_name="dock", aria_label="Main, small"),
        _in_front(here),
        class_name="has-bar" if bar else "",
        custom_attrs={"data-density": SessionState.density},
    )


def public_shell(*children: rx.Component, beside: rx.Component | None = None, narrow: bool = False) -> rx.Component:
    """A page for visitors. `beside` is the one action in the header."""
    return rx.el.div(
        jump("Skip to main content", target="main", class_name="skip"),
        _ribbon(),
        rx.el.header(
            brand("/"),
            rx.el.div(theme_button(), *([beside] if beside is not None else []), class_name="tools"),
            class_name="top",
        ),
        rx.el.main(
            *children,
            rx.el.footer(
                document_link(icon("braces", 16), "API docs", to="/api/v1/docs"),
                rx.el.span("No cookies before you sign in. No request leaves this host.", class_name="end"),
                class_name="foot",
            ),
            id="main",
            tab_index=-1,
            class_name="public narrow" if narrow else "public",
        ),
    )
