"""Group posting: what is asked for while a unit of work runs is posted together in the next one.

One queue and one thread for each database of a process stand in front of `ledger.post`. Alone, an order waits for
nobody; under load, n commits become one. It changes *when* an order is posted, never what is answered.

Everybody has his turn: a group takes one order of each person before a second of anybody, and batches are posted in
pieces, by turns of people, behind what was ordered singly. So nobody waits for how much somebody else sends.

A row that somebody else holds delays only the orders that need it. The queue skips such rows; an order that was
skipped is tried once more with the next group, and then waits in the lane of the row that it needs: in the
database's own queue for that row, holding no other row, so that nothing waits in a circle.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import math
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.database import Database
from bank_app.errors import BankError, LockTimeout, Overloaded
from bank_app.services import ledger, quotas
from bank_app.services.orders import Answer, Known, Order, Settled, settle
from bank_app.services.turns import Line, Turns
from bank_app.settings import Settings

T = TypeVar("T")
# A unit of work holds its rows until it commits, so a larger group would keep others waiting for longer.
LARGEST_GROUP = 500
LANES = 8
# Tried with others, then in the lanes of the rows that were taken; after that every row is waited for, in order.
_LANES_BEFORE_WAITING_FOR_ALL = 3
_PAUSE_WITHOUT_LANE = 0.01
_IDLE_SECONDS = 2.0
# A batch of so many is posted while others notice little of it; more are large.
SHORT = 100
# Items of a batch that are posted together while others post as well: those wait for no more than that.
PIECE_BESIDE_OTHERS = 25
_LONGEST_BREATH = 0.05
# Of one person in a group, so that a flood of single orders makes nobody's group long.
_MOST_OF_ONE = 100
# Batches of one person; the next is turned away.
_LARGE_AT_ONCE = 4
# In hundredths of a second.
_HELD_AT_ONCE = 100


@dataclass(slots=True, eq=False)
class _Ticket:
    """An order that was accepted and whoever waits for its answer."""

    order: Order
    deadline: float
    waiter: asyncio.Future[Settled] | Future[Settled]
    loop: asyncio.AbstractEventLoop | None = None
    # 0 until a row was taken; then 1, and 1 more for each lane that it has waited in.
    hops: int = 0
    clock_moved_to: datetime | None = field(default_factory=clock.moved)


@dataclass(slots=True)
class _Lane:
    """The orders that wait for one row."""

    account_id: int
    waiting: deque[_Ticket] = field(default_factory=deque)


class _Share:
    """How long units of work of thousands may hold the books: a second at once, and then a share of the time.

    Nobody can come between a batch of which all or nothing counts, so all that bounds what others wait is how seldom
    there is one.
    """

    def __init__(self, percent: int) -> None:
        self._percent, self._left, self._then = percent, _HELD_AT_ONCE, time.monotonic()

    def seconds_to_wait(self) -> int:
        """0 while another one may begin."""
        left = self._now()
        return 0 if left > 0 else max(1, math.ceil(-left // self._percent))

    def take(self, seconds: float) -> None:
        """Notes for how long one has held them."""
        self._left, self._then = self._now() - math.ceil(100 * seconds), time.monotonic()

    def _now(self) -> int:
        return min(_HELD_AT_ONCE, self._left + int((time.monotonic() - self._then) * self._percent))


@dataclass(slots=True)
class Figures:
    """What the queue has done since the process began."""

    orders: int = 0
    groups: int = 0
    set_aside: int = 0
    refused_overloaded: int = 0
    refused_for_share: int = 0


class Poster:
    """The posting queue of one database in this process."""

    def __init__(self, db: Database) -> None:
        """Starts nothing; the first order does."""
        # Weak, because the table of queues must not keep a database alive that nobody uses any more.
        self._database = weakref.ref(db)
        self._skip_locked = not db.embedded
        self._began_with = db.settings
        self.known = Known()
        self._changed = threading.Condition()
        self._queue: Turns[_Ticket] = Turns()
        self._lanes: dict[int, _Lane] = {}
        self._running = self._closing = False
        self._in_hand = self._alone = self._over = 0
        self._large: Counter[UUID] = Counter()
        # Until when what was ordered last may wait: it tells whether anybody but a batch posts.
        self._last_deadline = 0.0
        self._threads = ThreadPoolExecutor(LANES + _LARGE_AT_ONCE + 2, thread_name_prefix="lane")
        # One at a time, by turns of people: two would only take each other's rows. Who has to wait for a row does it
        # elsewhere. What must be posted whole has its own, because it does wait for rows.
        self._pieces, self._wholes = Line("pieces"), Line("wholes")
        self._share = _Share(db.settings.large_batch_share)
        self.figures = Figures()

    # --- asking -------------------------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        """Those of the moment: a bank can be set up while it runs."""
        db = self._database()
        return db.settings if db else self._began_with

    def post(self, order: Order) -> Settled:
        """Posts an order and blocks until its unit of work has committed.

        Raises:
            BankError: the order has no account, no permission, … or the database cannot be reached.
            LockTimeout: a row that it needs was held by others for BANK_LOCK_TIMEOUT; nothing was written.
            Overloaded: BANK_QUEUE_LIMIT orders wait already, or the process is about to end; nothing was written.
        """
        waiter: Future[Settled] = Future()
        self._accept([_Ticket(order, self._deadline(), waiter)])
        return waiter.result()

    async def post_soon(self, order: Order) -> Settled:
        """As `post`, awaited: no thread waits for the answer."""
        [ticket] = self._tickets_from_loop([order])
        self._accept([ticket])
        return await asyncio.wrap_future(ticket.waiter)

    async def post_each(self, orders: Sequence[Order]) -> list[Settled | BankError]:
        """Posts many orders, each by itself, in units of work of at most `LARGEST_GROUP`.

        Raises:
            Overloaded: before anything of the list was accepted; later it is the answer of the orders concerned.
        """
        answers: list[Settled | BankError] = []
        with self._one_of_few(orders[0].actor.user_id):
            while len(answers) < len(orders):
                beside, began = self._others_post(), time.monotonic()
                size = min(LARGEST_GROUP, PIECE_BESIDE_OTHERS if beside else LARGEST_GROUP)
                answers += await self._post_piece(orders[len(answers) : len(answers) + size])
                if beside and len(answers) < len(orders):
                    # The others have as much of the time as the batch has.
                    await asyncio.sleep(min(_LONGEST_BREATH, time.monotonic() - began))
        return answers

    def _others_post(self) -> bool:
        """Whether somebody ordered something by itself a moment ago, or has a batch as well.

        On a server the others may be in another process, where nobody sees them.
        """
        singly = time.monotonic() < self._last_deadline - self._settings.lock_timeout + _IDLE_SECONDS
        return singly or len(self._large) > 1

    def _after_others(self, operation: Callable[[Session], T]) -> T:
        """Runs a unit of work of a batch: what was ordered singly and waits now goes first, one group of it."""
        with self._changed:
            if self._queue or self._in_hand:
                enough = self._over + (2 if self._in_hand else 1)
                self._changed.wait_for(
                    lambda: not (self._queue or self._in_hand) or self._over >= enough, self._settings.lock_timeout
                )
        return self._unit_of_work(operation)

    async def _post_piece(self, orders: Sequence[Order]) -> list[Settled | BankError]:
        """Units of work of its own: one, unless others hold rows that it needs; then it waits for one of these rows.

        It never waits while it holds a row, and when others have finished with one they have with the others, too.
        """
        tickets, who = self._tickets_from_loop(orders), orders[0].actor.user_id
        self.figures.orders += len(tickets)
        rest, row, behind = tickets, None, dict[_Ticket, int]()
        while rest:
            if row is not None and rest[0].deadline <= time.monotonic():
                self._answer([(ticket, _locked_for_too_long()) for ticket in rest])
                break
            self.figures.groups += 1
            operation = partial(self._settle_piece, rest, row)
            try:
                if row is None:
                    answers = await asyncio.wrap_future(
                        self._pieces.submit(who, partial(self._after_others, operation))
                    )
                else:
                    answers = await asyncio.wrap_future(self._threads.submit(self._unit_of_work, operation))
            except LockTimeout:
                self._answer([(t, _locked_for_too_long()) for t in rest if row is None or behind[t] == row])
                rest, row = [t for t in rest if row is not None and behind[t] != row], None
                continue
            except Exception as error:  # noqa: BLE001 - every order of the piece is given it, or posted by itself
                self._failed(rest, error)
                break
            pairs = list(zip(rest, answers, strict=True))
            behind = {ticket: answer.account_id for ticket, answer in pairs if isinstance(answer, ledger.Locked)}
            self._answer([(ticket, answer) for ticket, answer in pairs if not isinstance(answer, ledger.Locked)])
            rest, row = list(behind), next(iter(behind.values()), None)
        return await _answers_to(tickets)

    def _settle_piece(self, tickets: Sequence[_Ticket], row: int | None, session: Session) -> list[Answer]:
        if row is not None:
            ledger.wait_for(session, row)
        return self._settle(tickets, session, in_order=True)

    async def in_thread(self, who: UUID, operation: Callable[[Session], T], *, seldom: bool = False) -> T:
        """Runs somebody's unit of work that is too large to share with others, one at a time and by turns of people.

        `seldom` says that it may take so long that others notice: such ones hold the books for no more than
        BANK_LARGE_BATCH_SHARE of the time.

        Raises:
            Overloaded: too many of the person's wait already, or such ones held the books for long enough; then
                `details["retry_after"]` in seconds.
        """
        seldom = seldom and self._settings.rate_limits
        with self._one_of_few(who):
            self._require_share(seldom=seldom)
            run = partial(self._alone_with_the_books, operation) if seldom else partial(self._after_others, operation)
            return await asyncio.wrap_future(self._wholes.submit(who, run))

    def _alone_with_the_books(self, operation: Callable[[Session], T]) -> T:
        # Again, because it waited for others of its kind.
        self._require_share(seldom=True)
        began = time.monotonic()
        try:
            return self._after_others(operation)
        finally:
            self._share.take(time.monotonic() - began)

    def _require_share(self, *, seldom: bool) -> None:
        if seldom and (wait := self._share.seconds_to_wait()):
            self.figures.refused_for_share += 1
            raise Overloaded(
                f"Large batches of which all or nothing counts have kept others waiting for long enough. Send it again "
                f"in {wait} seconds, in parts of at most {SHORT}, or without `atomic`. Nothing was changed.",
                retry_after=wait,
            )

    @contextlib.contextmanager
    def _one_of_few(self, who: UUID) -> Iterator[None]:
        with self._changed:
            if (
                self._closing
                or self._large[who] >= _LARGE_AT_ONCE
                or self._large.total() >= self._settings.large_at_once
            ):
                raise _too_many()
            self._large[who] += 1
        try:
            yield
        finally:
            with self._changed:
                self._large[who] -= 1
                self._large += Counter()  # Without those that have none.
                self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Accepts nothing more and waits until everything that was accepted is answered; False when time ran out."""
        with self._changed:
            self._closing = True
            return self._changed.wait_for(
                lambda: not (self._queue or self._lanes or self._in_hand or self._alone or self._large), seconds
            )

    @property
    def waiting(self) -> int:
        """How many orders wait for their turn now, those that wait for a row included."""
        return len(self._queue) + sum(len(lane.waiting) for lane in list(self._lanes.values()))

    # --- accepting and answering --------------------------------------------------------------------

    def _deadline(self) -> float:
        return time.monotonic() + self._settings.lock_timeout

    def _tickets_from_loop(self, orders: Sequence[Order]) -> list[_Ticket]:
        loop, deadline = asyncio.get_running_loop(), self._deadline()
        return [_Ticket(order, deadline, loop.create_future(), loop) for order in orders]

    def _accept(self, tickets: Sequence[_Ticket]) -> None:
        actor = tickets[0].order.actor
        quotas.count_movements(actor.user_id, actor.role, self._settings, len(tickets))
        with self._changed:
            who, limit = actor.user_id, self._settings.queue_limit
            # Nobody fills it alone.
            if self._closing or self.waiting >= limit or self._queue.of(who) >= max(_MOST_OF_ONE, limit >> 1):
                self.figures.refused_overloaded += len(tickets)
                raise _too_many()
            for ticket in tickets:
                self._queue.add(who, ticket)
            self._last_deadline = tickets[-1].deadline
            self.figures.orders += len(tickets)
            self._wake()

    def _wake(self) -> None:
        """Tells the posting thread of a change, and starts it if it has ended."""
        if self._running:
            self._changed.notify_all()
        else:
            self._running = True
            threading.Thread(target=self._run, name="posting", daemon=True).start()

    def _answer(self, answered: Sequence[tuple[_Ticket, Settled | BaseException]]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Ticket, Settled | BaseException]]] = {}
        for ticket, answer in answered:
            if ticket.loop is None:
                _give(ticket, answer)
            else:
                by_loop.setdefault(ticket.loop, []).append((ticket, answer))
        for loop, answers in by_loop.items():
            # Once for the whole group: waking an event loop costs more than answering.
            # A loop that is closed, perhaps this moment, has nobody left who waits; the other loops have.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_give_all, answers)

    # --- the posting thread -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (group := self._next_group()) is not None:
                self._post_group(group)
        except BaseException:
            # A bug of ours ended the thread; the next order starts another.
            self._running = False
            raise

    def _next_group(self) -> list[_Ticket] | None:
        """Whatever waits; None when nothing did for a while and the thread may end."""
        with self._changed:
            self._over += 1
            self._in_hand = 0
            self._changed.notify_all()
            while not self._queue:
                self._give_up_on_lanes()
                if not self._changed.wait(self._until_next_deadline()) and not (self._queue or self._lanes):
                    self._running = False
                    return None
            self._give_up_on_lanes()
            group = _take_in_turn(self._queue)
            self._in_hand = len(group)
            self.figures.groups += 1
            return group

    def _post_group(self, group: list[_Ticket]) -> None:
        try:
            answers = self._unit_of_work(partial(self._settle, group))
        except Exception as error:  # noqa: BLE001 - every order of the group is given it, or posted by itself
            self._failed(group, error)
        else:
            self._sort_out(group, answers)

    def _unit_of_work(self, operation: Callable[[Session], T]) -> T:
        db = self._database()
        if db is None:
            raise _too_many()
        return db.unit_of_work(operation, resolvable=True)

    def _settle(
        self, group: Sequence[_Ticket], session: Session, *, skip_locked: bool = True, in_order: bool = False
    ) -> list[Answer]:
        with clock.moved_to(group[0].clock_moved_to):
            return settle(
                session,
                [ticket.order for ticket in group],
                settings=self._settings,
                known=self.known,
                skip_locked=skip_locked and self._skip_locked,
                in_order=in_order,
            )

    def _sort_out(self, group: Sequence[_Ticket], answers: Sequence[Answer]) -> None:
        answered = []
        locked = []
        for ticket, answer in zip(group, answers, strict=True):
            if isinstance(answer, ledger.Locked):
                locked.append((ticket, answer.account_id))
            else:
                answered.append((ticket, answer))
        if locked:
            self._set_aside(locked)
        self._answer(answered)

    def _failed(self, group: Sequence[_Ticket], error: Exception) -> None:
        """The unit of work of a group failed. If that may be one member's fault, each is posted by itself."""
        everybodys = isinstance(error, BankError) and not isinstance(error, LockTimeout)
        if len(group) == 1:
            self._answer([(group[0], error)])
            return
        if everybodys:
            # Each gets its own: raising an exception changes it.
            self._answer([(ticket, copy.copy(error)) for ticket in group])
            return
        with self._changed:
            for ticket in group:
                self._start_alone(ticket)

    def _start_alone(self, ticket: _Ticket) -> None:
        self._alone += 1
        self._threads.submit(self._post_alone, ticket)

    def _post_alone(self, ticket: _Ticket) -> None:
        """Waits for every row that it needs, in ascending order, as everybody does who waits while holding rows.

        Who has not been in the lanes yet goes there first: the lowest row is the cash of many customers.
        """
        skip = ticket.hops <= _LANES_BEFORE_WAITING_FOR_ALL
        try:
            if ticket.hops and ticket.deadline <= time.monotonic():
                # It has waited for a row already, and then for others that wait like it.
                self._answer([(ticket, _locked_for_too_long())])
                return
            [answer] = self._unit_of_work(partial(self._settle, [ticket], skip_locked=skip))
        except Exception as error:  # noqa: BLE001 - whoever waits for the order is given it
            self._answer([(ticket, error)])
        else:
            self._sort_out([ticket], [answer])
        finally:
            with self._changed:
                self._alone -= 1
                self._changed.notify_all()

    # --- rows that others hold ----------------------------------------------------------------------

    def _set_aside(self, locked: Sequence[tuple[_Ticket, int]]) -> None:
        at_once, later, late = [], [], []
        now = time.monotonic()
        with self._changed:
            self.figures.set_aside += len(locked)
            for ticket, account_id in locked:
                lane = self._lanes.get(account_id)
                if ticket.hops > _LANES_BEFORE_WAITING_FOR_ALL:
                    self._start_alone(ticket)
                elif lane:
                    ticket.hops += 1
                    lane.waiting.append(ticket)
                elif ticket.hops == 0:
                    ticket.hops = 1
                    at_once.append(ticket)
                elif len(self._lanes) < LANES:
                    ticket.hops += 1
                    lane = self._lanes[account_id] = _Lane(account_id, deque([ticket]))
                    self._threads.submit(self._run_lane, lane)
                elif ticket.deadline <= now:
                    late.append(ticket)
                else:
                    later.append(ticket)
            for ticket in reversed(at_once):
                self._queue.put_back(ticket.order.actor.user_id, ticket)
            # Behind all others, whom they would keep out of the next group if they were many.
            for ticket in later:
                self._queue.add(ticket.order.actor.user_id, ticket)
            if later:
                # Nothing to do but try again; not at once, or two processes would do nothing else.
                self._changed.wait(_PAUSE_WITHOUT_LANE)
            # It may have ended: what is posted alone, or in pieces of a batch, came past it.
            self._wake()
        self._answer([(ticket, _locked_for_too_long()) for ticket in late])

    def _run_lane(self, lane: _Lane) -> None:
        """Posts what waits for a row, in turn with everybody else who waits for it, until nobody does."""
        while True:
            with self._changed:
                self._give_up_on_lanes()
                if not lane.waiting:
                    del self._lanes[lane.account_id]
                    self._changed.notify_all()
                    return
            taken: list[_Ticket] = []
            try:
                answers = self._unit_of_work(partial(self._settle_lane, lane, taken))
            except LockTimeout as error:
                # Whoever has waited long enough was told so; for the others it goes on.
                self._failed(taken, error)
            except Exception as error:  # noqa: BLE001 - every order of the lane is given it, or posted by itself
                self._failed(taken or self._empty(lane), error)
            else:
                self._sort_out(taken, answers)

    def _settle_lane(self, lane: _Lane, taken: list[_Ticket], session: Session) -> list[Answer]:
        ledger.wait_for(session, lane.account_id)
        if not taken:
            # Only now: those that came while this one waited are posted with it.
            with self._changed:
                taken += _take(lane.waiting)
        return self._settle(taken, session) if taken else []

    def _empty(self, lane: _Lane) -> list[_Ticket]:
        with self._changed:
            left = list(lane.waiting)
            lane.waiting.clear()
            return left

    def _give_up_on_lanes(self) -> None:
        """Answers those that have waited for a row for as long as the bank waits."""
        now = time.monotonic()
        late = []
        for lane in self._lanes.values():
            while lane.waiting and lane.waiting[0].deadline <= now:
                late.append(lane.waiting.popleft())
        self._answer([(ticket, _locked_for_too_long()) for ticket in late])

    def _until_next_deadline(self) -> float:
        first = [lane.waiting[0].deadline for lane in self._lanes.values() if lane.waiting]
        return max(0.0, min(first) - time.monotonic()) if first else _IDLE_SECONDS


