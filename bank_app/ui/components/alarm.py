"""What stands above every page of the bank's people while the audit trail is broken."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.parts import link, notice
from bank_app.ui.verifying import ChainState


def chain_alarm() -> rx.Component:
    """Nothing, unless the newest verification found a break."""
    return rx.cond(
        ChainState.broken,
        notice(
            rx.el.b(ChainState.chain.heading),
            rx.el.p(link("See the record and export the report", to="/ops/audit")),
            kind="bad",
            symbol="shield-alert",
            role="alert",
        ),
        rx.fragment(),
    )
