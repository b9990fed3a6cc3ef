"""All pages: their addresses, titles, first events, and whether they need somebody signed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app.ui.books import BooksState
from bank_app.ui.pages.not_found import not_found
from bank_app.ui.pages import sign_in as sign_in_page
from bank_app.ui.session import SessionState

STYLES = ("tokens", "base", "shell", "accounts", "forms")
# Addresses that start with these are pages for people signed in.
PROTECTED = ("/home", "/accounts", "/move", "/transactions", "/desk")
# Pages for visitors; somebody signed in is sent on.
WELCOME = ("/", "/sign-in", "/sign-up")


@dataclass(frozen=True)
class Page:
    """One page of the site."""

    route: str
    title: str
    component: Callable[[], rx.Component]
    on_load: Sequence[Any] = ()


PAGES: tuple[Page, ...] = (
    Page("/sign-in", "Sign in", sign_in_page.sign_in, sign_in_page.ON_LOAD),
    Page("404", "Page not found", not_found),
)


def add_pages(app: rx.App) -> None:
    """Registers every page; titles end with the name of the bank."""
    for page in PAGES:
        on_load = [*page.on_load] if not page.route.startswith(PROTECTED) else [*page.on_load, BooksState.look]
        app.add_page(
            page.component,
            route=page.route,
            title=rx.Var.create(page.title + " – ") + SessionState.bank_name,
            on_load=on_load or None,
        )
