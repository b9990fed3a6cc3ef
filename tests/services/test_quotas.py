"""Whatever somebody can make without end has a bound, and no table is without one."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.models import AuditRecord
from bank_app.services import accounts, audit, auth, drafts, holds, openings, quotas, transfers
from bank_app.services.movements import Deposit, PlaceHold

LIMITS = Path(__file__).parents[2] / "docs" / "limits.md"


@pytest.fixture
def strict(another, monkeypatch):
    """A worker with quotas of two, which has counted nothing yet."""
    for name, every in (("_movements", quotas._DAY), ("_changes", quotas._DAY), ("_sign_ups", quotas._HOUR)):
        monkeypatch.setattr(quotas, name, quotas._Counted(every))
    small = dict.fromkeys(("movements_per_day", "changes_per_day", "open_accounts", "open_holds"), 2)
    return lambda **more: another(rate_limits=True, **{**small, **more})


def test_every_table_says_who_makes_its_rows_and_what_bounds_them():
    listed = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", LIMITS.read_text(encoding="utf-8"), re.MULTILINE)
    assert {table for table, _, _ in listed} == set(SQLModel.metadata.tables)
    assert len(listed) == len(SQLModel.metadata.tables)


def test_a_customer_moves_so_often_in_a_day_and_a_teller_without_end(strict, counter, ada, teller):
    hers, db = counter.open(ada), strict()
    for _ in range(2):
        transfers.move(db, ada, Deposit(hers.id, money.Amount.of("1.00")))
    with pytest.raises(errors.QuotaUsedUp) as refused:
        transfers.move(db, ada, Deposit(hers.id, money.Amount.of("1.00")))
    assert (refused.value.details["quota"], refused.value.details["most"]) == ("movements", 2)
    assert 1 <= refused.value.details["retry_after"] <= 86_400
    for _ in range(3):
        transfers.move(db, teller, Deposit(hers.id, money.Amount.of("1.00")))
    with clock.moved_to(clock.now() + timedelta(days=1)):
        quotas.count_movements(ada.user_id, ada.role, db.settings)


@pytest.mark.parametrize("many", [2, 3])
def test_a_batch_counts_as_many_as_it_has(strict, ada, many):
    spend = quotas._Counted(quotas._DAY).spend
    assert (spend(ada.user_id, many, 2) == 0) is (many == 2)


def test_whatever_else_a_customer_writes_counts_where_all_of_it_comes_by(strict, counter, ada, teller):
    hers, db = counter.open(ada), strict()

    def draft():
        what = {"kind": "deposit", "amount_minor": 100, "currency": "USD", "to_account_id": hers.id}
        return db.unit_of_work(lambda session: drafts.save(session, ada, **what))

    draft()
    db.unit_of_work(lambda session: accounts.change_account(session, ada, hers.id, nickname="Rent"))
    with pytest.raises(errors.QuotaUsedUp):
        draft()
    with pytest.raises(errors.QuotaUsedUp):
        openings.open_account(db, ada, openings.Opening())
    for name in ("One", "Two", "Three"):
        db.unit_of_work(lambda session, name=name: accounts.change_account(session, teller, hers.id, nickname=name))


def test_so_many_accounts_are_open_at_once(strict, counter, ada, teller):
    db = strict(changes_per_day=100)
    for _ in range(2):
        openings.open_account(db, ada, openings.Opening())
    with pytest.raises(errors.QuotaReached) as refused:
        openings.open_account(db, ada, openings.Opening(), key="k")
    assert refused.value.details == {"most": 2}
    openings.open_account(db, teller, openings.Opening(owner_id=ada.user_id))


def test_so_many_holds_are_open_at_once(strict, counter, ada):
    hers, db = counter.open(ada, "10.00"), strict(movements_per_day=100)

    def place():
        return holds.move(db, ada, PlaceHold(hers.id, money.Amount.of("1.00")))

    one, _ = place(), place()
    with pytest.raises(errors.QuotaReached):
        place()
    holds.move(db, ada, holds.ReleaseHold(one.hold.id))
    assert place().hold


@pytest.mark.parametrize("addresses", [["192.0.2.1"] * 4, ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"]])
def test_so_many_register_from_a_network_in_an_hour(strict, addresses):
    db = strict(sign_ups_per_hour=2)
    told = []
    for number, address in enumerate(addresses):
        audit.came_from(address, None)
        try:
            auth.register(db, email=f"z{number}@bank.test", name="Zoe", password="lantern-orchard-48-violin")
            told.append("ok")
        except errors.QuotaUsedUp as error:
            told.append(error.details["quota"])
        finally:
            audit.came_from(None, None)
    assert told == ["ok", "ok", "sign_ups", "sign_ups"]


def test_what_a_customer_calls_an_account_of_his_own_leaves_no_record_and_a_tellers_word_does(db, counter, ada, teller):
    hers = counter.open(ada)

    def records():
        return db.read(lambda session: session.execute(select(func.count()).select_from(AuditRecord)).scalar_one())

    before = records()
    for name in ("Rent", "Holidays", "Rent"):
        db.unit_of_work(lambda session, name=name: accounts.change_account(session, ada, hers.id, nickname=name))
    assert records() == before
    db.unit_of_work(lambda session: accounts.change_account(session, teller, hers.id, nickname="Rent of Ada"))
    assert records() == before + 1
