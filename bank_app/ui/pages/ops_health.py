"""For the bank's people: how the bank is doing, looked at every few seconds while the page is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import reflex as rx

from bank_app import clock
from bank_app.errors import BankError
from bank_app.services import health
from bank_app.services.health import State
from bank_app.ui import calls, messages, words
from bank_app.ui.components.gauges import age
from bank_app.ui.components.moving import ticks
from bank_app.ui.components.parts import badge, bone, empty, failed_panel, icon, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.session import actor_of

_EVERY_SECONDS, _FOR_TWO_HOURS = 5, 1440
_NAMED = 4


@dataclass(frozen=True)
class Tile:
    """One figure as it is drawn."""

    key: str
    title: str
    state: str
    value: str
    detail: str
    threshold: str
    advice: str
    line: str
    drawn: str


@dataclass(frozen=True)
class Fact:
    """Something that does not change from one look to the next."""

    name: str
    value: str


class HealthState(rx.State):
    """The page."""

    loaded: bool = False
    failed: str = ""
    paused: bool = False
    heading: str = ""
    at: str = ""
    worker: str = ""
    seconds: int = 0
    looks: int = 0
    tiles: list[Tile] = []
    facts: list[Fact] = []

    @exposed(staff=True)
    async def open(self) -> None:
        """The first look."""
        self.paused = False
        await self._look()

    @exposed(staff=True)
    async def refresh(self) -> None:
        """Another look, unless somebody reads."""
        if self.loaded and not self.paused:
            await self._look()

    @exposed(staff=True)
    async def pause(self) -> None:
        """Stands still, or goes on."""
        self.paused = not self.paused
        if not self.paused:
            await self._look()

    async def _look(self) -> None:
        actor = await actor_of(self)
        try:
            found = await calls.call_apart(health.report, calls.bank().db, actor)
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.tiles = [_tile(tile) for tile in found.tiles]
        self.facts = [Fact(name, value) for name, value in found.facts]
        self.heading = _heading(found.tiles)
        self.at = words.full_moment(found.at) if found.at else ""
        self.seconds = max(0, int((clock.now() - found.at).total_seconds())) if found.at else 0
        self.worker = f"Figures of this worker process ({found.process}), not of all together, unless they say so."
        self.failed, self.loaded = "", True
        self.looks += 1


def _heading(tiles: Sequence[health.Tile]) -> str:
    """What to know first, by name."""
    if not tiles:
        return "Nothing measured yet"
    named = {state: [tile.title for tile in tiles if tile.state is state] for state in State}
    if named[State.ACT]:
        return "Act: " + _listed(named[State.ACT])
    if named[State.WATCH]:
        return "Watch: " + _listed(named[State.WATCH])
    if not named[State.GOOD]:
        return "No data"
    return "Good: everything that is measured is within its threshold"


def _listed(titles: list[str]) -> str:
    shown = ", ".join(titles[:_NAMED])
    return f"{shown} and {len(titles) - _NAMED} more" if len(titles) > _NAMED else shown


def _tile(tile: health.Tile) -> Tile:
    most = max(tile.points, default=0.0)
    return Tile(
        key=tile.key,
        title=tile.title,
        state=tile.state.value,
        value=tile.value,
        detail=tile.detail,
        threshold=tile.threshold,
        advice=tile.advice,
        line=_path(tile.points, most),
        drawn="" if len(tile.points) < 2 else f"{words.count(len(tile.points), 'measurement')} of the last hour",
    )


def _path(points: Sequence[float], most: float) -> str:
    """The last hour as a line in a box of 1000 by 100; the newest at its right end."""
    if len(points) < 2:
        return ""
    step = 1000 / (len(points) - 1)
    heights = [98 - 94 * point / most if most else 98.0 for point in points]
    return "M" + " L".join(f"{index * step:.0f} {height:.1f}" for index, height in enumerate(heights))


# --- what it looks like -----------------------------------------------------------------------------------


def state_badge(state: rx.Var) -> rx.Component:
    """Good, Watch, Act, or not known: an icon and a word."""
    return rx.match(
        state,
        ("good", badge("Good", "check", "ok")),
        ("watch", badge("Watch", "eye", "warn")),
        ("act", badge("Act", "octagon-alert", "bad")),
        badge("Not known", "circle-help"),
    )


def _one(tile: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.h2(tile.title),
            rx.el.span(state_badge(tile.state), class_name="state"),
            rx.el.span(badge("No data", "circle-help"), class_name="state-stale"),
            class_name="tile-head",
        ),
        rx.el.p(tile.value, class_name="tile-value"),
        rx.el.p(tile.detail, class_name="tile-detail"),
        rx.cond(
            tile.line != "",
            rx.el.svg(
                rx.el.path(d=tile.line, class_name="line"),
                view_box="0 0 1000 100",
                class_name="spark",
                custom_attrs={"preserveAspectRatio": "none", "role": "img", "aria-label": tile.drawn},
            ),
            rx.el.span(class_name="spark"),
        ),
        rx.el.p(tile.threshold, class_name="tile-threshold"),
        rx.cond(
            tile.advice != "",
            rx.el.details(
                rx.el.summary("What to do", rx.el.span(" about ", tile.title, class_name="hidden-visually")),
                rx.el.p(tile.advice),
            ),
            rx.fragment(),
        ),
        class_name="tile " + tile.state,
        key=tile.key,
    )


def _bones() -> rx.Component:
    return rx.fragment(
        *[
            rx.el.li(
                rx.el.div(bone("12ch", "1em"), class_name="tile-head"),
                bone("7ch", "1.6em"),
                bone("20ch"),
                class_name="tile",
                custom_attrs={"aria-hidden": "true"},
            )
            for _ in range(12)
        ]
    )


def _facts() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("This installation")),
        rx.el.dl(
            rx.foreach(
                HealthState.facts,
                lambda fact: rx.el.div(rx.el.dt(fact.name), rx.el.dd(fact.value), key=fact.name),
            ),
            class_name="figures plain",
        ),
        class_name="card flush ruled",
    )


def ops_health() -> rx.Component:
    """The page."""
    state = HealthState
    return shell(
        page_head(
            "Health",
            rx.el.div(
                rx.cond(state.loaded, age(seq=state.looks, paused=state.paused, base=state.seconds), rx.fragment()),
                rx.el.button(
                    rx.cond(state.paused, icon("play", 16), icon("pause", 16)),
                    rx.cond(state.paused, "Go on", "Pause"),
                    type="button",
                    on_click=state.pause,
                    class_name="btn",
                ),
                class_name="live-line",
            ),
            sub=rx.cond(state.loaded, state.heading, "Looking"),
        ),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("figures")),
        rx.cond(
            state.loaded & (state.tiles.length() == 0),
            empty("Nothing is measured yet. The first figures come a few seconds after a worker has started."),
            rx.el.ul(rx.cond(state.loaded, rx.foreach(state.tiles, _one), _bones()), class_name="tiles"),
        ),
        rx.cond(state.facts.length() > 0, _facts(), rx.fragment()),
        rx.el.p(state.worker, class_name="small muted worker"),
        ticks(
            every=_EVERY_SECONDS,
            times=rx.cond(state.paused, 0, _FOR_TWO_HOURS),
            seq=0,
            on_tick=state.refresh.temporal,
        ),
        here="/ops/health",
    )
