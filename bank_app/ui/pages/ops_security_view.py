"""What the security events look like."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button, focus_on_change
from bank_app.ui.components.desk import (
    chip,
    columns,
    filter_input,
    filter_select,
    filter_trouble,
    find_box,
    listing,
    row_bones,
)
from bank_app.ui.components.live import freshness, new_rows_pill
from bank_app.ui.components.parts import (
    badge,
    bone,
    document_link,
    empty,
    failed_panel,
    icon,
    link,
    load_more,
    page_head,
    waiting,
)
from bank_app.ui.components.shell import shell
from bank_app.ui.pages.ops_security import SecurityEventsState
from bank_app.ui.security_words import EVENTS, OUTCOMES, PATH

_COLUMNS = (
    ("Time, UTC", ""), ("Event", "wide-only"), ("Who", ""), ("Object", "wide-only"), ("Outcome", "wide-only"),
    ("Reason", "wide-only"), ("Address", "wide-only"),
)  # fmt: skip


# --- alarms -----------------------------------------------------------------------------------------------


def _alarm(one: rx.Var) -> rx.Component:
    return rx.el.li(
        icon("siren"),
        rx.el.div(
            rx.el.b(one.title),
            rx.el.p(rx.el.span(one.about, class_name="strong"), " · ", one.count, " since ", one.since),
            class_name="grow",
        ),
        link("Show", rx.el.span(" ", one.title, ": ", one.about, class_name="hidden-visually"), to=one.address,
             class_name="btn sm"),
        key=one.key,
    )  # fmt: skip


def _alarms() -> rx.Component:
    state = SecurityEventsState
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Alarms", class_name="card-heading", id="alarms"),
            rx.el.span("of the last hour", class_name="small muted"),
        ),
        rx.cond(
            state.loaded,
            rx.cond(
                state.alarms.length() > 0,
                rx.el.ul(rx.foreach(state.alarms, _alarm), class_name="alarms"),
                empty("No alarms. Nobody tries many emails, is refused often or looks at very much."),
            ),
            rx.el.div(bone("28ch"), class_name="empty"),
        ),
        class_name="card flush ruled",
        aria_labelledby="alarms",
    )


# --- the list ---------------------------------------------------------------------------------------------


def _outcome(outcome: rx.Var) -> rx.Component:
    return rx.cond(outcome == "refused", badge("Refused", "octagon-x", "warn"), badge("Allowed", "check", "ok"))


def _row(row: rx.Var) -> rx.Component:
    is_open = SecurityEventsState.opened == row.id
    return rx.fragment(
        rx.el.tr(
            rx.el.td(
                rx.el.button(
                    row.time,
                    rx.el.span(": ", row.event, class_name="hidden-visually"),
                    id=row.key,
                    type="button",
                    on_click=SecurityEventsState.look_at(row.id),
                    class_name="no",
                    custom_attrs={"aria-expanded": rx.cond(is_open, "true", "false")},
                ),
                rx.el.small(row.day, class_name="wide-only"),
                rx.el.small(row.event, class_name="narrow-only"),
                class_name="time",
            ),
            rx.el.td(row.event, class_name="wide-only"),
            rx.el.td(
                rx.el.b(row.who),
                rx.el.small(row.role, class_name="wide-only"),
                rx.el.small(row.address, class_name="narrow-only"),
            ),
            rx.el.td(row.object, class_name="wide-only reason"),
            rx.el.td(_outcome(row.outcome), class_name="wide-only"),
            rx.el.td(row.reason, class_name="wide-only muted"),
            rx.el.td(row.address, class_name="wide-only muted num"),
            class_name=rx.cond(is_open, "chosen", ""),
        ),
        rx.cond(is_open, _drawer(), rx.fragment()),
        key=row.key,
    )


def _pair(label: str, value: rx.Var, shown: rx.Component | rx.Var | None = None) -> rx.Component:
    """One line of what is known; nothing where there is nothing."""
    line = rx.el.div(rx.el.dt(label), rx.el.dd(value if shown is None else shown))
    return rx.cond(value != "", line, rx.fragment())


def _drawer() -> rx.Component:
    one = SecurityEventsState.of_event
    known = rx.el.dl(
        _pair("Who", one.who, rx.cond(one.person_address != "", link(one.who, to=one.person_address), one.who)),
        _pair("When", one.when),
        _pair("Object", one.object),
        _pair("Outcome", one.outcome, _outcome(one.outcome)),
        _pair("Reason", one.reason),
        _pair("Showed", one.factor),
        _pair("Counted", one.happened),
        class_name="kv",
    )
    whence = rx.el.dl(
        _pair("Door", one.door),
        _pair("Address", one.address),
        _pair("Network", one.network, link(one.network, to=one.network_address)),
        _pair("Request", one.request, rx.el.code(one.request)),
        _pair("Email", one.email, rx.el.code(one.email)),
        _pair("Event", one.name, rx.el.code(one.name)),
        rx.foreach(
            SecurityEventsState.facts,
            lambda fact: rx.el.div(rx.el.dt(fact.name), rx.el.dd(fact.value), key=fact.name),
        ),
        class_name="kv",
    )
    content = rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.el.h3(one.event),
                copy_button(text=one.document, label="JSON", class_name="btn quiet tiny"),
                rx.el.button("Close", type="button", on_click=SecurityEventsState.close, class_name="btn quiet tiny"),
                class_name="drawer-head",
            ),
            known,
        ),
        rx.el.div(rx.el.h3("Where it came from"), whence),
        class_name="record-drawer",
        role="region",
        aria_label=one.event,
    )
    return rx.el.tr(
        rx.el.td(
            rx.cond(
                SecurityEventsState.shown == SecurityEventsState.opened,
                content,
                rx.el.div(bone("24ch"), waiting("event"), class_name="record-drawer"),
            ),
            col_span=len(_COLUMNS),
        ),
        class_name="drawer-row",
    )


def _table() -> rx.Component:
    return listing(
        "Security events, newest first",
        columns(*_COLUMNS),
        rx.el.tbody(
            rx.cond(
                SecurityEventsState.loaded,
                rx.foreach(SecurityEventsState.rows, _row),
                row_bones(("7ch", "14ch", "12ch", "14ch", "7ch", "12ch", "9ch")),
            )
        ),
        id="events",
        kind="trail",
    )


def _search() -> rx.Component:
    state, wanted = SecurityEventsState, SecurityEventsState.asked
    return rx.el.form(
        rx.el.div(
            find_box("q", "Person, email, object, reason or request", wanted.q),
            rx.el.button("Search", type="submit", class_name="btn"),
            rx.el.button(
                icon("sliders-horizontal", 16),
                "Filters",
                type="button",
                on_click=state.show_filters,
                class_name="btn",
                custom_attrs={
                    "aria-expanded": rx.cond(state.filters_open, "true", "false"),
                    "aria-controls": "more-filters",
                },
            ),
            class_name="filter-bar",
        ),
        filter_trouble(wanted),
        rx.el.div(
            rx.el.div(
                filter_select("Event", "event", EVENTS, wanted.event, "Any event"),
                filter_select("Outcome", "outcome", OUTCOMES, wanted.outcome, "Any outcome"),
                filter_input("Address or network", "network", wanted, max_length=45),
                filter_input("Since", "since", wanted, type="date"),
                filter_input("Until", "until", wanted, type="date"),
                rx.el.input(type="hidden", name="person", default_value=wanted.person, key="person" + wanted.person),
                class_name="fields",
            ),
            rx.el.button("Show events", type="submit", class_name="btn primary"),
            id="more-filters",
            hidden=~state.filters_open,
            class_name="more-filters",
        ),
        on_submit=state.search,
        reset_on_submit=False,
        class_name="desk-filters",
        role="search",
        aria_label="Security events",
    )


def _chips() -> rx.Component:
    state = SecurityEventsState
    return rx.el.div(
        rx.foreach(state.chips, chip),
        rx.cond(state.filtered, link("Clear all", to=PATH, class_name="btn quiet sm"), rx.fragment()),
        rx.el.span(state.said, role="status", class_name="result end"),
        freshness(),
        document_link(icon("download", 16), "CSV", to=state.as_csv, class_name="btn sm"),
        document_link(icon("download", 16), "JSON", to=state.as_json, class_name="btn sm"),
        class_name="chips desk-chips",
    )


def _events() -> rx.Component:
    state = SecurityEventsState
    return rx.el.section(
        _search(),
        _chips(),
        new_rows_pill(state.fresh, state.show_fresh, list_id="events"),
        rx.cond(
            state.loaded & (state.rows.length() == 0),
            rx.cond(
                state.filtered,
                empty("No events match.", link("Clear filters", to=PATH, class_name="btn sm")),
                empty("Nothing yet. The first sign-in will be here."),
            ),
            _table(),
        ),
        load_more(state.more, state.load_more),
        focus_on_change(target=state.first_new, seq=state.loads),
        focus_on_change(target=state.closed_row, seq=state.closed),
        class_name="card flush",
        aria_label="Security events",
    )


def ops_security() -> rx.Component:
    """The page. Whom the service does not show it has the reason and nothing else."""
    state = SecurityEventsState
    return shell(
        page_head("Security events", sub="Who came in, who was refused, and what was taken away."),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("events")),
        rx.cond(
            state.loaded | (state.failed == ""),
            rx.fragment(_alarms(), _events()),
            rx.fragment(),
        ),
        here=PATH,
    )
