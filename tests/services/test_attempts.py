"""What the bank declined, as the owner of an account and the bank's people find it again."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from bank_app import clock, errors
from bank_app.domain.accounting import AccountStatus, Direction, FrozenFor, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.models import SavedPayee
from bank_app.services import attempts, drafts
from bank_app.services.history import HistoryFilter


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "10.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben, nickname="Rent")


@pytest.fixture
def declined(counter):
    """Sends what the bank declines."""

    def send(error, actor, source, target, amount, *, key):
        with pytest.raises(error) as refusal:
            counter.transfer(actor, source, target, amount, key=key)
        return refusal.value

    return send


@pytest.fixture
def listed(db):
    def attempts_of(actor, account, **more):
        return db.read(lambda session: attempts.list_attempts(session, actor, account.id, **more))

    return attempts_of


def test_a_declined_transfer_is_kept_with_its_reason(ada, hers, his, declined, listed):
    said = declined(errors.InsufficientFunds, ada, hers, his, "25.00", key="rent")
    [attempt] = listed(ada, hers).items
    assert (attempt.kind, attempt.amount_minor, attempt.currency) == ("transfer", 2500, "USD")
    assert (attempt.to_account, attempt.by_name) == (his.number, ada.name)
    assert (attempt.code, attempt.detail, attempt.error.details) == (said.code, said.detail, said.details)


def test_the_answer_to_a_key_does_not_change_because_it_is_kept(counter, ada, hers, his, declined):
    first, again = (declined(errors.InsufficientFunds, ada, hers, his, "25.00", key="rent") for _ in range(2))
    assert again.replayed
    assert again.details == first.details


def test_what_a_receiver_cannot_take_is_the_payers_attempt(counter, ada, ben, teller, hers, his, declined, listed):
    counter.change(teller, his, status=AccountStatus.FROZEN, frozen_for=FrozenFor.ALL)
    declined(errors.AccountFrozen, ada, hers, his, "1.00", key="rent")
    assert [attempt.code for attempt in listed(ada, hers).items] == ["account_frozen"]
    assert listed(ben, his).items == []


def test_withdrawals_and_holds_are_attempts_too(counter, ada, hers, his, listed):
    with pytest.raises(errors.InsufficientFunds):
        counter.withdraw(ada, hers, "25.00", key="cash")
    with pytest.raises(errors.InsufficientFunds):
        counter.hold(ada, hers, "26.00", to=his, key="hotel")
    found = [(attempt.kind, attempt.amount_minor, attempt.to_account) for attempt in listed(ada, hers).items]
    assert found == [("hold", 2600, his.number), ("withdraw", 2500, "cash")]


def test_those_of_all_own_accounts_are_found_by_filters(db, counter, ada, ben, hers, his, declined, monkeypatch):
    savings = counter.open(ada, "1.00")
    for number, (source, amount) in enumerate([(hers, "25.00"), (savings, "30.00"), (hers, "35.00"), (hers, "40.00")]):
        declined(errors.InsufficientFunds, ada, source, his, amount, key=f"rent-{number}")
    declined(errors.InsufficientFunds, ben, his, hers, "1.00", key="of somebody else")

    def found(cursor=None, limit=25, **wanted):
        more = {"filters": HistoryFilter(**wanted), "limit": limit, "cursor": cursor}
        return db.read(lambda session: attempts.list_attempts(session, ada, **more))

    def amounts(page):
        return [attempt.amount_minor for attempt in page.items]

    assert amounts(found()) == [4000, 3500, 3000, 2500]
    assert [attempt.from_account for attempt in found(max_amount="30.00").items] == [savings.number, hers.number]
    assert amounts(found(q="insufficient", min_amount="35.00")) == [4000, 3500]
    assert amounts(found(types=(TransactionType.WITHDRAW,))) == []
    assert amounts(found(direction=Direction.CREDIT)) == []
    assert amounts(found(to=clock.now() - timedelta(days=1))) == []
    first = found(limit=1, max_amount="30.00")
    assert amounts(first) == [3000]
    assert amounts(found(limit=1, max_amount="30.00", cursor=first.next_cursor)) == [2500]
    # One call looks at so many only; what it did not come to is behind the cursor.
    monkeypatch.setattr(attempts, "_LOOKS", 1)
    short = found(limit=1, max_amount="25.00")
    assert amounts(short) == []
    assert short.next_cursor


def test_somebody_without_accounts_has_no_attempts(db, ada):
    assert db.read(lambda session: attempts.list_attempts(session, ada)).items == []


def test_what_was_posted_or_never_decided_is_no_attempt(counter, ada, ben, hers, his, listed):
    counter.transfer(ada, hers, his, "1.00", key="fine")
    with pytest.raises(errors.AccountNotFound):
        counter.transfer(ben, hers, his, "1.00", key="not-his")
    assert listed(ada, hers).items == []


def test_whose_an_account_is_stays_hidden_from_who_typed_it(db, ada, ben, teller, hers, his, declined, listed):
    declined(errors.InsufficientFunds, ada, hers, his, "25.00", key="rent")
    assert listed(ada, hers).items[0].to_name == ""
    assert listed(teller, hers).items[0].to_name == ben.name
    saved = {"id": new_id(), "user_id": ada.user_id, "account_id": his.id, "name": "Ben", "created_at": clock.now()}
    db.unit_of_work(lambda session: session.execute(insert(SavedPayee).values(**saved)))
    assert listed(ada, hers).items[0].to_name == "Ben"


def test_attempts_on_a_page_carry_the_name_that_was_typed(counter, db, ada, hers, his, listed):
    draft = db.unit_of_work(
        lambda session: drafts.save(
            session, ada, kind="transfer", amount_minor=2500, currency="USD", from_account_id=hers.id,
            to_account_id=his.id, payee_name="Benny", payee_result="none",
        )
    )  # fmt: skip
    with pytest.raises(errors.InsufficientFunds):
        counter.move(ada, draft.movement, key=draft.key)
    assert listed(ada, hers).items[0].to_name == "Benny"


def test_what_a_teller_tried_on_a_page_is_seen_and_what_programs_tried_is_not(teller, ada, hers, his, declined, listed):
    declined(errors.InsufficientFunds, teller, hers, his, "25.00", key=f"draft:{new_id()}")
    declined(errors.InsufficientFunds, teller, hers, his, "26.00", key="batch-1")
    assert [(attempt.amount_minor, attempt.by_name) for attempt in listed(ada, hers).items] == [(2500, teller.name)]


def test_attempts_come_in_pages_newest_first(ada, hers, his, declined, listed):
    for number in range(5):
        declined(errors.InsufficientFunds, ada, hers, his, f"{20 + number}.00", key=f"n{number}")
    first = listed(ada, hers, limit=3)
    second = listed(ada, hers, limit=3, cursor=first.next_cursor)
    assert [attempt.amount_minor for attempt in first.items + second.items] == [2400, 2300, 2200, 2100, 2000]
    assert second.next_cursor is None
    assert len({attempt.id for attempt in first.items + second.items}) == 5


@pytest.mark.parametrize("cursor", ["nonsense", "fHw", "MjAyNi0wMS0wMXxr"])
def test_a_cursor_that_is_not_ours_is_refused(ada, hers, listed, cursor):
    with pytest.raises(errors.Invalid):
        listed(ada, hers, cursor=cursor)


def test_strangers_learn_nothing(eve, auditor, hers, listed):
    assert listed(auditor, hers).items == []
    with pytest.raises(errors.AccountNotFound):
        listed(eve, hers)
