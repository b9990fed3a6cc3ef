"""What waits for the bank's people, how the bank is doing, and what they did today. Nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app import clock
from bank_app.errors import BankError
from bank_app.services import health, integrity, queue, right_now
from bank_app.services.actor import Actor
from bank_app.ui import calls, forms, messages, queue_words, words
from bank_app.ui.components.browser import submit_on_change
from bank_app.ui.components.desk import columns, listing
from bank_app.ui.components.live import freshness
from bank_app.ui.components.moving import ticks
from bank_app.ui.components.parts import badge, bone, empty, failed_panel, icon, link, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.queue_words import KIND_WORDS, Counter, Deed, Row
from bank_app.ui.session import actor_of

# What is shown of how the bank is doing; the rest is on the page about that.
_TILES = ("api", "database", "connections", "sealing")
_EVERY_SECONDS, _FOR_A_DAY = 30, 2_880


@dataclass(frozen=True)
class Sign:
    """One thing about how the bank is doing: a state in a word, and a figure."""

    name: str
    state: str
    value: str


class QueueState(rx.State):
    """The page as it was at its last look."""

    loaded: bool = False
    failed: str = ""
    paused: bool = False
    heading: str = "Queue"
    day: str = ""
    at: str = ""
    kind: str = ""
    kind_word: str = ""
    total: int = 0
    rows: list[Row] = []
    unlisted: str = ""
    counters: list[Counter] = []
    posted: int = 0
    signs: list[Sign] = []
    deeds: list[Deed] = []
    _books_known: bool = True

    @exposed(staff=True)
    async def open(self) -> Any:
        """Looks, with the kind in the address."""
        kind = forms.text(self.router.url.query_parameters.get("kind"), 20)
        self.kind = kind if kind in KIND_WORDS else ""
        self.kind_word = KIND_WORDS.get(self.kind, "")
        self.paused = False
        await self._look()
        if not self._books_known:
            # Nobody has checked them since this process began: the rest of the page need not wait for it.
            yield
            await calls.call_apart(integrity.latest, calls.bank().db)
            await self._look(fresh=True)

    @exposed(staff=True)
    async def refresh(self) -> None:
        """Looks again, unless somebody wants the page to stand still."""
        if self.loaded and not self.paused:
            await self._look()

    @exposed(staff=True)
    async def pause(self) -> None:
        """Stands still, or goes on."""
        self.paused = not self.paused
        if not self.paused:
            await self._look()

    @exposed(staff=True)
    def choose(self, form: dict[str, Any]) -> Any:
        """Puts the kind into the address, which shows it."""
        kind = forms.field(form, "kind", 20)
        return rx.redirect(f"/ops?kind={kind}" if kind in KIND_WORDS else "/ops")

    async def _look(self, *, fresh: bool = False) -> None:
        actor = await actor_of(self)
        try:
            found = await calls.call(queue.look if fresh else queue.latest, calls.bank().db, actor)
            posted, done = await calls.read(
                lambda session: (right_now.posted_last_minute(session, actor), right_now.done_today(session, actor))
            )
            self.signs = await calls.call(_signs, actor)
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        items = [item for item in found.items if self.kind in ("", item.kind.value)]
        now = clock.now()
        self.heading, self.total = queue_words.heading(found.total), found.total
        self.rows = [queue_words.row(item, now) for item in items]
        unlisted = (found.total if not self.kind else found.counts[queue.Kind(self.kind)]) - len(items)
        self.unlisted = f"{unlisted:,} more are not listed." if unlisted > 0 else ""
        self.counters = queue_words.counters(found)
        self.posted = posted
        self.deeds = [queue_words.deed(one) for one in done]
        self.day = f"{words.long_day(found.at)}, {words.time_of_day(found.at)} UTC"
        self.at = words.time_of_day(found.at)
        self._books_known = found.books.at is not None
        self.failed, self.loaded = "", True


def _signs(actor: Actor) -> list[Sign]:
    tiles = {tile.key: tile for tile in health.report(calls.bank().db, actor).tiles}
    return [
        Sign(tiles[key].title, tiles[key].state.value, tiles[key].value) for key in _TILES if key in tiles
    ]  # fmt: skip


# --- what it looks like -----------------------------------------------------------------------------------


def kind_icon(kind: rx.Var, size: int = 18) -> rx.Component:
    """The sign of a kind; the words beside it say the same."""
    return rx.match(
        kind,
        ("chain", icon("link", size)),
        ("books", icon("scale", size)),
        ("approval", icon("users", size)),
        ("volume", icon("trending-up", size)),
        ("locked", icon("lock", size)),
        ("frozen", icon("snowflake", size)),
        ("hold", icon("hourglass", size)),
        icon("circle-minus", size),
    )


def state_badge(state: rx.Var) -> rx.Component:
    """Good, watch, act, or not known."""
    return rx.match(
        state,
        ("good", badge("Good", "check", "ok")),
        ("watch", badge("Watch", "eye", "warn")),
        ("act", badge("Act", "triangle-alert", "bad")),
        badge("Not known", "circle-help"),
    )


def _counter(counter: rx.Var) -> rx.Component:
    return link(
        rx.el.span(kind_icon(counter.kind, 16), counter.name, class_name="name"),
        rx.el.span(
            counter.value,
            class_name=rx.cond(counter.is_word, rx.Var.create("value word ") + counter.tone, "value"),
        ),
        rx.el.span(counter.detail, class_name="detail"),
        to=counter.address,
        key=counter.kind,
    )


def _counters() -> rx.Component:
    bones = [
        rx.el.div(bone("9ch"), bone("3ch", "1.75rem"), bone("8ch"), class_name="none", aria_hidden="true")
        for _ in range(7)
    ]
    return rx.el.nav(
        rx.cond(QueueState.loaded, rx.foreach(QueueState.counters, _counter), rx.fragment(*bones)),
        class_name="counters",
        aria_label="How much waits, by kind",
    )


def _row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.div(
                rx.el.span(kind_icon(row.kind), class_name=rx.Var.create("sign ") + row.tone),
                rx.el.div(rx.el.b(row.title), rx.el.small(row.about)),
                class_name="thing",
            ),
            class_name="what",
        ),
        rx.el.td(rx.el.span(row.amount, class_name="amount"), class_name="right amt"),
        rx.el.td(row.why, rx.el.small(row.more), class_name="why"),
        rx.el.td(row.waiting, class_name="right age"),
        rx.el.td(
            link(
                row.action,
                rx.el.span(": ", row.title, ", ", row.about, class_name="hidden-visually"),
                to=row.address,
                class_name="btn sm",
            ),
            class_name="right act",
        ),
        key=row.key,
    )


def _bones() -> rx.Component:
    return rx.fragment(
        *[
            rx.el.tr(
                rx.el.td(
                    rx.el.div(
                        bone("32px", "32px"), rx.el.div(bone("18ch", "1em"), rx.el.br(), bone("24ch")),
                        class_name="thing",
                    ),
                    class_name="what",
                ),
                rx.el.td(bone("7ch"), class_name="right amt"),
                rx.el.td(bone("16ch"), class_name="why"),
                rx.el.td(bone("6ch"), class_name="right age"),
                rx.el.td(bone("5ch", "2em"), class_name="right act"),
            )
            for _ in range(3)
        ]
    )  # fmt: skip


def _table() -> rx.Component:
    return listing(
        "What waits, most urgent first",
        columns(("What", ""), ("Amount", "right"), ("Why it is here", ""), ("Waiting", "right"), action="Action"),
        rx.el.tbody(rx.cond(QueueState.loaded, rx.foreach(QueueState.rows, _row), _bones())),
        kind="queue",
    )


def _kinds() -> rx.Component:
    return rx.el.form(
        rx.el.label("Show", html_for="kind", class_name="hidden-visually"),
        rx.el.select(
            rx.el.option("All kinds", value=""),
            *[rx.el.option(name, value=kind) for kind, name in KIND_WORDS.items()],
            id="kind",
            name="kind",
            default_value=QueueState.kind,
            key="kind-" + QueueState.kind,
        ),
        submit_on_change(),
        on_submit=QueueState.choose,
        reset_on_submit=False,
        class_name="more",
    )


def _waiting() -> rx.Component:
    nothing = rx.cond(
        QueueState.kind != "",
        empty(
            rx.fragment("Nothing of this kind waits: ", QueueState.kind_word, "."),
            link("Show all kinds", to="/ops", class_name="btn sm"),
        ),
        rx.el.div(
            icon("circle-check", 24),
            rx.el.p(rx.el.b("Nothing needs you."), " Last check ", QueueState.at, "."),
            class_name="all-done",
        ),
    )
    return rx.el.section(
        rx.el.header(rx.el.h2("Waiting, most urgent first", class_name="card-heading", id="waiting"), _kinds()),
        rx.cond(QueueState.loaded & (QueueState.rows.length() == 0), nothing, _table()),
        rx.cond(
            QueueState.unlisted != "",
            rx.el.p(QueueState.unlisted, class_name="ledger-foot"),
            rx.fragment(),
        ),
        class_name="card flush ruled",
        aria_labelledby="waiting",
    )


def _sign(sign: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.dt(sign.name), rx.el.dd(state_badge(sign.state), rx.el.b(sign.value, class_name="num")), key=sign.name
    )


def _now() -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.h2("The bank right now", class_name="card-heading", id="right-now"),
            link("Health", to="/ops/health", class_name="more"),
        ),
        rx.el.dl(
            rx.el.div(
                rx.el.dt("Payments in the last minute"),
                rx.el.dd(
                    rx.cond(
                        QueueState.loaded,
                        rx.el.span(rx.el.b(QueueState.posted, class_name="num"), " posted"),
                        bone("10ch"),
                    )
                ),
            ),
            rx.foreach(QueueState.signs, _sign),
            class_name="vital",
        ),
        class_name="card flush ruled",
        aria_labelledby="right-now",
    )


def _deed(deed: rx.Var) -> rx.Component:
    return rx.el.li(rx.el.time(deed.time), rx.el.span(rx.el.b(deed.who), " ", deed.did), key=deed.key)


def _done() -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Done by the team today", class_name="card-heading", id="done"),
            link("Audit trail", to="/ops/audit", class_name="more"),
        ),
        rx.cond(
            QueueState.loaded,
            rx.cond(
                QueueState.deeds.length() > 0,
                rx.el.ol(rx.foreach(QueueState.deeds, _deed), class_name="deeds"),
                empty("Nothing yet today. The day begins at midnight UTC."),
            ),
            rx.el.ol(*[rx.el.li(bone("5ch"), bone("28ch")) for _ in range(3)], class_name="deeds", aria_hidden="true"),
        ),
        class_name="card flush ruled",
        aria_labelledby="done",
    )


def _live() -> rx.Component:
    return rx.el.div(
        rx.cond(
            QueueState.paused,
            rx.el.span("Paused at ", QueueState.at, class_name="small muted"),
            freshness(),
        ),
        rx.el.button(
            rx.cond(QueueState.paused, icon("play", 16), icon("pause", 16)),
            rx.cond(QueueState.paused, "Resume", "Pause"),
            type="button",
            on_click=QueueState.pause,
            class_name="btn sm",
        ),
        class_name="live-line",
    )


def ops_queue() -> rx.Component:
    """The page."""
    return shell(
        page_head(
            QueueState.heading,
            _live(),
            sub=rx.cond(QueueState.loaded, QueueState.day, bone("24ch")),
        ),
        rx.cond(QueueState.failed != "", failed_panel(QueueState.failed, QueueState.open), rx.fragment()),
        rx.cond(QueueState.loaded, rx.fragment(), waiting("what waits")),
        _counters(),
        _waiting(),
        rx.el.div(_now(), _done(), class_name="halves"),
        ticks(every=_EVERY_SECONDS, times=_FOR_A_DAY, seq=0, on_tick=QueueState.refresh),
        here="/ops",
    )
