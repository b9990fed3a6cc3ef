"""Which page a tab shows, for what belongs to no page: hiding amounts, the API behind a page, live updates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx


@dataclass(frozen=True)
class Page:
    """One page of the site."""

    route: str
    title: str
    component: Callable[[], rx.Component]
    on_load: Sequence[Any] = ()
    # What brings the page up to date when the books have changed, without bones and without moving what is read.
    refresh: Any = None
    # What writes all of it anew when amounts are hidden or written in another way; without one `refresh`, or `on_load`.
    redraw: Sequence[Any] = ()

    def written_anew(self) -> list[Any]:
        """The handlers that write everything on the page once more."""
        return list(self.redraw or ([self.refresh] if self.refresh else self.on_load))


_known: list[tuple[re.Pattern[str], Page]] = []


def publish(pages: Iterable[Page]) -> None:
    """Says which pages there are; the site calls it once."""
    _known[:] = [(_pattern(page.route), page) for page in pages]


def page_at(path: str) -> tuple[Page | None, dict[str, str]]:
    """The page of an address and the values in it; routes without values go first."""
    path = path.rstrip("/") or "/"
    fitting = [(page, found.groupdict()) for pattern, page in _known if (found := pattern.fullmatch(path))]
    return min(fitting, key=lambda each: len(each[1]), default=(None, {}))


def others(page: Page | None) -> list[Page]:
    """All pages but this one."""
    return [other for _, other in _known if other is not page]


def _pattern(route: str) -> re.Pattern[str]:
    parts = re.split(r"\[(\w+)\]", route)
    text = "".join(re.escape(part) if number % 2 == 0 else f"(?P<{part}>[^/]+)" for number, part in enumerate(parts))
    return re.compile(text)
