"""The figures of a benchmark as Markdown tables, put between two marks of a page that people wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bank_app.lab import drawing
from bank_app.server import Refused

BEGIN, END = "<!-- figures: written by ./bank benchmark --page -->", "<!-- end of figures -->"


def update(page: Path, document: Mapping[str, Any]) -> None:
    """Draws the picture beside the page, and replaces what is between the marks of the page.

    Raises:
        Refused: the page does not have them.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Refused(f"{page} lacks the line {BEGIN} or {END}: put them where the figures belong.")
    picture = page.parent / "images" / f"{page.stem}.svg"
    picture.parent.mkdir(exist_ok=True)
    picture.write_text(drawing.draw(document), encoding="utf-8")
    shown = f"![Transfers per second and latencies, as in the tables below](images/{picture.name})"
    page.write_text(f"{before}{BEGIN}\n\n{shown}\n\n{tables(document)}\n{END}{after}", encoding="utf-8")


def tables(document: Mapping[str, Any]) -> str:
    """Targets, figures, checks and the machine, from the document that `--json` writes."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"`{document['command']}`: medians of {document['repeats']}, {document['seconds']:g} s for each point."
    yield ""
    yield "| target | measured | promised | |"
    yield "|---|---:|---:|---|"
    for target in document["targets"]:
        sign = "≥" if target["at_least"] else "≤"
        verdict = "met" if target["met"] else "**not met**"
        measured, bound = (_number(target[name]) + target["unit"] for name in ("measured", "bound"))
        yield f"| {target['name']} | {measured} | {sign} {bound} | {verdict} |"
    yield ""
    yield "| what | workers | clients | per second | p50 ms | p95 ms | p99 ms | µs client | µs bank | µs database |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for point in document["medians"]:
        figures = [_number(point[name]) for name in ("per_second", "p50", "p95", "p99")]
        costs = [f"{point[name]:.0f}" if point[name] else "" for name in ("client_cpu", "bank_cpu", "server_cpu")]
        name = f"{point['system']}: {point['pattern']}"
        if point["others"]:
            name += " (" + ", ".join(f"{count} × {code}" for code, count in sorted(point["others"].items())) + ")"
        yield "| " + " | ".join([name, str(point["workers"] or ""), str(point["clients"]), *figures, *costs]) + " |"
    yield ""
    yield "The books afterwards, and what else was seen:"
    yield ""
    for sentence in (*document["checks"], *document["notes"]):
        yield f"* {sentence}"
    yield ""
    yield "| machine | |"
    yield "|---|---|"
    for name, value in document["machine"].items():
        yield f"| {name} | {value} |"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"
