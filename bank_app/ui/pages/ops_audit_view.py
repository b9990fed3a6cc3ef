"""What the audit trail looks like."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.audit_filters import PATH
from bank_app.ui.audit_words import OUTCOMES
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
from bank_app.ui.components.moving import when
from bank_app.ui.components.parts import (
    badge,
    bone,
    document_link,
    empty,
    failed_panel,
    icon,
    link,
    load_more,
    notice,
    page_head,
    waiting,
)
from bank_app.ui.components.shell import shell
from bank_app.ui.pages.ops_audit import AuditState
from bank_app.ui.session import SessionState
from bank_app.ui.verifying import ChainState

_COLUMNS = (
    ("No.", ""), ("Time, UTC", "wide-only"), ("Actor", ""), ("Action", "wide-only"), ("Object", "wide-only"),
    ("Outcome", "wide-only"), ("Reason", "wide-only"), ("Address", "wide-only"), ("Hash", "right wide-only"),
)  # fmt: skip


# --- the banner -------------------------------------------------------------------------------------------


def _verify_button() -> rx.Component:
    return rx.cond(
        ChainState.running,
        rx.el.button("Cancel", type="button", on_click=ChainState.stop, class_name="btn"),
        rx.el.button(
            icon("shield-check", 16),
            "Verify chain",
            type="button",
            on_click=ChainState.verify({}).temporal,
            disabled=~SessionState.signed_in,
            class_name="btn primary",
        ),
    )


def _progress() -> rx.Component:
    return rx.cond(
        ChainState.running,
        rx.el.div(
            rx.el.label("Verifying: ", ChainState.progress, html_for="verifying", class_name="small"),
            rx.el.progress(
                id="verifying",
                value=ChainState.done,
                max=rx.cond(ChainState.total > 0, ChainState.total, 1),
                custom_attrs={"aria-valuetext": ChainState.progress},
            ),
            class_name="verifying",
        ),
        rx.fragment(),
    )


def _two_hashes(expected: rx.Var, found: rx.Var) -> rx.Component:
    return rx.el.dl(
        rx.el.div(rx.el.dt("Expected, from the record"), rx.el.dd(rx.el.code(expected))),
        rx.el.div(rx.el.dt("Found, in the chain"), rx.el.dd(rx.el.code(found))),
        class_name="two-hashes",
    )


def _banner() -> rx.Component:
    chain = ChainState.chain
    return rx.el.section(
        rx.match(
            chain.state,
            ("ok", icon("shield-check", 24)),
            ("broken", icon("shield-alert", 24)),
            icon("shield", 24),
        ),
        rx.el.div(
            rx.el.h2(rx.cond(ChainState.known, chain.heading, bone("26ch", "1em")), id="chain", tab_index=-1),
            rx.el.p(
                chain.last,
                rx.cond(chain.head != "", rx.fragment(" Head ", rx.el.code(chain.head, class_name="mono")), ""),
            ),
            rx.cond(
                chain.state == "broken",
                rx.fragment(rx.el.p(chain.what), _two_hashes(chain.expected, chain.found)),
                rx.fragment(),
            ),
            rx.cond(ChainState.problem != "", rx.el.p(ChainState.problem, class_name="strong"), rx.fragment()),
            _progress(),
            class_name="grow",
            custom_attrs={"aria-live": "polite"},
        ),
        rx.el.div(
            document_link(icon("download", 16), "Export report", to=f"{PATH}/report.json", class_name="btn"),
            _verify_button(),
            class_name="actions",
        ),
        focus_on_change(target="chain", seq=ChainState.answer),
        class_name="proof-banner " + rx.Var.create(chain.state).to(str),
        custom_attrs={"aria-labelledby": "chain"},
    )


def _under_banner() -> rx.Component:
    return rx.el.div(
        rx.cond(
            ChainState.bars.length() > 0,
            rx.el.div(
                rx.el.span("Verifications, newest right"),
                rx.el.span(
                    rx.foreach(
                        ChainState.bars,
                        lambda bar: rx.el.i(
                            class_name=rx.cond(bar.ok, "", "off"),
                            custom_attrs={"style": rx.Var.create({"height": bar.height})},
                            key=bar.key,
                        ),
                    ),
                    class_name="bars",
                    aria_hidden="true",
                ),
                rx.el.b(ChainState.bars_said),
                class_name="bars-line",
            ),
            rx.fragment(),
        ),
        _range(),
        rx.cond(
            SessionState.demo,
            rx.el.button(
                "Tamper with a copy, and watch it get caught",
                type="button",
                on_click=ChainState.tamper.temporal,
                class_name="btn quiet sm",
            ),
            rx.fragment(),
        ),
        class_name="under-banner",
    )


def _range() -> rx.Component:
    """A part of the trail, for whoever knows where to look."""
    return rx.el.details(
        rx.el.summary("Verify a range"),
        rx.el.form(
            rx.el.label("From record", html_for="start"),
            rx.el.input(id="start", name="start", input_mode="numeric", auto_complete="off", max_length=12),
            rx.el.label("to", html_for="end"),
            rx.el.input(id="end", name="end", input_mode="numeric", auto_complete="off", max_length=12),
            rx.el.button("Verify", type="submit", class_name="btn sm"),
            on_submit=ChainState.verify.temporal,
            reset_on_submit=False,
        ),
        class_name="range",
    )


def _caught() -> rx.Component:
    caught = ChainState.caught
    return rx.cond(
        caught.said != "",
        notice(
            rx.el.b("Caught"),
            rx.el.p(caught.said),
            rx.el.p("It said ", rx.el.code(caught.before), " and was changed to ", rx.el.code(caught.after), "."),
            _two_hashes(caught.expected, caught.found),
            kind="ok caught",
            symbol="shield-check",
            role="status",
        ),
        rx.fragment(),
    )


# --- the list ---------------------------------------------------------------------------------------------


def outcome_badge(outcome: rx.Var) -> rx.Component:
    """Done or refused."""
    return rx.cond(outcome == "refused", badge("Refused", "octagon-x", "warn"), badge("Done", "check", "ok"))


def _object(row: rx.Var) -> rx.Component:
    return rx.cond(row.object_address != "", link(row.object, to=row.object_address), row.object)


def _row(row: rx.Var) -> rx.Component:
    is_open = AuditState.opened == row.number
    return rx.fragment(
        rx.el.tr(
            rx.el.td(
                rx.el.button(
                    row.no,
                    rx.el.span(": ", row.action, class_name="hidden-visually"),
                    id=row.key,
                    type="button",
                    on_click=AuditState.look_at(row.number),
                    class_name="no",
                    custom_attrs={"aria-expanded": rx.cond(is_open, "true", "false")},
                ),
                rx.el.small(row.action, class_name="narrow-only"),
            ),
            rx.el.td(rx.el.span(row.time), rx.el.small(row.day), class_name="wide-only time"),
            rx.el.td(
                rx.el.b(row.actor),
                rx.el.small(row.role, class_name="wide-only"),
                rx.el.small(row.day, " ", row.time, class_name="narrow-only"),
            ),
            rx.el.td(row.action, class_name="wide-only"),
            rx.el.td(_object(row), class_name="wide-only"),
            rx.el.td(outcome_badge(row.outcome), class_name="wide-only"),
            rx.el.td(row.reason, class_name="wide-only muted reason"),
            rx.el.td(row.address, class_name="wide-only muted num"),
            rx.el.td(rx.el.code(row.hash), class_name="right wide-only hash-short"),
            class_name=rx.cond(is_open, "chosen", ""),
        ),
        rx.cond(is_open, _drawer(), rx.fragment()),
        key=row.key,
    )


def _pair(label: str, *value: rx.Component | rx.Var) -> rx.Component:
    return rx.el.div(rx.el.dt(label), rx.el.dd(*value))


def _facts() -> rx.Component:
    one = AuditState.detail
    return rx.el.dl(
        _pair("Actor", one.actor),
        _pair("When", one.when),
        _pair("Object", rx.cond(one.object_address != "", link(one.object, to=one.object_address), one.object)),
        _pair("From", one.address),
        rx.cond(one.request != "", _pair("Request", rx.el.code(one.request)), rx.fragment()),
        rx.cond(one.reason != "", _pair("Reason", "“", one.reason, "”"), rx.fragment()),
        _pair("Sealed", one.sealed),
        class_name="kv",
    )


def _changed() -> rx.Component:
    return rx.cond(
        AuditState.changes.length() > 0,
        rx.el.ul(
            rx.foreach(
                AuditState.changes,
                lambda line: rx.el.li(
                    rx.el.span(
                        line.sign,
                        rx.el.span(rx.cond(line.sign == "+", " after: ", " before: "), class_name="hidden-visually"),
                    ),
                    rx.el.span(line.field),
                    rx.el.span(line.value),
                    class_name=rx.cond(line.sign == "+", "added", "gone"),
                    key=line.sign + line.field,
                ),
            ),
            class_name="diff mono",
        ),
        rx.el.p("Nothing was changed by this.", class_name="muted small"),
    )


def _chain_link(place: rx.Var, *, this: bool = False) -> rx.Component:
    return rx.el.li(
        rx.el.span(place.no),
        rx.el.code(place.hash),
        class_name="this" if this else "",
    )


def _drawer() -> rx.Component:
    one = AuditState.detail
    content = rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.el.h3("Record ", one.no),
                copy_button(text=one.document, label="JSON", class_name="btn quiet tiny"),
                rx.el.button("Close", type="button", on_click=AuditState.close, class_name="btn quiet tiny"),
                class_name="drawer-head",
            ),
            _facts(),
        ),
        rx.el.div(
            rx.el.h3("What changed"),
            _changed(),
            rx.el.h3("Its place in the chain"),
            rx.el.ol(
                _chain_link(one.before),
                _chain_link(one.this, this=True),
                _chain_link(one.after),
                class_name="chain-links",
            ),
            rx.el.p("Each hash covers the record and the hash before it.", class_name="small muted"),
            rx.el.p(rx.el.code(one.hash), class_name="whole-hash"),
            rx.el.details(
                rx.el.summary("As it was hashed, in JSON"),
                rx.el.pre(one.document, tab_index=0, role="region", aria_label="The record as JSON"),
            ),
        ),
        class_name="record-drawer",
        role="region",
        aria_label=rx.Var.create("Record ") + one.no,
    )
    return rx.el.tr(
        rx.el.td(
            rx.cond(
                AuditState.shown == AuditState.opened,
                content,
                rx.el.div(bone("24ch"), waiting("record"), class_name="record-drawer"),
            ),
            col_span=len(_COLUMNS),
        ),
        class_name="drawer-row",
    )


def _table() -> rx.Component:
    return listing(
        "Audit records, newest first",
        columns(*_COLUMNS),
        rx.el.tbody(
            rx.cond(
                AuditState.loaded,
                rx.foreach(AuditState.rows, _row),
                row_bones(("5ch", "7ch", "12ch", "12ch", "11ch", "6ch", "16ch", "9ch", "8ch")),
            )
        ),
        id="records",
        kind="trail",
    )


def _search() -> rx.Component:
    state, wanted = AuditState, AuditState.asked
    return rx.el.form(
        rx.el.div(
            find_box("q", "Actor, object, reason, address or request", wanted.q),
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
                rx.el.div(
                    rx.el.label("Action", html_for="action"),
                    rx.el.select(
                        rx.el.option("Any action", value=""),
                        rx.foreach(state.actions, lambda one: rx.el.option(one.words, value=one.key, key=one.key)),
                        id="action",
                        name="action",
                        default_value=wanted.action,
                        key=wanted.action + state.actions.length().to_string(),
                    ),
                ),
                filter_select("Outcome", "outcome", OUTCOMES, wanted.outcome, "Any outcome"),
                filter_input("Since", "since", wanted, type="date"),
                filter_input("Until", "until", wanted, type="date"),
                rx.el.input(type="hidden", name="actor", default_value=wanted.actor, key="actor" + wanted.actor),
                class_name="fields",
            ),
            rx.el.button("Show records", type="submit", class_name="btn primary"),
            id="more-filters",
            hidden=~state.filters_open,
            class_name="more-filters",
        ),
        on_submit=state.search,
        reset_on_submit=False,
        class_name="desk-filters",
        role="search",
        aria_label="Audit records",
    )


def _chips() -> rx.Component:
    state = AuditState
    return rx.el.div(
        rx.foreach(state.chips, chip),
        rx.cond(state.filtered, link("Clear all", to=PATH, class_name="btn quiet sm"), rx.fragment()),
        rx.el.span(state.said, role="status", class_name="result end"),
        freshness(),
        when(
            state.as_csv != "",
            lambda: rx.fragment(
                document_link(icon("download", 16), "CSV", to=state.as_csv, class_name="btn sm"),
                document_link(icon("download", 16), "JSON", to=state.as_json, class_name="btn sm"),
            ),
        ),
        class_name="chips desk-chips",
    )


def ops_audit() -> rx.Component:
    """The page."""
    state = AuditState
    return shell(
        page_head("Audit trail", sub="Who did what, and proof that nobody changed it since."),
        _banner(),
        _under_banner(),
        _caught(),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("records")),
        rx.el.section(
            _search(),
            _chips(),
            new_rows_pill(state.fresh, state.show_fresh, list_id="records"),
            rx.cond(
                state.loaded & (state.rows.length() == 0),
                rx.cond(
                    state.filtered,
                    empty("No records match.", link("Clear filters", to=PATH, class_name="btn sm")),
                    empty("The log starts when the first action happens."),
                ),
                _table(),
            ),
            load_more(state.more, state.load_more),
            focus_on_change(target=state.first_new, seq=state.loads),
            focus_on_change(target=state.closed_row, seq=state.closed),
            class_name="card flush",
            aria_label="Audit records",
        ),
        here=PATH,
    )
