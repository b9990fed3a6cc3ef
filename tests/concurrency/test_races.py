"""Races that a bank must not lose, with real threads on both engines. Counts are asserted, never times."""

import asyncio
import threading
import time
from collections import Counter as Tally

from sqlalchemy import event, func, select

from bank_app import errors
from bank_app.api.authentication import Authenticator
from bank_app.domain.accounting import AccountStatus
from bank_app.models import Account, IdempotencyKey, Posting, Transaction, User
from bank_app.services import auth, integrity

PASSWORD = "lantern-orchard-48-violin"


def actor_of_access_token(db, token):
    return asyncio.run(Authenticator(db).actor_of(token))


def count(db, model):
    return db.read(lambda session: session.execute(select(func.count()).select_from(model)).scalar_one())


def test_fifty_withdrawals_of_ten_from_a_hundred_are_exactly_ten(db, counter, ada, at_once, codes):
    account = counter.open(ada, "100.00")
    answers = at_once(lambda _: counter.withdraw(ada, account, "10.00"), 50)
    assert Tally(codes(answers)) == {"ok": 10, "insufficient_funds": 40}
    assert counter.balance(account) == "0.00"
    assert count(db, Posting) == 2 + 20


def test_every_withdrawal_of_a_crowd_saw_another_balance(counter, ada, at_once):
    account = counter.open(ada, "100.00")
    answers = at_once(lambda _: counter.withdraw(ada, account, "1.00"), 30)
    assert sorted(moved.transaction.postings[0].balance_after_minor for moved in answers) == list(
        range(7000, 10000, 100)
    )


def test_the_same_key_sent_twenty_times_at_once_is_one_posting_and_twenty_equal_answers(db, counter, ada, ben, at_once):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    answers = at_once(lambda _: counter.transfer(ada, hers, his, "10.00", key="rent"), 20)
    assert len({answer.transaction.hash for answer in answers}) == 1
    assert all(answer.transaction == answers[0].transaction for answer in answers)
    assert sum(not answer.replayed for answer in answers) == 1
    assert (counter.balance(hers), count(db, IdempotencyKey), count(db, Transaction)) == ("90.00", 1, 2)


def test_a_refused_key_sent_twenty_times_at_once_is_refused_twenty_times_alike(db, counter, ada, ben, at_once):
    hers, his = counter.open(ada, "1.00"), counter.open(ben)
    answers = at_once(lambda _: counter.transfer(ada, hers, his, "10.00", key="rent"), 20)
    assert {(answer.code, answer.detail) for answer in answers} == {("insufficient_funds", answers[0].detail)}
    assert sum(not answer.replayed for answer in answers) == 1
    assert count(db, IdempotencyKey) == 1


def test_one_key_for_two_requests_at_once_serves_one_of_them(counter, ada, at_once, codes):
    account = counter.open(ada, "100.00")
    answers = at_once(lambda index: counter.withdraw(ada, account, "10.00" if index % 2 else "20.00", key="k"), 20)
    assert Tally(codes(answers)) == {"ok": 10, "idempotency_key_reused": 10}
    assert counter.balance(account) in ("90.00", "80.00")


def test_two_reversals_at_once_are_one(db, counter, ada, ben, teller, at_once, codes):
    hers, his = counter.open(ada, "100.00"), counter.open(ben, "100.00")
    moved = counter.transfer(ada, hers, his, "10.00")
    answers = at_once(lambda _: counter.reverse(teller, moved), 8)
    assert Tally(codes(answers)) == {"ok": 1, "already_reversed": 7}
    assert (counter.balance(hers), counter.balance(his)) == ("100.00", "100.00")


def test_one_version_that_many_saw_is_used_by_one(counter, ada, ben, at_once, codes):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    answers = at_once(lambda _: counter.transfer(ada, hers, his, "1.00", if_version=1), 12)
    assert Tally(codes(answers)) == {"ok": 1, "precondition_failed": 11}


def test_an_account_is_closed_empty_or_keeps_what_arrives(counter, ada, teller, at_once, codes):
    for _ in range(5):
        account = counter.open(ada)
        deposit, closing = at_once(
            lambda index, account=account: (
                counter.change(teller, account, status=AccountStatus.CLOSED)
                if index
                else counter.deposit(ada, account, "1.00")
            ),
            2,
        )
        assert codes([deposit, closing]) in (["ok", "account_not_empty"], ["account_closed", "ok"])
        assert counter.balance(account) == ("1.00" if codes([deposit]) == ["ok"] else "0.00")


