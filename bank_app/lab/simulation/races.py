"""How it happened: the smallest set of recorded units of work that explains the first violation, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bank_app.lab.simulation.audit import Findings, Wrong, figure, name_of, transfer_of
from bank_app.lab.simulation.books import Write
from bank_app.lab.simulation.scenario import Config, Transfer, number_of
from bank_app.lab.simulation.unit import Step

# A statement that took this long waited for a row that somebody else had locked.
_WAITED_SECONDS = 0.0015
# More interposed units of work than a person can follow are named and not drawn.
_LANES = 4


@dataclass(frozen=True, slots=True)
class Beat:
    """One statement in the replay.

    Attributes:
        lane: 1 for T1, 2 for T2, …
        said: What it read, wrote or waited for, in words.
        mark: `stale` (read what is old by the time it is used), `wrong` (the write that broke it), `waits`, or nothing.
        account: Whose row it touches.
        holds_minor: What the row in question holds after it, where it changes.
    """

    at: float
    lane: int
    sql: str
    said: str
    mark: str = ""
    account: int | None = None
    holds_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Race:
    """The explanation of the first violation.

    Attributes:
        minor: Money that it made (+) or destroyed (−).
        sums: The arithmetic as (label, minor units); the last one is `minor`.
        transfers: Who takes part, T1 first; the last is the one whose write broke it.
    """

    kind: str
    sentence: str
    minor: int
    account: int
    sums: tuple[tuple[str, int], ...]
    transfers: tuple[Transfer, ...]
    beats: tuple[Beat, ...]
    at: float


def explain(
    config: Config, findings: Findings, writes: Sequence[Write], steps: Sequence[Step], *, about: str = ""
) -> Race | None:
    """The first violation, from the rows and the recorded statements; None if nothing was violated.

    One of the kind that the run is `about` comes first, then one that made or destroyed money.
    The arithmetic rests on the rows alone; statements that the recorder no longer has are missing from the replay only.
    """
    if not findings.wrongs:
        return None
    first = min(findings.wrongs, key=lambda wrong: (wrong.kind != about, not wrong.minor))
    by_tag: dict[int, list[Step]] = {}
    for step in steps:
        by_tag.setdefault(step.tag, []).append(step)
    tell = {"lost_update": _lost_update, "half": _half, "overdrawn": _overdrawn, "doubled": _doubled}
    return tell[first.kind](config, first, writes, by_tag)


def _lost_update(config: Config, wrong: Wrong, writes: Sequence[Write], steps: Mapping[int, list[Step]]) -> Race:
    late = wrong.write
    transfer = transfer_of(config, late.tag)
    change = -transfer.amount_minor if late.account == transfer.payer else transfer.amount_minor
    believed = late.after_minor - change
    between = _since(writes, late, believed)
    # Of too many only the newest is drawn; it stands for them all.
    many = len(between) > _LANES
    drawn = between[-1:] if many else between
    others = [transfer_of(config, write.tag) for write in drawn]
    names = f"{len(between)} others" if many else _and([f"T{index}" for index in range(1, len(between) + 1)])
    me = f"T{len(drawn) + 1}"
    lost = sum(write.after_minor - write.before_minor for write in between)
    what = "debit" if lost < 0 else "credit"
    consequence = f"{figure(wrong.minor)} now exists twice." if wrong.minor > 0 else f"{figure(-wrong.minor)} is gone."
    sentence = (
        f"{me} wrote {figure(late.after_minor)} from a balance it had read before {names}’s change, "
        f"so {names}’s {figure(abs(lost))} {what} vanished: {consequence}"
        if len(between) == 1
        else f"{me} wrote {figure(late.after_minor)} from a balance it had read before the changes of {names}, "
        f"so together {figure(abs(lost))} of {what}s vanished: {consequence}"
    )
    sums = (
        (f"{me} read" if many else "All read" if len(between) > 1 else "Both read", believed),
        *([(f"{len(between)} others", lost)] if many else _changes(between)),
        (f"{me} {'pays' if change < 0 else 'gets'}", change),
        ("Should be", late.before_minor + change),
        ("Stored", late.after_minor),
        ("Too much" if wrong.minor > 0 else "Missing", wrong.minor),
    )
    tags = [*[write.tag for write in drawn], late.tag]
    beats = _beats(tags, steps, late.account, stale=(late.tag, believed), wrong=late, writes=writes)
    return Race(
        "lost_update", sentence, wrong.minor, late.account, sums, (*others, transfer), beats, late.at
    )  # fmt: skip


def _since(writes: Sequence[Write], late: Write, believed: int) -> list[Write]:
    """The changes of the account that came after the state that the late writer had read, the oldest first."""
    of_account = [write for write in writes if write.account == late.account and write.number < late.number]
    between: list[Write] = []
    for write in reversed(of_account):
        between.insert(0, write)
        if write.before_minor == believed:
            break
    return between


def _half(config: Config, wrong: Wrong, writes: Sequence[Write], steps: Mapping[int, list[Step]]) -> Race:
    only = wrong.write
    transfer = transfer_of(config, only.tag)
    left = only.account == transfer.payer
    sentence = (
        f"T1 was cut off between its two writes: {figure(transfer.amount_minor)} left {name_of(transfer.payer)} "
        f"and never reached {name_of(transfer.payee)}."
        if left
        else f"T1 was cut off between its two writes: {figure(transfer.amount_minor)} reached "
        f"{name_of(transfer.payee)} and was never taken from {name_of(transfer.payer)}."
    )
    sums = (
        ("Had", only.before_minor),
        ("T1 wrote", only.after_minor),
        ("Other side", 0),
        ("Missing" if wrong.minor < 0 else "Too much", wrong.minor),
    )
    beats = _beats([only.tag], steps, only.account, stale=None, wrong=only, writes=writes)
    return Race("half", sentence, wrong.minor, only.account, sums, (transfer,), beats, only.at)


def _overdrawn(config: Config, wrong: Wrong, writes: Sequence[Write], steps: Mapping[int, list[Step]]) -> Race:
    late = wrong.write
    transfer = transfer_of(config, late.tag)
    saw = _read(steps.get(late.tag, []), late.account)
    between = _since(writes, late, saw) if saw is not None else []
    between = between[-_LANES:]
    others = tuple(transfer_of(config, write.tag) for write in between)
    me = f"T{len(between) + 1}"
    taken = sum(write.before_minor - write.after_minor for write in between)
    rest = late.before_minor - (saw if saw is not None else late.before_minor) + taken
    who = _and([f"T{index}" for index in range(1, len(between) + 1)]) or "somebody"
    sentence = (
        f"{me} saw {figure(saw if saw is not None else late.before_minor)} and found it enough for "
        f"{figure(transfer.amount_minor)}; before it subtracted, {who} had taken {figure(taken)}, "
        f"so {name_of(late.account)} went to {figure(late.after_minor)}."
    )
    sums = (
        (f"{me} saw", saw if saw is not None else late.before_minor),
        *_changes(between),
        *([("Others", rest)] if rest else []),
        ("Was there", late.before_minor),
        (f"{me} pays", -transfer.amount_minor),
        ("Below zero", late.after_minor),
    )
    tags = [*[write.tag for write in between], late.tag]
    stale = (late.tag, saw) if saw is not None else None
    beats = _beats(tags, steps, late.account, stale=stale, wrong=late, writes=writes)
    return Race("overdrawn", sentence, 0, late.account, sums, (*others, transfer), beats, late.at)


def _doubled(config: Config, wrong: Wrong, writes: Sequence[Write], steps: Mapping[int, list[Step]]) -> Race:
    second = wrong.write
    transfer = transfer_of(config, second.tag)
    first = next((write for write in writes if number_of(write.tag) == number_of(second.tag)), second)
    sentence = (
        f"T1 and T2 carry the same key {transfer.key}: both were carried out, so {figure(transfer.amount_minor)} "
        f"from {name_of(transfer.payer)} to {name_of(transfer.payee)} was paid twice."
    )
    sums = (
        ("Wanted once", transfer.amount_minor),
        ("T1 paid", transfer.amount_minor),
        ("T2 paid", transfer.amount_minor),
        ("Paid too much", transfer.amount_minor),
    )
    tags = [first.tag, second.tag]
    beats = _beats(tags, steps, second.account, stale=None, wrong=second, writes=writes)
    return Race("doubled", sentence, 0, second.account, sums, (transfer, transfer), beats, second.at)


def _beats(
    tags: Sequence[int], steps: Mapping[int, list[Step]], account: int, *, stale: tuple[int, int] | None,
    wrong: Write, writes: Sequence[Write],
) -> tuple[Beat, ...]:  # fmt: skip
    """The statements of these submissions in time; of each, the attempt that counted."""
    changes = {(write.tag, write.account): write for write in writes if write.tag in tags}
    counted = {tag: _last_attempt(steps.get(tag, [])) for tag in tags}
    # A COMMIT counts from when it was sent: its answer may reach us after others have gone on.
    ends = {tag: max((step.at for step in of_tag), default=0.0) for tag, of_tag in counted.items()}
    found: list[Beat] = []
    for lane, tag in enumerate(tags, 1):
        for step in counted[tag]:
            write = changes.get((tag, step.account)) if step.kind == "write" and not step.error else None
            beat = _write_beat(step, lane, account, write, is_wrong=write == wrong) if write else None
            beat = beat or _beat(step, lane, account, stale)
            if step.kind in ("read", "write") and _waited(step, beat.at, [ends[other] for other in tags[: lane - 1]]):
                said = f"waits {(beat.at - step.at) * 1000:.1f} ms for {step.waits_for}"
                found.append(Beat(step.at, lane, beat.sql, said, "waits", beat.account))
            found.append(beat)
    return tuple(sorted(found, key=lambda beat: beat.at))


def _waited(step: Step, until: float, others_ended: Sequence[float]) -> bool:
    """Whether a statement stood still until one of the others was done."""
    return until - step.at >= _WAITED_SECONDS and any(step.at < ended <= step.ended for ended in others_ended)


def _last_attempt(steps: Sequence[Step]) -> list[Step]:
    last = max((step.attempt for step in steps), default=1)
    return [step for step in steps if step.attempt == last]


def _beat(step: Step, lane: int, account: int, stale: tuple[int, int] | None) -> Beat:
    if step.error:
        return Beat(step.ended, lane, step.sql, step.error, "waits")
    if step.kind == "write":
        return Beat(step.ended, lane, _short(step), "written", "", step.account)
    if step.kind != "read":
        said = {"commit": "durable", "insert": "written", "rollback": "taken back", "crash": "the worker dies"}
        return Beat(step.at, lane, _short(step), said.get(step.kind, ""))
    seen = dict(step.values)
    said_read = "read " + ", ".join(f"{figure(balance)} on {name_of(number)}" for number, balance in step.values)
    old = stale is not None and step.tag == stale[0] and seen.get(account) == stale[1]
    touched = account if account in seen else next(iter(seen), None)
    # A locking read is answered when it has the lock; a plain one saw what was there when it was asked.
    at = step.ended if step.sql.endswith("FOR UPDATE") else step.at
    return Beat(at, lane, _short(step), said_read, "stale" if old else "", touched)


def _write_beat(step: Step, lane: int, account: int, write: Write, *, is_wrong: bool) -> Beat:
    # The server says when it wrote the row; its clock and ours were compared when the run began.
    at = min(max(write.at, step.at), step.ended)
    said = f"{name_of(write.account)} from {figure(write.before_minor)} to {figure(write.after_minor)}"
    holds = write.after_minor if write.account == account else None
    return Beat(at, lane, _short(step, write), said, "wrong" if is_wrong else "", write.account, holds)


def _short(step: Step, write: Write | None = None) -> str:
    """The statement as a person reads it, with its row and its number in it."""
    locks = " FOR UPDATE" if step.sql.endswith("FOR UPDATE") else ""
    if step.kind == "read":
        return f"SELECT balance … {', '.join(name_of(number) for number, _ in step.values)}{locks}"
    if step.kind != "write":
        return "INSERT key" if "lab_key" in step.sql else "INSERT two entries" if step.kind == "insert" else step.sql
    row = name_of(step.account)
    if "balance - " in step.sql or "balance + " in step.sql:
        sign = "−" if "balance - " in step.sql else "+"
        amount = f" {figure(abs(write.after_minor - write.before_minor))}" if write else ""
        return f"UPDATE {row} SET balance = balance {sign}{amount}"
    return f"UPDATE {row} SET balance = {figure(write.after_minor)}" if write else f"UPDATE {row} SET balance = …"


def _read(steps: Sequence[Step], account: int) -> int | None:
    """What a submission read of an account, in the attempt that counted."""
    seen = [dict(step.values)[account] for step in steps if step.kind == "read" and account in dict(step.values)]
    return seen[-1] if seen else None


def _changes(writes: Sequence[Write]) -> list[tuple[str, int]]:
    """What T1, T2, … did to the account."""
    deltas = [write.after_minor - write.before_minor for write in writes]
    return [(f"T{lane} {'pays' if delta < 0 else 'gets'}", delta) for lane, delta in enumerate(deltas, 1)]


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
