"""`ledger.post` on lists: each draft by itself, the same number of statements however long the list."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import event, text

from bank_app import clock
from bank_app.bulk import SEPARATOR
from bank_app.domain.accounting import MAX_BALANCE, Direction, Draft, Key, Leg, TransactionType
from bank_app.domain.identifiers import fingerprint, new_id
from bank_app.domain.money import MAX_MINOR
from bank_app.services import integrity, ledger


def transfer(actor, source, target, minor, *, key=None, request=None, **more):
    return Draft(
        id=new_id(),
        type=TransactionType.TRANSFER,
        currency="USD",
        legs=(Leg(source.id, Direction.DEBIT, minor), Leg(target.id, Direction.CREDIT, minor)),
        actor_id=actor.user_id,
        key=Key(actor.user_id, key, fingerprint("transfer", request or {"minor": minor})) if key else None,
        **more,
    )


def post(db, *drafts):
    return db.unit_of_work(lambda session: ledger.post(session, drafts), resolvable=True)


def codes(outcomes):
    return ["posted" if isinstance(outcome, ledger.Posted) else outcome.error.code for outcome in outcomes]


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


def test_an_empty_list_is_posted_without_a_word(db):
    assert post(db) == []


def test_one_bad_draft_leaves_its_neighbours_alone(db, counter, ada, hers, his):
    nowhere = type("Nowhere", (), {"id": 1234567889})
    outcomes = post(
        db,
        transfer(ada, hers, his, 3000),
        transfer(ada, hers, his, 7001),
        transfer(ada, hers, nowhere, 100),
        transfer(ada, hers, his, 7000),
        transfer(ada, hers, his, 1),
    )
    assert codes(outcomes) == ["posted", "insufficient_funds", "account_not_found", "posted", "insufficient_funds"]
    assert (counter.balance(hers), counter.balance(his)) == ("0.00", "100.00")


def test_drafts_of_one_list_see_what_those_before_them_did(db, ada, hers, his):
    outcomes = post(db, transfer(ada, his, hers, 500), transfer(ada, hers, his, 500), transfer(ada, his, hers, 500))
    assert codes(outcomes) == ["insufficient_funds", "posted", "posted"]
    assert [side.sequence for outcome in outcomes[1:] for side in outcome.postings if side.account_id == hers.id] == [
        2,
        3,
    ]


def test_a_version_is_checked_against_the_drafts_before_it_in_the_list(db, ada, hers, his):
    outcomes = post(
        db,
        transfer(ada, hers, his, 500, expected_versions={hers.id: 1}),
        transfer(ada, hers, his, 500, expected_versions={hers.id: 1}),
        transfer(ada, hers, his, 500, expected_versions={hers.id: 2}),
    )
    assert codes(outcomes) == ["posted", "precondition_failed", "posted"]


def test_an_account_that_was_not_found_under_the_lock_leaves_the_key_unused(db, counter, ada, hers, his):
    nowhere = type("Nowhere", (), {"id": 1234567889})
    assert codes(post(db, transfer(ada, hers, nowhere, 1000, key="k"))) == ["account_not_found"]
    assert codes(post(db, transfer(ada, hers, his, 1000, key="k"))) == ["posted"]
    assert counter.balance(his) == "10.00"


def test_a_key_that_comes_twice_in_one_list_has_one_effect(db, counter, ada, hers, his):
    outcomes = post(
        db,
        transfer(ada, hers, his, 1000, key="k"),
        transfer(ada, hers, his, 1000, key="k"),
        transfer(ada, hers, his, 2000, key="k"),
        transfer(ada, hers, his, 99999, key="no"),
        transfer(ada, hers, his, 99999, key="no"),
    )
    assert codes(outcomes) == ["posted", "posted", "idempotency_key_reused", "insufficient_funds", "insufficient_funds"]
    assert [outcome.replayed for outcome in outcomes] == [False, True, False, False, True]
    assert outcomes[0].id == outcomes[1].id
    assert counter.balance(hers) == "90.00"


def test_known_and_new_keys_are_answered_in_the_order_of_the_list(db, ada, hers, his):
    [known] = post(db, transfer(ada, hers, his, 100, key="b"))
    outcomes = post(db, *(transfer(ada, hers, his, minor, key=key) for minor, key in ((1, "a"), (100, "b"), (3, "c"))))
    assert [outcome.replayed for outcome in outcomes] == [False, True, False]
    assert outcomes[1].hash == known.hash
    assert [outcome.amount_minor for outcome in outcomes] == [1, 100, 3]


def test_two_reversals_in_one_list_are_one(db, counter, ada, teller, hers, his):
    moved = counter.transfer(ada, hers, his, "10.00").transaction

    def reversal():
        legs = (Leg(his.id, Direction.DEBIT, 1000), Leg(hers.id, Direction.CREDIT, 1000))
        return Draft(
            id=new_id(), type=TransactionType.REVERSAL, currency="USD", legs=legs, actor_id=teller.user_id,
            reverses_id=moved.id,
        )  # fmt: skip

    assert codes(post(db, reversal(), reversal())) == ["posted", "already_reversed"]
    assert counter.balance(hers) == "100.00"


def test_a_draft_that_is_posted_again_after_a_lost_answer_is_recognised_by_its_id(db, counter, ada, hers, his):
    draft = transfer(ada, hers, his, 1000)
    [first], [again] = post(db, draft), post(db, draft)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.hash == first.hash
    assert counter.balance(hers) == "90.00"


def test_a_foreign_account_that_must_be_the_actors_own_is_not_found_under_the_lock(db, eve, hers, his):
    outcome = post(db, transfer(eve, hers, his, 1000, must_belong_to_actor=frozenset({hers.id})))
    assert codes(outcome) == ["account_not_found"]


def test_a_draft_of_three_sides_is_posted_whole(db, counter, ada, hers, his):
    savings = counter.open(ada)
    legs = (
        Leg(hers.id, Direction.DEBIT, 1000),
        Leg(his.id, Direction.CREDIT, 900),
        Leg(savings.id, Direction.CREDIT, 100),
    )
    draft = Draft(id=new_id(), type=TransactionType.TRANSFER, currency="USD", legs=legs, actor_id=ada.user_id)
    assert codes(post(db, draft)) == ["posted"]
    assert [counter.balance(account) for account in (hers, his, savings)] == ["90.00", "9.00", "1.00"]


def test_drafts_that_carry_their_time_keep_it_unless_the_account_is_further(db, ada, hers, his):
    now = clock.now() + timedelta(days=1)
    drafts = [transfer(ada, hers, his, 1, created_at=now + timedelta(hours=hour)) for hour in (0, 2, 1)]
    with clock.moved_to(now + timedelta(hours=2)):
        posted = post(db, *drafts)
    assert [outcome.created_at - now for outcome in posted] == [timedelta(hours=hour) for hour in (0, 2, 2)]


def test_a_balance_that_could_not_be_added_up_any_more_is_refused(db, counter, ada):
    account = counter.open(ada)
    cash = ledger.cash_account("USD")
    legs = (Leg(cash, Direction.DEBIT, MAX_MINOR), Leg(account.id, Direction.CREDIT, MAX_MINOR))
    drafts = [
        Draft(id=new_id(), type=TransactionType.DEPOSIT, currency="USD", legs=legs, actor_id=ada.user_id)
        for _ in range(MAX_BALANCE // MAX_MINOR + 1)
    ]
    outcomes = codes(post(db, *drafts))
    assert outcomes == ["posted"] * 4000 + ["limit_exceeded"]


# --- cost ---------------------------------------------------------------------------------------------


def statements(db, drafts):
    seen = []

    def on_execute(connection, cursor, statement, parameters, context, executemany):
        # Several go in one packet, and each of them counts.
        seen.extend(one.split()[0] for one in statement.split(SEPARATOR))

    event.listen(db.writing, "before_cursor_execute", on_execute)
    try:
        outcomes = post(db, *drafts)
    finally:
        event.remove(db.writing, "before_cursor_execute", on_execute)
    assert set(codes(outcomes)) == {"posted"}
    return seen


def mixed(counter, ada, size):
    accounts = [counter.open(ada, "10.00") for _ in range(size + 1)]
    return [
        transfer(ada, source, target, 1, key=f"{size}-{index}" if index % 2 == 0 else None)
        for index, (source, target) in enumerate(pairwise(accounts))
    ]


def test_the_number_of_statements_does_not_grow_with_the_list(db, counter, ada):
    few, many = statements(db, mixed(counter, ada, 2)), statements(db, mixed(counter, ada, 60))
    assert few == many
    assert few.count("INSERT") == 3
    assert few.count("UPDATE") == 1
    assert len(many) <= 9


def test_the_server_itself_counts_no_more_statements_for_a_long_list(mariadb_db, counter, ada):
    def questions(drafts):
        def operation(session):
            count = text("SHOW SESSION STATUS LIKE 'Questions'")
            before = int(session.execute(count).one()[1])
            ledger.post(session, drafts)
            return int(session.execute(count).one()[1]) - before

        return mariadb_db.unit_of_work(operation)

    assert questions(mixed(counter, ada, 2)) == questions(mixed(counter, ada, 60))


def test_a_list_of_a_thousand_is_posted_in_one_unit_of_work(db, counter, ada, hers, his):
    drafts = [transfer(ada, hers, his, 1, key=f"k{index}") for index in range(1000)]
    assert codes(post(db, *drafts)) == ["posted"] * 1000
    assert counter.balance(hers) == "90.00"
    again = post(db, *(transfer(ada, hers, his, 1, key=f"k{index}") for index in range(1000)))
    assert all(outcome.replayed for outcome in again)
    assert integrity.check(db).postings == 2 + 2000
