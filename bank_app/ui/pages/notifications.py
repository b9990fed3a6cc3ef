"""What a person should hear of, by day: money that came in, what the bank changed, what touches the sign-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.errors import BankError
from bank_app.services import notices
from bank_app.services.actor import Actor
from bank_app.services.lists import Page
from bank_app.services.notices import Notice
from bank_app.ui import calls, messages
from bank_app.ui.components.browser import focus_on_change
from bank_app.ui.components.live import freshness, new_rows_pill
from bank_app.ui.components.parts import empty, failed_panel, icon, link, page_head, waiting
from bank_app.ui.components.rows import row_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.live import LiveState
from bank_app.ui.messages import say
from bank_app.ui.notice_words import Line, line
from bank_app.ui.notices import is_full
from bank_app.ui.session import actor_of

_PAGE = 25
# Pages of a person whose own payments are very many may be empty; so many are read for one press.
_PAGES_AT_ONCE = 8


@dataclass(frozen=True)
class Day:
    """The notices of one day."""

    heading: str = ""
    lines: list[Line] = field(default_factory=list)


class NotificationsState(rx.State):
    """The list as it was read; what came since then waits until it is asked for."""

    loaded: bool = False
    failed: str = ""
    days: list[Day] = []
    more: bool = False
    unread: bool = False
    fresh: int = 0
    said: str = ""
    first_new: str = ""
    loads: int = 0
    _lines: list[Line] = []
    _cursor: str | None = None

    @exposed
    async def open(self) -> None:
        """Loads the newest."""
        actor = await actor_of(self)
        try:
            page = await calls.read(lambda session: _read(session, actor, None))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self._cursor, self.failed, self.fresh, self.said = page.next_cursor, "", 0, ""
        self._show(_lines(page.items))
        self.loaded = True

    @exposed
    async def refresh(self) -> None:
        """Counts what has come in; an empty list shows it at once."""
        if not self.loaded:
            return
        actor = await actor_of(self)
        try:
            page = await calls.read(lambda session: _read(session, actor, None))
        except BankError:
            return
        shown = {shown.key for shown in self._lines}
        self.fresh = sum(1 for notice in page.items if notice.key not in shown)
        if not shown and self.fresh:
            await self._show_newest(page)

    @exposed
    async def show_new(self) -> None:
        """Puts what has come in at the top."""
        actor = await actor_of(self)
        page = await calls.read(lambda session: _read(session, actor, None))
        await self._show_newest(page)

    @exposed
    async def load_more(self) -> None:
        """Older ones below the last; the focus goes to the first of them."""
        if self._cursor is None or await is_full(self, self._lines):
            return
        actor, cursor = await actor_of(self), self._cursor
        page = await calls.read(lambda session: _read(session, actor, cursor))
        older = _lines(page.items)
        self._cursor = page.next_cursor
        self._show([*self._lines, *older])
        self.said = f"{len(older)} more loaded, {len(self._lines)} shown"
        self.first_new = f"notice-{older[0].key}" if older else ""
        self.loads += 1

    @exposed
    async def mark_all_read(self) -> None:
        """Says how many that were; the bell follows."""
        actor = await actor_of(self)
        try:
            count = await calls.write(lambda session: notices.mark_all_read(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        many = count > notices.MOST_UNREAD
        self.said = say("NOTICES_READ", count=f"More than {notices.MOST_UNREAD}" if many else count)
        page = await calls.read(lambda session: _read(session, actor, None))
        self._cursor, self.fresh = page.next_cursor, 0
        self._show(_lines(page.items))
        (await self.get_state(LiveState)).unread = 0

    async def _show_newest(self, page: Page[Notice]) -> None:
        newest = _lines(page.items)
        known = {line.key for line in newest}
        if not self._lines or known & {line.key for line in self._lines}:
            self._show([*newest, *(line for line in self._lines if line.key not in known)])
        else:
            # More came than a page holds: what lies between would be missing.
            self._cursor = page.next_cursor
            self._show(newest)
        self.fresh = 0

    def _show(self, lines: list[Line]) -> None:
        self._lines = lines
        self.days = [Day(heading, list(group)) for heading, group in groupby(lines, key=lambda line: line.day)]
        self.unread = any(line.new for line in lines)
        self.more = self._cursor is not None


def _read(session: Session, actor: Actor, cursor: str | None) -> Page[Notice]:
    """One page, or as many as it takes until there is something on it."""
    page = notices.list_notices(session, actor, limit=_PAGE, cursor=cursor)
    for _ in range(_PAGES_AT_ONCE):
        if page.items or page.next_cursor is None:
            break
        page = notices.list_notices(session, actor, limit=_PAGE, cursor=page.next_cursor)
    return page


def _lines(found: list[Notice]) -> list[Line]:
    bank = calls.bank().settings.name
    return [line(notice, bank) for notice in found]


# --- what it looks like -------------------------------------------------------------------------------


def _symbol(notice: rx.Var) -> rx.Component:
    return rx.el.span(
        rx.match(
            notice.symbol,
            ("in", icon("arrow-down-left", 18)),
            ("out", icon("arrow-up-right", 18)),
            ("reversal", icon("undo-2", 18)),
            ("frozen", icon("snowflake", 18)),
            ("account", icon("credit-card", 18)),
            icon("shield", 18),
        ),
        class_name=rx.cond(notice.incoming, "direction in", "direction"),
    )


def _row(notice: rx.Var) -> rx.Component:
    return rx.el.li(
        _symbol(notice),
        rx.el.span(
            link(notice.title, to=notice.address, class_name="who", id=f"notice-{notice.key}"),
            rx.el.span(notice.meta, class_name="meta"),
            class_name="grow",
        ),
        rx.el.span(
            rx.cond(notice.new, rx.el.span("New", class_name="fresh"), rx.fragment()),
            rx.el.small(notice.time),
            class_name="value",
        ),
        class_name="row",
        key=notice.key,
    )


def _day(day: rx.Var) -> rx.Component:
    return rx.el.section(
        rx.el.h2(day.heading),
        rx.el.ul(rx.foreach(day.lines, _row), class_name="rows"),
        aria_label=day.heading,
        key=day.heading,
    )


def _list() -> rx.Component:
    state = NotificationsState
    return rx.el.div(
        rx.foreach(state.days, _day),
        rx.cond(
            state.more,
            rx.el.p(
                rx.el.button(f"Load {_PAGE} more", type="button", on_click=state.load_more, class_name="btn"),
                class_name="more-rows",
            ),
            rx.fragment(),
        ),
        id="notices",
        class_name="card flush notices",
    )


def notifications() -> rx.Component:
    """The page."""
    state = NotificationsState
    return shell(
        page_head(
            "Notifications",
            freshness(),
            rx.cond(
                state.unread,
                rx.el.button("Mark all read", type="button", on_click=state.mark_all_read, class_name="btn"),
                rx.fragment(),
            ),
            sub="The last 90 days",
        ),
        rx.el.p(state.said, role="status", class_name="hidden-visually"),
        focus_on_change(target=state.first_new, seq=state.loads),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(
            state.loaded,
            rx.fragment(
                new_rows_pill(state.fresh, state.show_new, list_id="notices"),
                rx.cond(
                    state.days.length() > 0,
                    _list(),
                    rx.cond(
                        state.more,
                        rx.el.div(
                            empty(
                                "Nothing in what was looked through so far.",
                                rx.el.button(
                                    "Look further back", type="button", on_click=state.load_more, class_name="btn"
                                ),
                            ),
                            class_name="card",
                        ),
                        rx.el.div(empty(say("NOTICES_NONE")), class_name="card"),
                    ),
                ),
            ),
            rx.fragment(waiting("notifications"), rx.el.div(row_bones(6), class_name="card flush")),
        ),
        here="/notifications",
    )
