"""Draws the figures of a benchmark as one SVG picture, from the document that `--json` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from bank_app.lab.measure import BY_WRK
from bank_app.lab.reads import KINDS

WIDTH, LEFT, BAR, GAP = 800, 300, 20, 8
_COLOURS = {"naive": "#b4b9c2", "naive+": "#b4b9c2", "raw": "#7d8694", "ours": "#1f6f5c"}
# Readable on a light page and on a dark one; a picture in a document cannot ask which it is.
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #222 } .title { font-weight: 600; font-size: 15px }
  .axis { stroke: #ccc } rect.paper { fill: #fff }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One measurement in a panel."""

    label: str
    value: float
    colour: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars of one unit under one title."""

    title: str
    unit: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        """In pixels, its title included."""
        return 44 + len(self.bars) * (BAR + GAP) + 12


def draw(document: Mapping[str, Any]) -> str:
    """The whole picture. Panels of which nothing was measured are left out."""
    found = [panel for panel in _panels(document["medians"]) if panel.bars]
    machine = document["machine"]
    database = machine["database"].split(",")[0]
    caption = f"{machine['processor']} · {database} · Python {machine['python']} · {machine['commit']}"
    height = sum(panel.height for panel in found) + 34
    parts, top = [], 8
    for panel in found:
        parts.append(_panel(panel, top))
        top += panel.height
    parts.append(f'<text x="12" y="{top + 14}" font-size="11">{escape(caption)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="Transfers per second and latencies">\n<style>{_STYLE}</style>\n'
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panels(points: Sequence[Mapping[str, Any]]) -> list[Panel]:
    transfers = [
        point
        for point in points
        if point["pattern"].removesuffix(BY_WRK) in ("uniform", "hot", "deposits") and point["clients"] == 64
    ]
    limit = [point for point in points if point["pattern"].startswith("best of")]
    batches = [point for point in points if point["pattern"].startswith("batches")]
    alone = [
        point
        for point in points
        if point["clients"] == 1
        and point["pattern"].removesuffix(BY_WRK) in ("uniform", "one connection")
        and point["workers"] < 2
    ]
    pages = [point for point in points if point["pattern"].partition(" of ")[0] in KINDS]
    return [
        Panel("Transfers per second, 64 clients", "/s", _bars([*limit, *transfers], "per_second")),
        Panel("Transfers per second, in batches", "/s", _bars(batches, "per_second")),
        Panel("One client: median milliseconds of a transfer", " ms", _bars(alone, "p50")),
        Panel("Reads: milliseconds at p99", " ms", _bars(pages, "p99")),
    ]


def _bars(points: Sequence[Mapping[str, Any]], figure: str) -> list[Bar]:
    bars = []
    for point in (point for point in points if point[figure] is not None):
        workers = _counted(point["workers"], "worker") if point["workers"] else ""
        clients = _counted(point["clients"], "client") if point["pattern"].startswith("batches") else ""
        system = point["system"] if point["system"] in _COLOURS else "ours"
        label = f"{point['system']}: {point['pattern']}{workers}{clients}"
        bars.append(Bar(label, point[figure], _COLOURS[system]))
    return bars


def _counted(count: int, noun: str) -> str:
    return f", {count} {noun}{'s' * (count != 1)}"


def _panel(panel: Panel, top: int) -> str:
    largest = max(bar.value for bar in panel.bars) or 1
    space = WIDTH - LEFT - 90
    lines = [f'<text class="title" x="12" y="{top + 20}">{escape(panel.title)}</text>']
    y = top + 34
    for bar in panel.bars:
        length = round(bar.value / largest * space, 1)
        value = f"{bar.value:,.0f}" if bar.value >= 100 else f"{bar.value:.2f}"
        lines.append(
            f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(bar.label)}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{length}" height="{BAR}" rx="3" fill="{bar.colour}"/>'
            f'<text x="{LEFT + length + 6}" y="{y + 15}">{value}{escape(panel.unit)}</text>'
        )
        y += BAR + GAP
    lines.append(f'<line class="axis" x1="{LEFT}" y1="{top + 30}" x2="{LEFT}" y2="{y - 2}"/>')
    return "\n".join(lines)
