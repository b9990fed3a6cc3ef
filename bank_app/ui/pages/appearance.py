"""How pages look to a person: every choice is kept at once and said to be."""

from __future__ import annotations

from dataclasses import replace

import reflex as rx

from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.services import preferences
from bank_app.services.preferences import LOCALES, Preferences
from bank_app.ui import calls, forms, messages, words
from bank_app.ui.components.parts import bone, icon
from bank_app.ui.components.settings import card, settings_page
from bank_app.ui.components.signing import theme_choice
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say
from bank_app.ui.session import SessionState, actor_of

_DENSITIES = (("comfortable", "Comfortable"), ("compact", "Compact"))
_SAMPLE_MINOR = 123_456_789


class AppearanceState(rx.State):
    """What was chosen, and a sample of it."""

    loaded: bool = False
    said: str = ""
    error: str = ""
    sample: str = ""
    sample_out: str = ""
    sample_time: str = ""

    @exposed
    async def open(self) -> None:
        """Shows what is chosen now."""
        self.said = self.error = ""
        self._show()

    @exposed
    async def choose_locale(self, locale: str) -> None:
        """Writes amounts and dates like people there."""
        await self._keep(locale=forms.text(locale, 10))

    @exposed
    async def choose_density(self, density: str) -> None:
        """Makes lists more or less dense."""
        await self._keep(density=forms.text(density, 20))

    @exposed
    async def choose_shortcuts(self, shortcuts: bool) -> None:  # noqa: FBT001 - an event of a box to tick
        """Turns single-key shortcuts on or off."""
        await self._keep(shortcuts=shortcuts is True)

    async def _keep(self, **change: object) -> None:
        actor = await actor_of(self)
        session_state = await self.get_state(SessionState)
        shown = Preferences(session_state.locale, session_state.density, session_state.shortcuts)
        try:
            wanted = replace(shown, **change)  # type: ignore[arg-type]
            kept = await calls.write(lambda session: preferences.change(session, actor, wanted))
        except BankError as error:
            self.error, self.said = messages.refusal(error).text, ""
            return
        session_state.locale, session_state.density, session_state.shortcuts = (
            kept.locale, kept.density, kept.shortcuts
        )  # fmt: skip
        money.write_as(kept.locale)
        self.error, self.said = "", say("PREFERENCES_SAVED")
        self._show()

    def _show(self) -> None:
        currency = calls.bank().settings.currency
        self.sample = money.display(_SAMPLE_MINOR, currency)
        self.sample_out = money.display(-2_500, currency, signed=True)
        self.sample_time = words.full_moment(words.clock.now())
        self.loaded = True


def _numbers() -> rx.Component:
    return card(
        "Amounts and dates",
        rx.el.div(
            rx.el.label("Write them like in", html_for="locale"),
            rx.el.select(
                *[rx.el.option(name, value=code) for code, name in LOCALES.items()],
                id="locale",
                name="locale",
                value=SessionState.locale,
                on_change=AppearanceState.choose_locale,
            ),
            class_name="field",
        ),
        rx.el.dl(
            rx.el.div(rx.el.dt("A balance"), rx.el.dd(_sample(AppearanceState.sample))),
            rx.el.div(rx.el.dt("Money out"), rx.el.dd(_sample(AppearanceState.sample_out))),
            rx.el.div(rx.el.dt("A moment"), rx.el.dd(_sample(AppearanceState.sample_time))),
            class_name="facts plain",
        ),
        rx.el.p(
            "Months are written out, so that no day is taken for a month. Times are UTC everywhere, so that everybody "
            "reads the same time on the same receipt. Files that you download have dates like 2026-09-28.",
            class_name="hint",
        ),
    )


def _sample(text: rx.Var) -> rx.Component:
    return rx.cond(AppearanceState.loaded, rx.el.span(text, class_name="money"), bone("12ch"))


def _density() -> rx.Component:
    return card(
        "Density",
        rx.el.fieldset(
            rx.el.legend("How much room rows take", class_name="hidden-visually"),
            *[
                rx.el.label(
                    rx.el.input(
                        type="radio",
                        name="density",
                        value=value,
                        checked=SessionState.density == value,
                        on_change=AppearanceState.choose_density(value),
                    ),
                    words_,
                )
                for value, words_ in _DENSITIES
            ],
            class_name="segments",
        ),
        rx.el.p("How much room the rows of lists take.", class_name="hint"),
    )


def _shortcuts() -> rx.Component:
    return card(
        "Shortcuts",
        rx.el.label(
            rx.el.input(
                type="checkbox",
                name="shortcuts",
                checked=SessionState.shortcuts,
                on_change=AppearanceState.choose_shortcuts,
            ),
            "Single keys do something, such as ? for the list of them",
            class_name="tick",
        ),
        rx.el.p(
            "They never act while you type, and none sends money. Turn them off if you speak to your computer.",
            class_name="hint",
        ),
    )


def appearance() -> rx.Component:
    """The page."""
    return settings_page(
        "Appearance",
        "/settings/appearance",
        rx.el.p(
            rx.cond(AppearanceState.said != "", rx.fragment(icon("circle-check", 16), AppearanceState.said), ""),
            role="status",
            class_name="setting-said",
        ),
        rx.el.p(AppearanceState.error, role="alert", class_name="field-error"),
        card("Theme", theme_choice(), rx.el.p("Kept in this browser only.", class_name="hint")),
        _numbers(),
        _density(),
        _shortcuts(),
    )