def test_an_overdraft_limit_is_lowered_or_used_and_never_both(counter, ada, teller, at_once, codes):
    for _ in range(5):
        account = counter.open(ada)
        counter.change(teller, account, overdraft_limit="10.00")
        answers = at_once(
            lambda index, account=account: (
                counter.change(teller, account, overdraft_limit="0")
                if index
                else counter.withdraw(ada, account, "10.00")
            ),
            2,
        )
        assert sorted(codes(answers)) == ["insufficient_funds", "ok"]


def test_the_first_accounts_of_a_currency_may_be_opened_by_many_at_once(db, counter, ada, at_once, codes):
    answers = at_once(lambda _: counter.open(ada, "100", currency="JPY"), 8)
    assert codes(answers) == ["ok"] * 8
    assert count(db, Account) == 8 + 13


def test_one_email_is_registered_by_one_of_many(db, at_once, codes):
    answers = at_once(lambda _: auth.register(db, email="ada@bank.test", name="Ada", password=PASSWORD), 8)
    assert Tally(codes(answers)) == {"ok": 1, "email_taken": 7}


def test_one_refresh_token_is_exchanged_by_one_of_many_and_that_one_stays_signed_in(db, ada, at_once, codes):
    for _ in range(5):
        pair = auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.1")
        answers = at_once(lambda _, pair=pair: auth.refresh_tokens(db, refresh_token=pair.refresh_token), 6)
        assert Tally(codes(answers)) == {"ok": 1, "refresh_token_used": 5}
        [winner] = [answer for answer in answers if isinstance(answer, auth.TokenPair)]
        assert actor_of_access_token(db, winner.access_token).user_id == ada.user_id
        assert auth.refresh_tokens(db, refresh_token=winner.refresh_token)


def test_wrong_passwords_at_once_are_all_counted(db, ada, at_once, codes):
    def attempt(_):
        return auth.issue_tokens(db, email=ada.email, password="wrong password", address="192.0.2.1")

    assert set(codes(at_once(attempt, 12))) == {"invalid_credentials"}
    failed = select(User.failed_sign_ins).where(User.id == ada.user_id)
    assert db.read(lambda session: session.execute(failed).scalar_one()) == 12


# --- long load ----------------------------------------------------------------------------------------


def load(counter, ada, at_once, *, threads, seconds):
    """Threads transfer among four accounts both ways. Every snapshot meanwhile must add up; the sum is returned."""
    db = counter.db
    four = [counter.open(ada, "50.00") for _ in range(4)]
    until = time.monotonic() + seconds
    done = threading.Event()
    wrong, answers = [], []
    total = select(func.sum(Account.balance)).where(Account.owner_id.is_not(None))

    def watch():
        while not done.is_set():
            seen = int(db.read(lambda session: session.execute(total).scalar_one()))
            if seen != 20000:
                wrong.append(seen)

    def one(index):
        step = 0
        while time.monotonic() < until:
            step += 1
            source, target = four[(index + step) % 4], four[(index + step * (1 + index % 3) + 1) % 4]
            if source is target:
                continue
            try:
                counter.transfer(ada, source, target, f"{1 + (index * step) % 40}.00", key=f"{index}-{step}")
                answers.append("ok")
            except errors.BankError as refusal:
                answers.append(refusal.code)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        at_once(one, threads)
    finally:
        done.set()
        watcher.join()
    assert wrong == []
    assert sum(counter.account(account).balance_minor for account in four) == 20000
    return Tally(answers)


def test_thirty_two_threads_among_four_accounts_meet_no_error_but_refusals(mariadb_db, counter, ada, at_once):
    deadlocks = []

    def on_error(context):
        if context.original_exception.args[0] == 1213:
            deadlocks.append(context.statement)

    event.listen(mariadb_db.writing, "handle_error", on_error)
    answers = load(counter, ada, at_once, threads=32, seconds=10)
    assert answers.keys() <= {"ok", "insufficient_funds"}
    assert answers["ok"] > 100
    # Running again would hide deadlocks from the clients; locks in one order do not even make them.
    assert deadlocks == []
    assert integrity.check(mariadb_db).transactions == 4 + answers["ok"]


def test_eight_threads_share_the_embedded_engine_without_an_error(sqlite_db, counter, ada, at_once):
    answers = load(counter, ada, at_once, threads=8, seconds=2)
    assert answers.keys() <= {"ok", "insufficient_funds"}
    assert integrity.check(sqlite_db).transactions == 4 + answers["ok"]