def _too_many() -> Overloaded:
    return Overloaded("Too many requests wait to be posted. Nothing was changed; send it again in a moment.")


def _locked_for_too_long() -> LockTimeout:
    return LockTimeout("Many requests hit the same account at once. Nothing was changed; send it again.")


def _take(waiting: deque[_Ticket]) -> list[_Ticket]:
    """The next group: those that wait, as far as it is the same time for them."""
    group: list[_Ticket] = []
    while waiting and len(group) < LARGEST_GROUP:
        if group and waiting[0].clock_moved_to != group[0].clock_moved_to:
            break
        group.append(waiting.popleft())
    return group


def _take_in_turn(waiting: Turns[_Ticket]) -> list[_Ticket]:
    """As `_take`, one of everybody before a second of anybody. Whoever has had enough of it has had his turns."""
    group: list[_Ticket] = []
    had: Counter[Hashable] = Counter()
    while waiting and len(group) < LARGEST_GROUP:
        who, ticket = waiting.first()
        if had[who] == _MOST_OF_ONE or (group and ticket.clock_moved_to != group[0].clock_moved_to):
            break
        had[who] += 1
        group.append(waiting.take())
    return group


async def _answers_to(tickets: Sequence[_Ticket]) -> list[Settled | BankError]:
    """What each was answered, once all were: a bug that one of them met is raised after the others are posted."""
    answers: list[Settled | BankError] = []
    bug: Exception | None = None
    for ticket in tickets:
        try:
            settled: Settled = await asyncio.wrap_future(ticket.waiter)
            answers.append(settled)
        except BankError as error:
            answers.append(error)
        except Exception as error:  # noqa: BLE001 - raised below
            bug = bug or error
    if bug:
        raise bug
    return answers


def _give_all(answers: Sequence[tuple[_Ticket, Settled | BaseException]]) -> None:
    for ticket, answer in answers:
        _give(ticket, answer)


def _give(ticket: _Ticket, answer: Settled | BaseException) -> None:
    if ticket.waiter.done():
        return  # Whoever asked has gone; the ledger has the answer under its key.
    if isinstance(answer, BaseException):
        ticket.waiter.set_exception(answer)
    else:
        ticket.waiter.set_result(answer)


_posters: weakref.WeakKeyDictionary[Database, Poster] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def of(db: Database) -> Poster:
    """The posting queue of a database in this process."""
    poster = _posters.get(db)
    if poster is None:
        with _making:
            poster = _posters.setdefault(db, Poster(db))
    return poster
