"""Every page as every role (J18): console, requests, headings, titles, width, and what axe finds, light and dark."""

import re
from collections import Counter

import pytest
from playwright.sync_api import Error, expect

from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.services import approvals, drafts, transfers
from bank_app.services.approval_kinds import Wish
from bank_app.ui import site
from tests.e2e.page_rules import CONTRAST, axe_finds, settled, too_wide, too_wide_in_large_letters

WHO = {
    "visitor": None, "customer": Role.CUSTOMER, "operator": Role.TELLER, "auditor": Role.AUDITOR, "admin": Role.ADMIN,
}  # fmt: skip
# The doors send everybody else away; that they do is tested with them.
WALKS = {
    "visitor": r"^/home$|^/(?!home|account|activity|move|pay|statement|transaction|notif|setting|ops|demo|help|lab)",
    "customer": r"^/", "operator": r"^/(ops|move|home|settings|transactions)", "auditor": r"^/ops", "admin": r"^/ops",
}  # fmt: skip
# Where axe looks: what a role alone sees. The other pages it shares with another role.
AXE_LOOKS_AT = {
    "visitor": r"^/", "customer": r"^/(?!ops)", "operator": r"^/(ops|move)",
    "auditor": r"^/ops/(audit|security|transactions)",
    "admin": r"^/ops/users",
}  # fmt: skip


def test_titles_are_unique():
    counted = Counter(page.title for page in site.PAGES)
    assert [title for title, times in counted.items() if times > 1] == []


@pytest.fixture
def paths(bank, person, ada, ben):
    """Every address of the site, with something of Ada's where it names something."""
    everyday, target = ada.accounts["Everyday"], ben.accounts["Everyday"]
    movement = transfers.Transfer(everyday.id, target.id, money.Amount.of("25.00"), description="Bike lights")
    moved = transfers.move(bank.db, ada.actor, movement)

    def draft(session):
        return drafts.save(
            session, ada.actor, kind="transfer", amount_minor=2500, currency="USD", from_account_id=everyday.id,
            to_account_id=target.id, payee_name="Ben Ito", payee_result="match",
        )  # fmt: skip

    wish = Wish.about("unlock", ada.actor.user_id)
    asked = approvals.ask(bank.db, person("Pia Holm", Role.TELLER).actor, wish, reason="Asked for it at the counter")
    named = {
        "[account_id]": everyday.number, "[transaction_id]": str(moved.transaction.id),
        "[draft_id]": str(bank.db.unit_of_work(draft).id), "[user_id]": str(ada.actor.user_id), "[run_id]": "1",
        "[approval_id]": str(asked.id),
    }  # fmt: skip
    # A bank that has people is set up for ever: that address is not found.
    pages = [page for page in site.PAGES if page.route.startswith("/") and page.route != "/setup"]
    return [(re.sub(r"\[\w+\]", lambda part: named[part.group()], page.route), page.title) for page in pages]


@pytest.mark.parametrize("role", WHO)
def test_every_page_keeps_to_the_rules(bank, visit, person, ada, paths, role):
    somebody = ada if role == "customer" else None if role == "visitor" else person("Sam Rowan", WHO[role])
    page, problems, seen = visit(somebody), [], set()
    page.on("request", lambda one: problems.append(f"foreign {one.url}") if bank.url not in one.url else None)
    page.on("response", lambda one: problems.append(f"{one.status} {one.url}") if one.status >= 400 else None)
    page.on("console", lambda one: problems.append(f"{page.url} {one.text}") if one.type == "error" else None)
    for path, title in paths:
        if role == "customer" and path.startswith(site.STAFF):
            assert page.request.get(path).status == 404
            continue
        if not re.match(WALKS[role], path):
            continue
        try:
            page.goto(path)
            settled(page)
        except (AssertionError, Error) as error:
            problems.append(f"{path} does not settle: {str(error)[:300]}")
            continue
        here = page.url.removeprefix(bank.url).partition("?")[0].rstrip("/") or "/"
        if here in seen:
            continue
        seen.add(here)
        if here == path and not page.title().startswith(f"{title} – "):
            problems.append(f"{path} is called {page.title()}")
        if re.match(AXE_LOOKS_AT[role], here):
            problems += [f"{here} {found}" for found in axe_finds(page)]
            page.emulate_media(color_scheme="dark")
            expect(page.locator("html.dark")).to_have_count(1)
            problems += [f"{here} dark {found}" for found in axe_finds(page, CONTRAST)]
            page.emulate_media(color_scheme="light")
        for width in (390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            if (wide := too_wide(page)) > 0:
                problems.append(f"{here} is {wide} px too wide at {width}")
        if (wide := too_wide_in_large_letters(page)) > 0:
            problems.append(f"{here} is {wide} px too wide at 320 with text at 200 %")
        page.set_viewport_size({"width": 1280, "height": 900})
    visit.said.clear()
    assert "\n".join(problems) == ""
