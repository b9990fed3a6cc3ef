"""The demo bank: its people and their pretend money, through the real ledger."""

import shutil
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import select

from bank_app import clock, demo, demo_town
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus
from bank_app.models import Transaction
from bank_app.services import accounts, attempts, auth, history, integrity
from bank_app.settings import SettingsError, load

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ORDER = (Transaction.created_at, Transaction.amount, Transaction.description)


def test_the_demo_bank_is_filled_once_with_people_history_and_incidents(db):
    assert not demo.is_filled(db)
    demo.fill(db)
    assert demo.is_filled(db)
    people = {persona.email: db.read(lambda session, p=persona: auth.find(session, p.email)) for persona in demo.PEOPLE}
    assert {email: actor.role for email, actor in people.items()} == {p.email: p.role for p in demo.PEOPLE}
    ada, teller = people[demo.ADA.email], people[demo.OLU.email]
    mine = db.read(lambda session: accounts.own_accounts(session, ada))
    assert [account.title for account in mine] == ["Everyday", "Savings", "Tax set-aside"]
    assert all(account.balance_minor >= 0 for account in mine)
    assert db.read(lambda session: history.summary(session, ada, mine[0].id)).count > 300
    assert sum(account.held_minor for account in mine) == 120_00
    declined = db.read(lambda session: attempts.list_attempts(session, ada, mine[0].id)).items
    assert len(declined) == 2
    everybody = db.read(lambda session: accounts.list_accounts(session, teller, limit=500)).items
    assert len(everybody) > 200
    assert min(account.balance_minor for account in everybody) < 0, "an overdraft that was allowed is used"
    assert integrity.check(db).ok
    for status in (AccountStatus.FROZEN, AccountStatus.CLOSED):
        found = db.read(lambda session, s=status: accounts.list_accounts(session, teller, status=s))
        assert len(found.items) == 1


@pytest.mark.parametrize(
    ("code", "held", "rent"), [("JPY", 12_000, 115_000), ("KWD", 120_000, 1_150_000), ("CLF", 1_200_000, 11_500_000)]
)
def test_the_demo_is_told_in_every_number_of_decimals(sqlite_db, code, held, rent, monkeypatch):
    monkeypatch.setattr(demo, "MONTHS", 3)
    db = sqlite_db
    db.settings = db.settings.model_copy(update={"currency": code, "demo": True})
    demo.fill(db)
    assert integrity.check(db).ok
    ada = db.read(lambda session: auth.find(session, demo.ADA.email))
    mine = db.read(lambda session: accounts.own_accounts(session, ada))
    assert {account.currency for account in mine} == {code}
    assert all(account.balance_minor >= 0 for account in mine)
    assert sum(account.held_minor for account in mine) == held
    rents = db.read(
        lambda session: history.history(session, ada, mine[0].id, filters=history.HistoryFilter(q="Rent, "))
    )
    assert {entry.amount_minor for entry in rents.items} == {rent}
    assert len(db.read(lambda session: attempts.list_attempts(session, ada, mine[0].id)).items) == 2


@pytest.mark.parametrize("code", [one.code for one in money.currencies()])
def test_every_currency_has_amounts_for_the_story(code):
    prices = demo_town.Prices.of(load(currency=code, demo=True))
    assert prices.minor(1) >= 1
    # Sums of the story stay what they are: nothing is lost by rounding.
    assert prices.minor(31_27) == sum((prices.minor(31_00), prices.minor(27)))
    richest = prices.amount(max(opening for _, opening in demo._NEIGHBOURS) * 100)
    assert 0 < richest.minor(code) <= money.MAX_MINOR


def test_the_amounts_of_the_story_can_be_scaled(monkeypatch):
    assert demo_town.Prices.of(load(currency="JPY", demo_scale=10)).minor(25_00) == 250
    assert demo_town.Prices.of(load(currency="USD", demo_scale=3)).minor(25_00) == 75_00
    # Another currency than the bank's is not scaled with it.
    assert demo_town.Prices.of(load(currency="JPY", demo_scale=10), "USD").minor(25_00) == 25_00
    with pytest.raises(SettingsError, match="BANK_DEMO_SCALE"):
        load(currency="KWD", demo_scale=1_000_000)


@pytest.fixture
def story(sqlite_template, tmp_path):
    """What a demo bank of this seed, filled at this moment, has in its books."""

    def tell(seed):
        file = tmp_path / f"{seed}-{uuid4()}.sqlite3"
        shutil.copy(sqlite_template, file)
        bank = Database(load(database_url=f"sqlite:///{file}", data=tmp_path, demo=True, demo_seed=seed))
        with clock.moved_to(NOON):
            demo.fill(bank)
        rows = select(Transaction.created_at, Transaction.amount, Transaction.description).order_by(*ORDER)
        found = bank.read(lambda session: session.execute(rows).all())
        bank.dispose()
        return found

    return tell


def test_the_same_seed_tells_the_same_story_and_another_another(story):
    told = story(42)
    assert story(42) == told
    assert story(43) != told
