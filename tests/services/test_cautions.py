"""What is said beside a draft: first payments, unusual amounts, and what the limits leave."""

import pytest

from bank_app.services import accounts, cautions, drafts


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "1000.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def said(db, ada, hers, his):
    def of(minor, **more):
        facts = {
            "kind": "transfer", "from_account_id": hers.id, "to_account_id": his.id, "payee_result": "match", **more
        }  # fmt: skip
        draft = db.unit_of_work(lambda session: drafts.save(session, ada, amount_minor=minor, currency="USD", **facts))
        return db.read(lambda session: cautions.of_draft(session, ada, draft))

    return of


def test_the_first_payment_is_said_once(counter, ada, hers, his, said):
    assert said(100).first_payment
    counter.transfer(ada, hers, his, "1.00")
    assert not said(100).first_payment


def test_neither_cash_nor_an_account_of_ones_own_is_a_first_payment(counter, ada, said):
    savings = counter.open(ada)
    assert not said(100, to_account_id=savings.id, payee_result="own").first_payment
    assert not said(100, kind="withdraw", to_account_id=None, payee_result=None).first_payment


def test_more_than_three_times_the_usual_is_said_once_it_is_known_what_is_usual(counter, ada, hers, his, said):
    for amount in ("10.00", "10.00", "12.00", "500.00"):
        counter.transfer(ada, hers, his, amount)
    assert said(90_000).usual_minor is None
    counter.transfer(ada, hers, his, "9.00")
    assert said(3000).usual_minor is None
    assert said(3001).usual_minor == 1000


def test_limits_say_what_is_left_today(db, counter, ada, teller, hers, his, said):
    assert said(100).limits == cautions.Limits(None, None, 0)
    assert said(100).limits.left_today_minor is None
    counter.change(teller, hers, transfer_limit="50.00", daily_limit="80.00")
    sent = counter.transfer(ada, hers, his, "30.00")
    limits = said(100).limits
    assert limits == cautions.Limits(5000, 8000, 3000)
    assert limits.left_today_minor == 5000
    assert [limits.exceeded_by(minor) for minor in (5000, 5001)] == ["", "transfer"]
    counter.reverse(teller, sent)
    counter.transfer(ada, hers, his, "45.00")
    limits = said(100).limits
    assert (limits.left_today_minor, limits.exceeded_by(501)) == (500, "daily")


def test_what_a_limit_leaves_is_what_the_ledger_lets_through(db, counter, ada, teller, hers, his):
    counter.change(teller, hers, daily_limit="80.00")
    counter.withdraw(ada, hers, "29.99")
    view = db.read(lambda session: accounts.get_account(session, ada, hers.id))
    left = db.read(lambda session: cautions.limits_of(session, view)).left_today_minor
    counter.transfer(ada, hers, his, f"{left // 100}.{left % 100:02d}")
    assert counter.balance(his) == "50.01"
