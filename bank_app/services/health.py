"""How the bank is doing: what was measured, held against thresholds, in words. Nothing here is green without data."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from sqlalchemy.exc import DBAPIError

from bank_app import clock, errors, grants
from bank_app.database import Database
from bank_app.services import (
    audit_trail,
    books,
    edge_figures,
    engine_figures,
    mail,
    proxies,
    recovery,
    roles,
    security_watch,
    timekeeping,
    vitals,
)
from bank_app.services.actor import Actor
from bank_app.services.hashing import desk
from bank_app.services.vitals import Sample
from bank_app.settings import PROJECT

_WINDOW = timedelta(seconds=60)
_STALE_SECONDS = 15
_POINTS = 60
_CHECKED_EVERY = timedelta(hours=26)
_ALONE = timedelta(days=30)
_LETTERS_WATCH, _LETTERS_ACT = timedelta(minutes=15), timedelta(hours=2)
_EMBEDDED = "The embedded engine has one writer at a time and does not count this."
_UNTOLD = "The server does not tell this user."


class State(StrEnum):
    """What to make of a figure."""

    GOOD = "good"
    WATCH = "watch"
    ACT = "act"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure: its state, its value and what that means in words, its thresholds, what to do, and its last hour."""

    key: str
    title: str
    state: State
    value: str
    detail: str
    threshold: str
    advice: str = ""
    points: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Everything at one moment, as this worker process sees it. `at` is the newest sample, None before the first."""

    at: datetime | None
    process: int
    since: datetime
    tiles: tuple[Tile, ...]
    facts: tuple[tuple[str, str], ...]


def report(db: Database, actor: Actor) -> Health:
    """How the bank is doing now.

    Raises:
        Forbidden: a customer.
    """
    roles.staff_only(actor)
    known = vitals.of(db)
    samples = known.samples
    if not samples:
        return Health(None, known.process, known.since, (), ())
    tiles = _Judged(db, samples).tiles()
    age = int((clock.now() - samples[-1].at).total_seconds())
    if age > _STALE_SECONDS:
        said = f"No data for {age} s"
        tiles = [replace(tile, state=State.UNKNOWN, value=said, detail="") for tile in tiles]
    return Health(samples[-1].at, known.process, known.since, tuple(tiles), _facts(db, known))


def _facts(db: Database, known: vitals.Vitals) -> tuple[tuple[str, str], ...]:
    try:
        engine, schema = db.server_version(), "At the newest" if db.schema_is_current() else "Some are missing"
        size = engine_figures.data_bytes(db)
        alarms = _alarms(db)
    except Exception:  # noqa: BLE001 - whatever it is, the tiles say that the database is away
        engine, schema, size, alarms = "Cannot be reached", "Not known", None, "Not known"
    return (
        ("Version", _version()),
        ("Database", engine),
        ("Migrations", schema),
        ("Size of the books", _bytes(size) if size else "Not known"),
        ("Security alarms", alarms),
        ("This worker runs for", _duration(clock.now() - known.since)),
    )


def _alarms(db: Database) -> str:
    """How many there are of each kind; whom they are about, auditors and admins read on a page."""
    words = {
        security_watch.Kind.SPRAYING: "many emails tried from one network",
        security_watch.Kind.MANY_NETWORKS: "one person tried from many networks",
        security_watch.Kind.BULK_READS: "a colleague who looked at very much",
        security_watch.Kind.STAFF_REFUSED: "a colleague who was refused often",
    }
    found = [alarm.kind for alarm in db.read(security_watch.alarms)]
    return "; ".join(f"{found.count(kind)} × {words[kind]}" for kind in words if kind in found) or "None"


@cache
def _version() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


@dataclass
class _Judged:
    """Makes tiles of samples, the oldest first."""

    db: Database
    samples: Sequence[Sample]

    def tiles(self) -> list[Tile]:
        made = [self._api(), self._api_errors(), self._pages(), self._database(), self._connections()]
        made += [
            self._queue(),
            self._groups(),
            self._large(),
            self._hashing(),
            *self._locks(),
            self._sealing(),
            *self._kept(),
            *self._clock(),
        ]
        made += [self._disk(), self._strangers(), *self._mail(), *([self._proxies()] if proxies.misfits() else [])]
        made += self._alone()
        made += self._user()
        return made

    # --- what people wait for -------------------------------------------------------------------------

    def _api(self) -> Tile:
        return self._times("api", "API answers", lambda sample: sample.api, watch=0.2, act=1.0, many="answers")

    def _pages(self) -> Tile:
        return self._times(
            "pages", "Pages asking the bank", lambda sample: sample.pages, watch=0.05, act=0.25, many="questions"
        )

    def _times(
        self, key: str, title: str, of: Callable[[Sample], vitals.Marks], *, watch: float, act: float, many: str
    ) -> Tile:
        recent = of(self._now).since(of(self._before))
        slow, usual = recent.seconds(0.95), recent.seconds(0.5)
        points = tuple((later.seconds(0.95) or 0.0) * 1000 for later in self._steps(of))
        threshold = f"95 in 100 within this time. Watch above {_ms(watch)}, act above {_ms(act)}."
        advice = "Look at the queue, the connections and the slow queries below; what waits there is felt here."
        if slow is None or usual is None:
            quiet = f"No {many} in the last minute."
            return Tile(key, title, State.GOOD, "Quiet", quiet, threshold, advice, points)
        detail = f"Half within {_ms(usual)}. {recent.total:,} {many} in the last minute."
        return Tile(key, title, _state(slow, watch, act), _ms(slow), detail, threshold, advice, points)

    def _api_errors(self) -> Tile:
        recent = self._now.api.since(self._before.api)
        share = 100 * recent.failed / recent.total if recent.total else 0.0
        failed = f"{recent.failed:,} of {recent.total:,} answers in the last minute failed on our side."
        return Tile(
            "errors", "API errors", _state(share, 0.1, 1), f"{share:.1f} %", failed,
            "Watch above 0.1 %, act above 1 %.",
            "The log has a line for every failure, with the request's number.",
            tuple(step.failed for step in self._steps(lambda sample: sample.api)),
        )  # fmt: skip

    # --- the database ---------------------------------------------------------------------------------

    def _database(self) -> Tile:
        seconds = self._now.database_seconds
        title, threshold = "Database round trip", "Watch above 20 ms, act above 100 ms."
        advice = "Is the database on another machine, or busy? Its own log says what it is doing."
        points = self._points(lambda sample: (sample.database_seconds or 0.0) * 1000)
        if seconds is None:
            return Tile("database", title, State.ACT, "Not reachable", "The last question was not answered.", threshold,
                        "Start the database; the bank finds it again by itself.", points)  # fmt: skip
        return Tile(
            "database", title, _state(seconds, 0.02, 0.1), _ms(seconds), "One small question and its answer.",
            threshold, advice, points,
        )  # fmt: skip

    def _connections(self) -> Tile:
        used, most = self._now.pool_used, self._now.pool_most
        engine = self._now.engine
        detail = "In use by this worker right now."
        if engine.connections is not None and engine.max_connections is not None:
            detail += f" The server has {engine.connections} of {engine.max_connections}, all workers together."
        share = max(used / most, (engine.connections or 0) / (engine.max_connections or 1))
        return Tile(
            "connections", "Connections", _state(share, 0.7, 0.9), f"{used} of {most}", detail,
            "Watch above 70 %, act above 90 %.",
            "Raise BANK_POOL_SIZE, and the server's max_connections with it.",
            self._points(lambda sample: sample.pool_used),
        )  # fmt: skip

    def _locks(self) -> list[Tile]:
        engine = self._now.engine
        slow = f"Slower than {engine.slow_after_seconds} s." if engine.slow_after_seconds is not None else ""
        now = "" if engine.waiting_now is None else f"{engine.waiting_now} wait right now."
        return [
            self._counted("waits", "Lock waits", "lock_waits", watch=60, act=600, detail=now,
                          advice="Many payments meet on one account."),
            self._counted("deadlocks", "Deadlocks", "deadlocks", watch=1, act=10,
                          detail="Each was run again by itself.",
                          advice="The bank locks in one order; look for another program on the same database."),
            self._counted("slow", "Slow queries", "slow_queries", watch=1, act=10, detail=slow,
                          advice="The server's slow query log names them."),
        ]  # fmt: skip

    def _counted(self, key: str, title: str, name: str, *, watch: int, act: int, detail: str, advice: str) -> Tile:
        threshold = f"Watch from {watch} a minute, act from {act}."
        now, before = getattr(self._now.engine, name), getattr(self._before.engine, name)
        if now is None:
            why = _EMBEDDED if self.db.embedded else _UNTOLD
            return Tile(key, title, State.UNKNOWN, "Not counted", why, "", "")
        rate = max(0, now - before) / self._minutes if before is not None else 0.0
        points: list[float] = []
        for one, other in itertools.pairwise(self._some()):
            a, b = getattr(one.engine, name), getattr(other.engine, name)
            points.append(max(0, b - a) if a is not None and b is not None else 0.0)
        value = f"{rate:,.0f} a minute"
        return Tile(key, title, _state(rate, watch - 0.5, act - 0.5), value, detail, threshold, advice, tuple(points))

    # --- posting --------------------------------------------------------------------------------------

    def _queue(self) -> Tile:
        limit = self.db.settings.queue_limit
        waiting = self._now.queue
        turned = self._now.posted.refused_overloaded - self._before.posted.refused_overloaded
        detail = f"Of at most {limit:,}."
        detail += f" {turned:,} were turned away in the last minute." if turned else " Nobody was turned away."
        state = State.ACT if turned else _state(waiting / limit, 0.25, 0.8)
        return Tile(
            "queue", "Posting queue", state, f"{waiting:,} waiting", detail,
            f"Watch above {limit // 4:,}, act above {limit * 4 // 5:,} or when somebody is turned away.",
            "Payments come faster than they can be written down: look at the disk of the database.",
            self._points(lambda sample: sample.queue),
        )  # fmt: skip

    def _groups(self) -> Tile:
        orders = self._now.posted.orders - self._before.posted.orders
        groups = self._now.posted.groups - self._before.posted.groups
        value = f"{orders / groups:.1f} each" if groups else "Quiet"
        detail = f"{orders:,} payments in {groups:,} commits in the last minute."
        points = [other.posted.orders - one.posted.orders for one, other in itertools.pairwise(self._some())]
        return Tile(
            "groups", "Payments per commit", State.GOOD, value, detail,
            "No threshold: the busier the bank, the larger the groups.", "", tuple(points),
        )  # fmt: skip

    def _large(self) -> Tile:
        """Files and statements under way, and who was told to wait or to ask for less."""
        limit, now, before = self.db.settings.large_at_once, self._now.work, self._before.work
        full = now.full - before.full
        told = now.spent + now.one_at_a_time - before.spent - before.one_at_a_time
        cut = now.broken - before.broken
        detail = f"{now.waiting:,} wait for a thread." if now.waiting else "Nobody waits for a thread."
        detail += f" In the last minute {told:,} were told to ask for less" if told else ""
        detail += f"{' and' if told else ' In the last minute'} {full:,} found it full" if full else ""
        detail += "." if told or full else ""
        detail += f" {cut:,} broke off." if cut else ""
        state = State.ACT if full else State.WATCH if told else _state(now.running / limit, 0.5, 0.9)
        return Tile(
            "large", "Large files and reads", state, f"{now.running:,} of {limit:,}", detail,
            "Watch when somebody asks for more than his share, act when so many do that others are turned away.",
            "The log says who asks for what; BANK_WORK_LIMIT is one person's share, BANK_LARGE_AT_ONCE everybody's.",
            self._points(lambda sample: sample.work.running),
        )  # fmt: skip

    def _hashing(self) -> Tile:
        limit, waiting = desk.queue, self._now.hashing
        turned = self._now.hashing_refused - self._before.hashing_refused
        detail = f"Of at most {limit:,}, and {desk.threads} at once."
        detail += f" {turned:,} were turned away in the last minute." if turned else " Nobody was turned away."
        state = State.ACT if turned else _state(waiting / limit, 0.5, 0.9)
        return Tile(
            "hashing", "Signing in", state, f"{waiting:,} waiting", detail,
            f"Watch above {limit // 2:,} waiting, act when somebody is turned away.",
            "Somebody may be guessing passwords: look at failed sign-ins. Who is signed in notices nothing.",
            self._points(lambda sample: sample.hashing),
        )  # fmt: skip

    # --- proof ----------------------------------------------------------------------------------------

    def _sealing(self) -> Tile:
        lag = self._now.sealing_seconds
        title, threshold = "Audit records sealed", "Watch above 30 s, act above 5 minutes."
        points = self._points(lambda sample: sample.sealing_seconds or 0.0)
        if lag is None:
            return Tile("sealing", title, State.UNKNOWN, "Not known", "The database was not reachable.", threshold)
        value = "All sealed" if not lag else f"{lag:.0f} s behind"
        return Tile("sealing", title, _state(lag, 30, 300), value, "Every record gets its place in the chain.",
                    threshold, "A worker seals every few seconds; the log says why it could not.", points)  # fmt: skip

    def _kept(self) -> list[Tile]:
        """What is known of the books and of the trail, whoever checked them last."""
        try:
            check, trail = self.db.read(books.last_check), self.db.read(audit_trail.last_verification)
        except errors.BankError:
            return []
        return [
            _proof("books", "Books", "Balance", "Off", check.at if check else None, ok=check is None or check.ok),
            _proof("trail", "Audit trail", "Intact", "Broken", trail.result.at if trail else None,
                   ok=trail is None or trail.result.ok),
        ]  # fmt: skip

    def _clock(self) -> list[Tile]:
        """This worker's clock, now: a sample of it would be as old as it is wrong."""
        try:
            found = timekeeping.compare(self.db)
        except errors.BankError:
            return []
        state = State.ACT if found.wrong else State.WATCH if found.caution else State.GOOD
        value = clock.to_the_minute(found.at)
        detail = found.wrong or found.caution
        if not detail and found.ahead is not None:
            detail = f"Within {self.db.settings.clock_tolerance:g} s of the database server's."
        return [
            Tile(
                "clock", "Clock", state, value, detail or "As the books say.",
                "Watch when entries are dated ahead of it, act when nothing is posted by it.",
                "Set the machine's clock right (NTP). ./bank clock says what it is compared with.",
            )
        ]  # fmt: skip

    def _disk(self) -> Tile:
        free, total = self._now.disk_free, self._now.disk_total
        share = 100 * free / total if total else 0.0
        state = State.ACT if share < 5 else State.WATCH if share < 15 else State.GOOD
        return Tile(
            "disk", "Disk free", state, _bytes(free), f"{share:.0f} % of the disk with the bank's folder.",
            "Watch below 15 %, act below 5 %.", "Make room before it is full: a full disk stops all payments.",
            self._points(lambda sample: sample.disk_free / 1e9),
        )  # fmt: skip

    def _mail(self) -> list[Tile]:
        """Letters that wait, if the bank writes any."""
        if not mail.is_set_up(self.db.settings):
            return []
        try:
            found = self.db.read(mail.standing)
        except errors.BankError:
            return []
        age = clock.now() - found.oldest if found.oldest else timedelta()
        state = State.ACT if age > _LETTERS_ACT else State.WATCH if age > _LETTERS_WATCH or found.failed else State.GOOD
        detail = f"The oldest has waited for {_duration(age)}." if found.waiting else "Every letter is with the server."
        detail += f" {found.failed:,} could not be delivered ({found.problem})." if found.failed else ""
        return [
            Tile(
                "mail", "Letters", state, f"{found.waiting:,} waiting", detail,
                "Watch when one waits for 15 minutes or cannot be delivered, act when it waits for 2 hours.",
                "Is the mail server up, and do BANK_SMTP_URL and BANK_MAIL_FROM fit it? The log says what it answers.",
            )
        ]  # fmt: skip

    def _alone(self) -> list[Tile]:
        """Whether somebody was helped to sign in, or given power, by one person alone lately."""
        try:
            count = self.db.read(lambda session: recovery.lately_alone(session, clock.now() - _ALONE))
        except errors.BankError:
            return []
        if not count:
            return []
        return [
            Tile(
                "alone", "Done by one alone", State.WATCH, f"{count:,} in 30 days",
                "Somebody was helped to sign in, or given a role, and nobody at the bank could approve it.",
                "Watch when it happens at all.",
                "Look for approval.alone in the audit trail, and have a second colleague who can approve.",
            )
        ]  # fmt: skip

    def _strangers(self) -> Tile:
        """What is held for people who may be strangers, now: of a flood a sample would be too old."""
        held = edge_figures.figures
        shares = {
            "connections": (held.connections, held.connections_most),
            "sockets": (held.sockets, held.sockets_most),
            "unfinished bodies": (held.bodies, held.bodies_most),
        }
        fullest = max(shares, key=lambda name: shares[name][0] / shares[name][1])
        share = 100 * shares[fullest][0] / shares[fullest][1]
        lately = held.lately()
        detail = "; ".join(f"{count:,} of at most {most:,} {name}" for name, (count, most) in shares.items()) + "."
        if lately:
            told = ", ".join(f"{count:,} {edge_figures.TURNED_AWAY[kind]}" for kind, count in lately.most_common())
            detail += f" Turned away in the last minute: {told}."
        if held.lines_unwritten:
            detail += f" {held.lines_unwritten:,} lines of the log were not written since the start."
        state = _state(share, 50, 90)
        return Tile(
            "strangers", "Held for clients", State.WATCH if lately and state is State.GOOD else state,
            f"{share:.0f} % of {fullest}", detail,
            "Watch above 50 % or when anybody is turned away, act above 90 %.",
            "Is it one address? Stop it at the proxy. Is it everybody? Raise BANK_CONNECTIONS and what goes with it.",
        )  # fmt: skip

    def _proxies(self) -> Tile:
        [newest, *_] = found = proxies.misfits()
        return Tile(
            "proxies", "Proxies", State.ACT, "Settings do not fit", " ".join(one.said for one in found),
            "Act when headers of proxies do not fit BANK_TRUSTED_PROXIES; seen within an hour.", newest.advice,
        )  # fmt: skip

    def _user(self) -> list[Tile]:
        """The user of the database, where there is one and it is nobody's demo."""
        try:
            found = None if self.db.settings.demo else grants.held(self.db)
        except DBAPIError:
            return []
        if found is None:
            return []
        state = State.ACT if found.lacking else State.WATCH if found.more else State.GOOD
        value = "Lacks something" if found.lacking else "May do too much" if found.more else "Only serves"
        return [
            Tile(
                "user", "Database user", state, value,
                grants.warning(self.db) or "It cannot take away what protects history.",
                "Watch when it may do more than serving needs, act when it may do less.",
                "./bank grants prints two users: one that migrates and one that serves.",
            )
        ]  # fmt: skip

    # --- moments --------------------------------------------------------------------------------------

    @property
    def _now(self) -> Sample:
        return self.samples[-1]

    @property
    def _before(self) -> Sample:
        """The last sample that is a minute old, or the oldest."""
        start = self._now.at - _WINDOW
        return next((sample for sample in reversed(self.samples) if sample.at <= start), self.samples[0])

    @property
    def _minutes(self) -> float:
        return max((self._now.at - self._before.at).total_seconds(), vitals.EVERY_SECONDS) / 60

    def _some(self) -> Sequence[Sample]:
        """At most as many as a small drawing can show, the newest always among them."""
        step = max(1, len(self.samples) // _POINTS)
        return self.samples[::-1][::step][::-1]

    def _steps(self, of: Callable[[Sample], vitals.Marks]) -> list[vitals.Marks]:
        some = self._some()
        return [of(later).since(of(earlier)) for earlier, later in itertools.pairwise(some)]

    def _points(self, of: Callable[[Sample], float]) -> tuple[float, ...]:
        return tuple(float(of(sample)) for sample in self._some())


def _proof(key: str, title: str, right: str, wrong: str, at: datetime | None, *, ok: bool) -> Tile:
    threshold = "Watch when nobody has checked for 26 hours, act when it does not hold."
    if at is None:
        return Tile(key, title, State.WATCH, "Not checked yet", "The bank checks by itself once a day.", threshold)
    age = clock.now() - at
    state = State.ACT if not ok else State.WATCH if age > _CHECKED_EVERY else State.GOOD
    return Tile(key, title, state, right if ok else wrong, f"Checked {_duration(age)} ago.", threshold,
                "Stop changes, export the report, and restore from the newest backup that holds.")  # fmt: skip


def _state(value: float, watch: float, act: float) -> State:
    return State.ACT if value > act else State.WATCH if value > watch else State.GOOD


def _ms(seconds: float) -> str:
    """`0.4 ms`, `12 ms`, `1.2 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.00995 else f"{seconds * 1000:.1f} ms"


def _bytes(count: int) -> str:
    """`12.3 GB`."""
    size, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}"


def _duration(span: timedelta) -> str:
    """`40 s`, `12 min`, `3 h`, `2 days`."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172_800 else f"{seconds // 86_400} days"
