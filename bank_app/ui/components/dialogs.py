"""Small decisions in front of a page, over assets/browser/dialogs.jsx. Whatever moves money is a page instead."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.event import EventHandler, no_args_event_spec

from bank_app.ui.components.fields import described, error_line, label_for
from bank_app.ui.components.parts import Content

LIBRARY = "$/public/browser/dialogs"


class Dialog(rx.Component):
    """The browser's own dialog: Esc closes, the focus returns. Closes with `done`, and opens with `opened`."""

    library = LIBRARY
    tag = "Dialog"

    title: rx.Var[str]
    done: rx.Var[int]
    opened: rx.Var[int]


class DialogOpener(rx.Component):
    """A button that opens the dialog with the id `target`; the field with the id `first` takes the focus."""

    library = LIBRARY
    tag = "DialogOpener"

    target: rx.Var[str]
    first: rx.Var[str]
    on_press: EventHandler[no_args_event_spec]


class DialogCloser(rx.Component):
    """A button that closes the dialog around it and does nothing else."""

    library = LIBRARY
    tag = "DialogCloser"


dialog = Dialog.create
dialog_opener = DialogOpener.create
dialog_closer = DialogCloser.create


def reason_field(name: str, *, error: rx.Var | str, hint: Content, label: Content = "Reason") -> rx.Component:
    """Why something is done that only the bank's people may do; it goes into the audit trail."""
    attributes: dict[str, Any] = described(name, error, hint=True)
    return rx.el.div(
        label_for(name, label),
        rx.el.textarea(id=name, name=name, rows=3, max_length=1_200, custom_attrs=attributes),
        rx.el.p(hint, id=f"{name}-hint", class_name="hint"),
        error_line(name, error),
        class_name="field",
    )
