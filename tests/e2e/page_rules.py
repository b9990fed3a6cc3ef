"""What every page keeps to, as browsers can tell: it comes to rest, fits the window, and axe finds nothing serious."""

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import expect

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]
}  # fmt: skip
# All that the other theme can change.
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}


def settled(page):
    """Everything that was asked for is there."""
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator(".bone:visible, [aria-busy=true]:visible")).to_have_count(0)


def too_wide(page):
    return page.locator("html").evaluate("html => html.scrollWidth - html.clientWidth")


def too_wide_in_large_letters(page):
    """The same with text at twice its size, as people set it who read badly."""
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    wide = too_wide(page)
    page.evaluate("document.documentElement.style.fontSize = ''")
    return wide


def axe_finds(page, rules=RULES):
    """What is serious or worse, in words."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, rules)", rules)
    return [_said(one) for one in found["violations"] if one["impact"] in ("serious", "critical")]


def _said(one):
    node = one["nodes"][0]
    why = node["any"][0]["message"][:160] if node["any"] else one["help"]
    return f"{one['id']} {node['html'][:120]} {why}"
