"""Batches at the service: keys of items and of the whole, all or none, and what is left after an interruption."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from bank_app import errors
from bank_app.domain import money
from bank_app.domain.identifiers import new_account_number, new_id
from bank_app.services import batches, integrity, ledger, posting, work
from bank_app.services.batches import Item
from bank_app.services.movements import Deposit, Transfer, Withdraw


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def send(db):
    """Posts a batch as a program would: `send(ada, pay(...), pay(...), key="k")`."""

    def post(actor, *items, **more):
        # Sent again it is another request, whose movements get ids of their own.
        sent = [Item(replace(item.movement, id=new_id()), item.key) for item in items]
        return asyncio.run(batches.post(db, actor, sent, **more))

    return post


def pay(source, target, amount, key=None):
    return Item(Transfer(source.id, target.id, money.Amount.of(amount)), key)


def put(account, amount, key=None):
    return Item(Deposit(account.id, money.Amount.of(amount)), key)


def take(account, amount, key=None):
    return Item(Withdraw(account.id, money.Amount.of(amount)), key)


def spoken(answered):
    return [result.code if isinstance(result, errors.BankError) else "ok" for result in answered.results]


# --- each by itself -----------------------------------------------------------------------------------


def test_items_are_posted_in_their_order_so_that_one_can_spend_what_the_one_before_it_brought(
    counter, send, ada, ben, hers, his
):
    sent = send(ada, pay(hers, his, "100.00"), take(hers, "0.01"), put(hers, "5.00"), pay(hers, his, "5.00"))
    assert spoken(sent) == ["ok", "insufficient_funds", "ok", "ok"]
    assert not sent.replayed
    assert (counter.balance(hers), counter.balance(his)) == ("0.00", "105.00")


def test_money_that_an_item_received_is_spent_by_the_next(counter, send, teller, hers, his):
    assert spoken(send(teller, pay(hers, his, "60.00"), pay(his, hers, "60.00"))) == ["ok", "ok"]
    assert spoken(send(teller, pay(his, hers, "1.00"), pay(hers, his, "1.00"))) == ["insufficient_funds", "ok"]


def test_a_batch_without_keys_that_is_sent_twice_is_two_batches(counter, send, ada, hers):
    first, second = send(ada, put(hers, "1.00")), send(ada, put(hers, "1.00"))
    assert first.results != second.results
    assert not second.replayed
    assert counter.balance(hers) == "102.00"


def test_the_key_of_an_item_is_the_key_of_a_single_request_and_the_other_way_round(counter, send, ada, hers, his):
    alone = counter.transfer(ada, hers, his, "1.00", key="alone")
    sent = send(ada, pay(hers, his, "1.00", "alone"), pay(hers, his, "2.00", "in-a-batch"))
    assert sent.results[0] == alone.transaction.id
    again = counter.transfer(ada, hers, his, "2.00", key="in-a-batch")
    assert (again.replayed, again.transaction.id) == (True, sent.results[1])
    assert counter.balance(his) == "3.00"


def test_a_key_that_two_items_share_is_one_posting_or_a_refusal(counter, send, ada, hers, his):
    sent = send(ada, pay(hers, his, "1.00", "k"), pay(hers, his, "1.00", "k"), pay(hers, his, "2.00", "k"))
    assert spoken(sent) == ["ok", "ok", "idempotency_key_reused"]
    assert sent.results[0] == sent.results[1]
    assert counter.balance(his) == "1.00"


# --- the key of the whole -----------------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [False, True])
def test_the_same_batch_under_its_key_is_answered_again(counter, send, ada, hers, his, atomic):
    items = [pay(hers, his, "1.00"), put(hers, "2.00", "own"), pay(hers, his, "3.00")]
    first, again = (send(ada, *items, atomic=atomic, key="payroll") for _ in range(2))
    assert (first.replayed, again.replayed) == (False, True)
    assert first.results == again.results
    assert counter.balance(hers) == "98.00"


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("other", ["one more", "one less", "another amount", "another own key", "atomic or not"])
def test_another_batch_under_the_same_key_moves_nothing(counter, send, ada, hers, his, atomic, other):
    items = [pay(hers, his, "1.00", "own-1"), pay(hers, his, "2.00")]
    send(ada, *items, atomic=atomic, key="payroll")
    changed = {
        "one more": [*items, pay(hers, his, "4.00")],
        "one less": items[:1],
        "another amount": [items[0], pay(hers, his, "3.00")],
        "another own key": [pay(hers, his, "1.00", "own-2"), items[1]],
        "atomic or not": items,
    }[other]
    with pytest.raises(errors.IdempotencyKeyReused):
        send(ada, *changed, atomic=atomic != (other == "atomic or not"), key="payroll")
    assert counter.balance(his) == "3.00"


@pytest.mark.parametrize("atomic", [False, True])
def test_a_key_stands_for_a_batch_or_for_a_single_request_and_never_for_both(counter, send, ada, hers, his, atomic):
    counter.transfer(ada, hers, his, "1.00", key="transfer first")
    send(ada, pay(hers, his, "1.00"), atomic=atomic, key="batch first")
    with pytest.raises(errors.IdempotencyKeyReused):
        send(ada, pay(hers, his, "1.00"), atomic=atomic, key="transfer first")
    for other in (counter.transfer, counter.hold):
        with pytest.raises(errors.IdempotencyKeyReused):
            other(ada, hers, *([his] if other == counter.transfer else []), "1.00", key="batch first")
    assert (counter.balance(hers), counter.balance(his)) == ("98.00", "2.00")


@pytest.mark.parametrize("atomic", [False, True])
def test_a_batch_that_was_refused_as_a_whole_keeps_its_key_too(counter, send, ada, hers, his, atomic):
    with contextlib.suppress(errors.InsufficientFunds):
        send(ada, pay(hers, his, "1000.00"), atomic=atomic, key="k")
    with pytest.raises(errors.IdempotencyKeyReused):
        counter.transfer(ada, hers, his, "1.00", key="k")
    assert counter.balance(his) == "0.00"


@pytest.mark.parametrize("atomic", [False, True])
def test_the_key_of_the_whole_is_no_key_of_an_item(counter, send, ada, hers, his, atomic):
    with pytest.raises(errors.IdempotencyKeyReused) as refused:
        send(ada, pay(hers, his, "1.00"), pay(hers, his, "2.00", "k"), atomic=atomic, key="k")
    assert refused.value.details["item"] == 1
    assert counter.balance(his) == "0.00"
    assert spoken(send(ada, pay(hers, his, "1.00"), atomic=atomic, key="k")) == ["ok"]


def test_a_batch_and_a_single_request_that_race_for_one_key_move_money_once(
    counter, send, at_once, codes, ada, hers, his
):
    def one(index):
        if index % 2:
            return send(ada, pay(hers, his, "1.00"), key="k")
        return counter.transfer(ada, hers, his, "1.00", key="k")

    answers = codes(at_once(one, 6))
    assert (answers.count("ok"), set(answers)) == (3, {"ok", "idempotency_key_reused"})
    assert counter.balance(his) == "1.00"


def test_what_was_answered_before_is_marked_and_each_transaction_counted_once(counter, send, ada, hers, his):
    counter.transfer(ada, hers, his, "1.00", key="before")
    items = [
        pay(hers, his, "1.00", "before"),
        pay(hers, his, "2.00", "k"),
        pay(hers, his, "2.00", "k"),
        put(hers, "1.00"),
    ]
    sent = send(ada, *items)
    assert (sent.repeats, sent.posted, sent.replayed) == ((True, False, True, False), 3, False)
    again = send(ada, *items[:3])
    assert (again.repeats, again.posted, again.replayed) == ((True, True, True), 2, True)
    assert counter.balance(his) == "3.00"


def test_a_refusal_that_was_given_before_is_marked(counter, send, ada, hers, his):
    items = [pay(hers, his, "1000.00", "k"), pay(hers, his, "1000.00", "k")]
    assert send(ada, *items).repeats == (False, True)
    counter.deposit(ada, hers, "5000.00")
    assert send(ada, *items).repeats == (True, True)


def test_one_key_of_two_people_is_two_keys(counter, send, ada, ben, hers, his):
    send(ada, pay(hers, his, "10.00"), key="k")
    assert spoken(send(ben, pay(his, hers, "4.00"), key="k")) == ["ok"]
    assert counter.balance(his) == "6.00"


@pytest.mark.parametrize("atomic", [False, True])
def test_one_batch_that_is_sent_by_many_at_once_is_posted_once(counter, send, at_once, ada, hers, his, atomic):
    items = [pay(hers, his, "1.00") for _ in range(5)]
    answers = at_once(lambda _: send(ada, *items, atomic=atomic, key="payroll"), posting._LARGE_AT_ONCE)
    assert len({answer.results for answer in answers}) == 1
    assert counter.balance(his) == "5.00"


def test_of_two_batches_that_race_for_one_key_one_is_posted(counter, send, at_once, codes, ada, hers, his):
    answers = at_once(lambda index: send(ada, *(pay(hers, his, "1.00") for _ in range(index + 1)), key="payroll"), 2)
    assert sorted(codes(answers)) == ["idempotency_key_reused", "ok"]
    assert counter.balance(his) == f"{len(next(a for a in answers if isinstance(a, batches.Answered)).results)}.00"


# --- all or none --------------------------------------------------------------------------------------


def test_all_of_an_atomic_batch_is_one_unit_of_work(db, counter, send, ada, hers, his):
    sent = send(ada, *(pay(hers, his, "0.10") for _ in range(700)), atomic=True)
    assert spoken(sent) == ["ok"] * 700
    assert counter.balance(his) == "70.00"
    assert posting.of(db).figures.groups == 0


def test_one_refusal_refuses_all_and_says_which_it_was(counter, send, ada, hers, his):
    with pytest.raises(errors.InsufficientFunds) as refused:
        send(ada, put(hers, "1.00"), pay(hers, his, "200.00"), pay(hers, his, "300.00"), atomic=True)
    assert refused.value.details["item"] == 1
    assert refused.value.details["shortfall"] == "99.00"
    assert refused.value.detail.startswith("Item 1: Account")
    assert (counter.balance(hers), counter.balance(his)) == ("100.00", "0.00")


def test_the_first_that_fails_is_named_whatever_kind_of_failure_comes_later(counter, send, ada, eve, hers, his):
    nowhere = Item(Deposit(new_account_number(), money.Amount.of("1.00")))
    with pytest.raises(errors.InsufficientFunds) as refused:
        send(ada, pay(hers, his, "1.00"), take(hers, "99.01"), nowhere, atomic=True)
    assert refused.value.details["item"] == 1
    with pytest.raises(errors.AccountNotFound) as refused:
        send(ada, pay(hers, his, "1.00"), nowhere, take(hers, "100.01"), atomic=True)
    assert refused.value.details["item"] == 1
    assert counter.balance(his) == "0.00"


def test_a_refusal_of_all_is_given_again_after_the_reason_is_gone(counter, send, ada, hers, his):
    items = [pay(hers, his, "60.00"), pay(hers, his, "60.00")]
    for replayed in (False, True):
        with pytest.raises(errors.InsufficientFunds) as refused:
            send(ada, *items, atomic=True, key="rents")
        assert (refused.value.replayed, refused.value.details["item"]) == (replayed, 1)
        counter.deposit(ada, hers, "100.00")
    with pytest.raises(errors.IdempotencyKeyReused):
        send(ada, *items[:1], atomic=True, key="rents")
    assert spoken(send(ada, *items, atomic=True, key="rents-2")) == ["ok", "ok"]


def test_no_such_account_is_not_kept_with_the_key_of_an_atomic_batch(counter, send, ada, hers, his):
    """It may exist tomorrow."""
    nowhere = Item(Transfer(hers.id, new_account_number(), money.Amount.of("1.00")))
    for _ in range(2):
        with pytest.raises(errors.AccountNotFound) as refused:
            send(ada, pay(hers, his, "1.00"), nowhere, atomic=True, key="rents")
        assert not refused.value.replayed
    assert spoken(send(ada, pay(hers, his, "1.00"), atomic=True, key="rents")) == ["ok"]


def test_an_item_that_was_refused_before_under_its_own_key_refuses_all(counter, send, ada, hers, his):
    with pytest.raises(errors.InsufficientFunds):
        counter.transfer(ada, hers, his, "200.00", key="own")
    counter.deposit(ada, hers, "500.00")
    with pytest.raises(errors.InsufficientFunds) as refused:
        send(ada, pay(hers, his, "1.00"), pay(hers, his, "200.00", "own"), atomic=True)
    assert refused.value.details["item"] == 1
    assert counter.balance(his) == "0.00"


@pytest.mark.parametrize("atomic", [False, True])
def test_more_batches_than_there_is_room_for_are_refused_before_anything_of_them_is_posted(
    counter, send, ada, hers, his, monkeypatch, atomic
):
    monkeypatch.setattr(posting, "_LARGE_AT_ONCE", 0)
    with pytest.raises(errors.Overloaded):
        send(ada, pay(hers, his, "1.00"), atomic=atomic, key="payroll")
    monkeypatch.undo()
    assert counter.balance(his) == "0.00"
    assert not send(ada, pay(hers, his, "1.00"), atomic=atomic, key="payroll").replayed


# --- interrupted --------------------------------------------------------------------------------------


def test_a_batch_that_was_cut_off_between_its_pieces_is_completed_under_its_key(
    db, counter, send, ada, hers, his, monkeypatch
):
    items = [pay(hers, his, "0.01") for _ in range(posting.LARGEST_GROUP * 2 + 7)]
    real, done = type(db).unit_of_work, []

    def only_one_piece(self, operation, **more):
        # The first is the one that gives the key to this batch.
        if len(done) >= 2:
            raise errors.DatabaseUnavailable
        done.append(real(self, operation, **more))
        return done[-1]

    monkeypatch.setattr(type(db), "unit_of_work", only_one_piece)
    told = spoken(send(ada, *items, key="payroll"))
    assert told == ["ok"] * posting.LARGEST_GROUP + ["database_unavailable"] * (posting.LARGEST_GROUP + 7)
    monkeypatch.undo()
    completed = send(ada, *items, key="payroll")
    assert spoken(completed) == ["ok"] * len(items)
    assert not completed.replayed
    assert send(ada, *items, key="payroll").replayed
    assert counter.account(his).balance_minor == len(items)
    assert integrity.check(db).transactions == 1 + len(items)


def test_an_item_that_breaks_its_piece_takes_no_other_with_it(counter, send, ada, hers, his, monkeypatch):
    """The others are posted one by one then, and on a server find the row taken by each other."""
    items = [pay(hers, his, "1.00") for _ in range(8)]
    decide = ledger.decide

    def breaking(draft, *more):
        if draft.key.text.endswith(" 2"):
            raise errors.BooksBroken("on purpose")
        return decide(draft, *more)

    monkeypatch.setattr(ledger, "decide", breaking)
    with pytest.raises(errors.BooksBroken, match="on purpose"):
        send(ada, *items, key="payroll")
    monkeypatch.undo()
    assert counter.balance(his) == "7.00"
    assert spoken(send(ada, *items, key="payroll")) == ["ok"] * 8
    assert counter.balance(his) == "8.00"


def test_an_atomic_batch_that_was_cut_off_left_nothing(db, counter, send, ada, hers, his, monkeypatch):
    items = [pay(hers, his, "0.01") for _ in range(20)]

    def broken(*_):
        raise errors.DatabaseUnavailable

    monkeypatch.setattr("bank_app.services.batches._note", broken)
    with pytest.raises(errors.DatabaseUnavailable):
        send(ada, *items, atomic=True, key="payroll")
    monkeypatch.undo()
    assert counter.balance(his) == "0.00"
    sent = send(ada, *items, atomic=True, key="payroll")
    assert (spoken(sent), sent.replayed) == (["ok"] * 20, False)


def test_ten_thousand_items_are_posted_in_pieces(sqlite_db, counter, send, ada, hers, his):
    sent = send(ada, *(pay(hers, his, "0.01") for _ in range(batches.LARGEST_BATCH)))
    assert spoken(sent) == ["ok"] * batches.LARGEST_BATCH
    figures = posting.of(sqlite_db).figures
    assert figures.groups == batches.LARGEST_BATCH // posting.LARGEST_GROUP
    assert counter.balance(his) == "100.00"


# --- what they may cost -------------------------------------------------------------------------------


def test_a_customers_atomic_batch_is_short_and_a_tellers_may_be_long(another, counter, ada, teller, hers, his):
    strict = another(atomic_batch_limit=2)
    items = [pay(hers, his, "1.00") for _ in range(3)]
    with pytest.raises(errors.BatchTooLarge) as refused:
        asyncio.run(batches.post(strict, ada, items, atomic=True))
    assert refused.value.details["most"] == 2
    for who, more in ((ada, {"atomic": False}), (teller, {"atomic": True})):
        assert asyncio.run(batches.post(strict, who, [Item(replace(i.movement, id=new_id())) for i in items], **more))
    assert counter.balance(his) == "6.00"


def test_nobody_holds_the_books_again_and_again_with_batches_of_which_all_or_nothing_counts(
    another, counter, ada, ben, hers, his, monkeypatch
):
    monkeypatch.setattr(posting, "SHORT", 2)
    monkeypatch.setattr(posting, "_HELD_AT_ONCE", 0)
    strict = another(rate_limits=True)

    def send(who, count, **more):
        return asyncio.run(batches.post(strict, who, [pay(hers, his, "1.00") for _ in range(count)], **more))

    # What is left of a second is nobody's own: other people are no way round it.
    with pytest.raises(errors.Overloaded) as refused:
        send(ada, 3, atomic=True, key="k")
    assert refused.value.details["retry_after"] >= 1
    assert counter.balance(his) == "0.00"
    assert (send(ada, 2, atomic=True).posted, send(ada, 3).posted) == (2, 3)
    monkeypatch.setattr(posting.of(strict), "_share", posting._Share(100))
    monkeypatch.setattr(posting, "_HELD_AT_ONCE", 100)
    posting.of(strict)._share._left = 100
    assert send(ada, 3, atomic=True, key="k").posted == 3
    assert posting.of(strict).figures.refused_for_share == 1


def test_large_batches_of_one_person_come_one_after_the_other_and_have_their_price(another, ada, ben, hers, his):
    strict = another(rate_limits=True)
    office = work.of(strict)
    many = [pay(hers, his, "0.01") for _ in range(posting.SHORT + 1)]
    with office.large(ada.user_id):
        with pytest.raises(errors.LargeWorkRunning):
            asyncio.run(batches.post(strict, ada, many))
        before = office.figures.units
        assert asyncio.run(batches.post(strict, ada, many[:1])).posted == 1
        assert office.figures.units - before == work.ITEM
    office.charge(ada.user_id, strict.settings.work_limit)
    with pytest.raises(errors.TooMuchWork):
        asyncio.run(batches.post(strict, ada, many[:1]))
