"""Any sequence of movements and waiting is answered as a few lines of plain Python answer it."""

from datetime import UTC, datetime, timedelta

import hypothesis
from hypothesis import strategies as st

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.services import holds, integrity, transfers

START = datetime(2031, 3, 14, 9, tzinfo=UTC)
# Few values, so that sequences often come to exactly a limit, exactly the funds and exactly an expiry.
FEW = st.sampled_from([1, 10, 20, 50, 51])
WHICH = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("place"), FEW, WHICH),
    st.tuples(st.sampled_from(["withdraw", "deposit", "capture part"]), FEW, WHICH),
    st.tuples(st.sampled_from(["capture", "release"]), st.just(0), WHICH),
    st.tuples(st.just("wait"), FEW, WHICH),
)


class Model:
    """An account with 100.00, an overdraft limit of 20.00, at most 50.00 at once and 120.00 in a day."""

    def __init__(self):
        self.balance, self.seconds, self.left, self.holds = 100, 0, 0, []

    def held(self):
        return sum(amount for amount, end, state in self.holds if state == "open" and end > self.seconds)

    def state(self, index):
        _, end, state = self.holds[index]
        return "expired" if state == "open" and end <= self.seconds else state

    def refusal(self, amount, *, leaves, freed=0):
        if amount > 50 or (leaves and self.left + amount > 120):
            return "limit_exceeded"
        return "insufficient_funds" if self.balance + 20 - self.held() + freed < amount else None

    def do(self, what, amount, which):
        """The code of the refusal, or None."""
        if what == "place":
            refusal = self.refusal(amount, leaves=False)
            if not refusal:
                # Lives as many seconds as it is large.
                self.holds.append((amount, self.seconds + amount, "open"))
            return refusal
        if what in ("withdraw", "deposit"):
            refusal = self.refusal(amount, leaves=True) if what == "withdraw" else None
            if not refusal:
                self.balance += amount if what == "deposit" else -amount
                self.left += amount if what == "withdraw" else 0
            return refusal
        return self.end(what, amount, which)

    def end(self, what, amount, which):
        placed, end, _ = self.holds[which]
        taken = {"release": 0, "capture": placed, "capture part": amount}[what]
        if taken > placed:
            return "invalid_amount"
        if self.state(which) != "open":
            return "hold_not_open"
        if taken and (refusal := self.refusal(taken, leaves=True, freed=placed)):
            return refusal
        self.holds[which] = (placed, end, "released" if what == "release" else "captured")
        self.balance -= taken
        self.left += taken
        return None


@hypothesis.settings(max_examples=80, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(st.lists(STEPS, min_size=4, max_size=16))
def test_any_sequence_is_answered_as_a_plain_model_answers_it(sqlite_db, counter, ada, teller, steps):
    model, placed = Model(), []
    with clock.moved_to(START):
        account = counter.open(ada, "100.00")
        counter.change(teller, account, overdraft_limit="20.00", transfer_limit="50.00", daily_limit="120.00")
    for what, amount, which in steps:
        if what == "wait":
            model.seconds += amount
            continue
        if what in ("capture", "release", "capture part") and which >= len(placed):
            continue
        with clock.moved_to(START + timedelta(seconds=model.seconds)):
            expected = model.do(what, amount, which)
            said = attempt(sqlite_db, ada, account, placed, what, amount, which)
            assert said == expected, (what, amount, which)
            view = counter.account(account)
            assert (view.balance_minor, view.held_minor) == (model.balance * 100, model.held() * 100)
            listed = sqlite_db.read(lambda session: holds.list_holds(session, ada, account_id=account.id)).items
            assert [hold.state for hold in listed[::-1]] == [model.state(index) for index in range(len(placed))]
    assert integrity.check(sqlite_db).violations == ()


def attempt(db, ada, account, placed, what, amount, which):
    worth = money.Amount.of(str(amount)) if amount else None
    try:
        if what == "place":
            placed.append(holds.move(db, ada, holds.PlaceHold(account.id, worth, expires_in=amount)).hold.id)
        elif what in ("withdraw", "deposit"):
            kind = transfers.Withdraw if what == "withdraw" else transfers.Deposit
            transfers.move(db, ada, kind(account.id, worth))
        elif what == "release":
            holds.move(db, ada, holds.ReleaseHold(placed[which]))
        else:
            holds.move(db, ada, holds.CaptureHold(placed[which], worth))
    except errors.BankError as refusal:
        return refusal.code
    return None
