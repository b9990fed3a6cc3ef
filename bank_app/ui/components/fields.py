"""Form fields with label, hint and error tied together for every kind of reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app.ui.components.parts import Content, icon


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field of a form; an empty field name means the form as a whole."""

    field: str
    text: str


def error_line(name: str, error: rx.Var | str) -> rx.Component:
    """The message under a field; empty while there is none."""
    return rx.el.p(
        rx.cond(error != "", rx.fragment(icon("circle-alert", 16), error), ""),
        id=f"{name}-error",
        class_name="field-error",
    )


def described(name: str, error: rx.Var | str, *, hint: bool = False, echo: bool = False) -> dict[str, Any]:
    """The attributes that tie a control to its hint, its echo and its error."""
    ids = [f"{name}-hint"] * hint + [f"{name}-echo"] * echo + [f"{name}-error"]
    invalid = rx.cond(error != "", "true", "false") if isinstance(error, rx.Var) else "false"
    return {"aria-describedby": " ".join(ids), "aria-invalid": invalid}


def label_for(name: str, label: Content, *, optional: bool = False) -> rx.Component:
    """The visible label of a field."""
    rest = [rx.el.span(" (optional)", class_name="optional")] if optional else []
    return rx.el.label(label, *rest, html_for=name)


def text_field(
    label: Content,
    name: str,
    *,
    error: rx.Var | str = "",
    hint: Content = "",
    optional: bool = False,
    **props: Any,
) -> rx.Component:
    """A labelled line of text. Uncontrolled: the browser keeps what is typed until the form is sent."""
    attributes = {**described(name, error, hint=bool(hint)), **props.pop("custom_attrs", {})}
    return rx.el.div(
        label_for(name, label, optional=optional),
        rx.el.input(id=name, name=name, class_name="wide", custom_attrs=attributes, **props),
        *([rx.el.p(hint, id=f"{name}-hint", class_name="hint")] if hint else []),
        error_line(name, error),
        class_name="field",
    )


def note_field(
    label: Content, name: str, *, error: rx.Var | str = "", hint: Content = "", **props: Any
) -> rx.Component:
    """A labelled optional paragraph."""
    return rx.el.div(
        label_for(name, label, optional=True),
        rx.el.textarea(id=name, name=name, custom_attrs=described(name, error, hint=bool(hint)), **props),
        *([rx.el.p(hint, id=f"{name}-hint", class_name="hint")] if hint else []),
        error_line(name, error),
        class_name="field",
    )


def amount_field(
    label: Content,
    name: str,
    *,
    symbol: rx.Var,
    echo: rx.Var | str,
    error: rx.Var | str,
    on_blur: Any,
    beside: rx.Component | None = None,
    **props: Any,
) -> rx.Component:
    """An amount of money as text with a decimal keypad; the line below says how it was understood.

    `echo` is the understood amount with its words, such as "You'll send $1,234.50".
    """
    return rx.el.div(
        label_for(name, label),
        rx.el.div(
            rx.el.div(
                rx.el.span(symbol, aria_hidden="true"),
                rx.el.input(
                    id=name,
                    name=name,
                    type="text",
                    input_mode="decimal",
                    auto_complete="off",
                    spell_check=False,
                    max_length=40,
                    on_blur=on_blur,
                    custom_attrs=described(name, error, echo=True),
                    **props,
                ),
                class_name="amount-box",
                custom_attrs={"style": rx.Var.create({"--letters": symbol.to(str).length()})},
            ),
            *([beside] if beside is not None else []),
            class_name="amount-line",
        ),
        rx.el.p(echo, id=f"{name}-echo", role="status", class_name="echo"),
        error_line(name, error),
        class_name="field",
    )
