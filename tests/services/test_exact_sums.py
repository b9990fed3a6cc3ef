"""Sums beyond 64 bits are exact on every engine, and nobody alone uses up what the bank can record."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import case, literal, select, union_all

from bank_app import clock, errors
from bank_app.columns import total
from bank_app.domain import money
from bank_app.domain.accounting import MAX_BALANCE, Direction, Draft, Leg, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.models import ACCOUNTS
from bank_app.services import accounts, batches, books, flows, history, ledger, proof, rules, statements
from bank_app.services.cash import stripes
from bank_app.services.transfers import Deposit, Withdraw

MOST = money.MAX_MINOR


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], 0),
        ([2**63 - 1] * 5, 5 * (2**63 - 1)),
        ([-(2**63)] * 3, -3 * 2**63),
        ([2**63 - 1, -1, -(2**63), 7], 5),
        ([-1, -1], -2),
        ([10**15] * 3, 3 * 10**15),
        ([2**32, 2**32 - 1, -(2**32), 1], 2**32),
    ],
)
def test_a_sum_of_whole_numbers_is_exact_whatever_it_comes_to(db, numbers, expected):
    rows = union_all(*[select(literal(number).label("number")) for number in numbers or [0]]).subquery()
    wanted = select(total(rows.c.number)).where(rows.c.number != 0)
    assert db.read(lambda session: session.execute(wanted).scalar()) == expected


def test_a_sum_of_some_rows_takes_the_values_of_its_condition_twice(db):
    rows = union_all(*[select(literal(number).label("number")) for number in (3, 4, 10)]).subquery()
    small = case((rows.c.number < 10, rows.c.number), else_=literal(100))
    wanted = select(total(small), total(rows.c.number)).where(rows.c.number != 4)
    assert db.read(lambda session: tuple(session.execute(wanted).one())) == (103, 13)


def post(db, drafts):
    outcomes = db.unit_of_work(lambda session: ledger.post(session, drafts), resolvable=True)
    assert all(isinstance(outcome, ledger.Posted) for outcome in outcomes)


def batch(db, actor, *items, atomic=False):
    return asyncio.run(batches.post(db, actor, [batches.Item(item) for item in items], atomic=atomic))


def posted(answer):
    return sum(not isinstance(result, errors.BankError) for result in answer.results)


def move(actor, source, target, amount_minor, *, times=1, at=None, kind=TransactionType.TRANSFER):
    legs = (Leg(source, Direction.DEBIT, amount_minor), Leg(target, Direction.CREDIT, amount_minor))
    return [
        Draft(id=new_id(), type=kind, currency="USD", legs=legs, actor_id=actor.user_id, created_at=at)
        for _ in range(times)
    ]


@pytest.fixture
def busy(db, ada, ben, counter):
    """Two accounts that sent 3.9 × 10^18 to and fro: 1.2 × 10^19 came in and went out of each, today."""
    hers, his = counter.open(ada), counter.open(ben)
    cash, many = ledger.cash_account("USD"), 3900
    at = clock.now()
    drafts = move(ada, cash, hers.id, MOST, times=many, at=at, kind=TransactionType.DEPOSIT)
    for source, target in ((hers, his), (his, hers), (hers, his), (his, hers), (hers, his)):
        drafts += move(ada, source.id, target.id, MOST, times=many, at=at)
    for first in range(0, len(drafts), many):
        post(db, drafts[first : first + many])
    return hers, his, many * MOST


def test_every_sum_of_the_bank_is_exact_beyond_64_bits(db, ada, teller, counter, busy):
    hers, his, much = busy
    summary = db.read(lambda s: history.summary(s, ada, hers.id))
    assert (summary.in_minor, summary.out_minor) == (3 * much, 3 * much)
    found = db.read(lambda s: flows.flow(s, ada, currency="USD", since=clock.now() - timedelta(days=1)))
    assert (found.in_minor, found.out_minor) == (3 * much, 3 * much)
    [month, *_] = db.read(lambda s: statements.months(s, ada, hers.id))
    assert (month.in_minor, month.out_minor, month.closing_minor, month.adds_up) == (3 * much, 3 * much, 0, True)
    proved = db.read(lambda s: proof.re_add(s, ada, hers.id))
    assert (proved.in_minor, proved.out_minor, proved.holds) == (3 * much, 3 * much, True)
    assert db.read(lambda s: ledger.debits_since(s, [hers.id], clock.now() - timedelta(days=1), now=clock.now())) == {
        hers.id: 3 * much
    }
    # A day's limit on an account that has paid more than 64 bits today: an answer, and the right one.
    db.unit_of_work(lambda s: accounts.change_account(s, teller, hers.id, daily_limit="100.00", reason="As agreed"))
    with pytest.raises(errors.LimitExceeded) as refused:
        counter.transfer(ada, hers, his, "1.00")
    assert refused.value.details["used"] == money.to_text(3 * much, "USD")
    lines = db.read(lambda s: books.trial_balance(s, teller))
    assert sum(line.debit_minor for line in lines) == sum(line.credit_minor for line in lines) == much


def test_a_trial_balance_of_more_than_64_bits(db, ada, teller, counter):
    # Three customers with all that an account can hold, against three cash accounts.
    for cash in stripes("USD")[:3]:
        account = counter.open(ada)
        drafts = move(ada, cash, account.id, MOST, times=MAX_BALANCE // MOST, kind=TransactionType.DEPOSIT)
        post(db, drafts)
    lines = db.read(lambda s: books.trial_balance(s, teller))
    assert {(line.debit_minor, line.credit_minor) for line in lines if line.debit_minor or line.credit_minor} == {
        (3 * MAX_BALANCE, 0), (0, 3 * MAX_BALANCE)
    }  # fmt: skip


# --- nobody uses up what everybody needs ---------------------------------------------------------------------


@pytest.fixture
def self_service(db):
    """Customers handle cash by themselves."""
    db.settings = db.settings.model_copy(update={"self_service_cash": True})
    return db


def fill_cash(db, ada, counter, cash, share):
    account = counter.open(ada)
    drafts = move(ada, cash, account.id, MOST, times=share // MOST, kind=TransactionType.DEPOSIT)
    post(db, drafts)
    return account


def balance_of(db, number):
    return db.read(lambda s: s.execute(select(ACCOUNTS.c.balance).where(ACCOUNTS.c.id == number)).scalar_one())


def test_a_cash_account_that_is_nearly_full_hands_over_to_another(db, ada, ben, teller, counter):
    cash = ledger.cash_account("USD")
    hers = fill_cash(db, ada, counter, cash, MAX_BALANCE)
    his = counter.open(ben)
    counter.deposit(teller, his, "12.00")
    assert (counter.balance(his), balance_of(db, cash)) == ("12.00", -MAX_BALANCE)
    # What takes it further from its bound stays on it, and an opening deposit, a batch and a hold find room as well.
    counter.withdraw(teller, hers, "5.00")
    assert balance_of(db, cash) == -MAX_BALANCE + 500
    counter.open(ben, "7.00", by=teller)
    answer = batch(db, teller, Deposit(his.id, money.Amount.of("3.00")), atomic=True)
    assert posted(answer) == 1
    assert balance_of(db, cash) == -MAX_BALANCE + 500


def test_withdrawals_cannot_fill_a_cash_account_from_the_other_side(db, ada, ben, teller, counter):
    # Paid in over another process's row, taken out over this one's.
    cash = ledger.cash_account("USD")
    other = next(number for number in stripes("USD") if number != cash)
    hers = fill_cash(db, ada, counter, other, MAX_BALANCE)
    drafts = move(ada, hers.id, cash, MOST, times=3000, kind=TransactionType.WITHDRAW)
    post(db, drafts)
    before = balance_of(db, cash)
    assert before == 3000 * MOST
    counter.withdraw(teller, hers, "1.00")
    counter.capture(teller, counter.hold(teller, hers, "2.00"))
    assert (balance_of(db, cash), balance_of(db, other)) == (before, -MAX_BALANCE + 300)


def test_a_customer_moves_so_much_cash_in_a_day_by_himself_and_no_more(self_service, ada, ben, teller, counter):
    most, one, two = rules.MOST_OWN_CASH, counter.open(ada), counter.open(ada)
    huge = money.to_text(MOST, "USD")
    for _ in range(most // MOST - 1):
        counter.deposit(ada, one, huge)
    counter.deposit(ada, two, huge)
    with pytest.raises(errors.LimitExceeded) as refused:
        counter.deposit(ada, one, money.to_text(rules.COUNTED_CASH, "USD"))
    facts = refused.value.details
    assert (facts["limit"], facts["used"], facts["remaining"]) == ("cash", money.to_text(most, "USD"), "0.00")
    # Small change is never in the way, nor is another currency, another customer, another day, or a teller.
    counter.deposit(ada, one, "25.00")
    counter.deposit(ada, counter.open(ada, currency="JPY"), str(MOST))
    counter.deposit(ben, counter.open(ben), huge)
    counter.deposit(teller, one, huge)
    # Out is counted for itself, and across accounts.
    for _ in range(most // MOST):
        counter.withdraw(ada, one, huge)
    with pytest.raises(errors.LimitExceeded):
        counter.withdraw(ada, two, huge)
    with clock.moved_to(clock.now() + timedelta(days=1)):
        counter.deposit(ada, one, huge)


def test_opening_deposits_batches_and_captured_holds_count_as_cash(self_service, ada, counter):
    db = self_service
    huge = money.to_text(MOST, "USD")
    first = counter.open(ada, huge, by=ada)
    items = [Deposit(first.id, money.Amount.of(huge)) for _ in range(12)]
    answer = batch(db, ada, *items)
    assert posted(answer) == 9
    with pytest.raises(errors.LimitExceeded):
        counter.open(ada, huge, by=ada)
    held = counter.hold(ada, first, huge)
    for _ in range(9):
        counter.withdraw(ada, first, huge)
    counter.capture(ada, held)
    counter.deposit(ada, first, "90.00")
    with pytest.raises(errors.LimitExceeded):
        counter.withdraw(ada, first, money.to_text(rules.COUNTED_CASH, "USD"))


def test_921_withdrawals_of_ten_to_the_thirteenth_and_then_one_more(self_service, ada, teller, counter):
    db = self_service
    hers = counter.open(ada)
    huge, large = money.to_text(MOST, "USD"), money.Amount.of(money.to_text(10**13, "USD"))
    for _ in range(10):
        counter.deposit(ada, hers, huge)
    answer = batch(db, ada, *[Withdraw(hers.id, large) for _ in range(921)])
    assert posted(answer) == 921
    db.unit_of_work(lambda s: accounts.change_account(s, teller, hers.id, daily_limit="100.00", reason="As agreed"))
    with pytest.raises(errors.LimitExceeded) as refused:
        counter.withdraw(ada, hers, "1.00")
    assert refused.value.details["limit"] == "daily"
    assert refused.value.details["used"] == money.to_text(921 * 10**13, "USD")
