"""Security events and alarms in words: what happened, to whom, by which door, and where that can be looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from bank_app.services.security_events import Event
from bank_app.services.security_watch import Alarm, EventView, Kind, Outcome, document
from bank_app.ui import words
from bank_app.ui.session import ROLE_WORDS

PATH = "/ops/security"
EVENTS: Mapping[str, str] = {
    Event.SIGNED_IN.value: "Signed in",
    Event.SIGNED_IN_AFTER_FAILING.value: "Signed in after failing",
    Event.SIGN_IN_FAILED.value: "Failed to sign in",
    Event.FAILED_TOO_OFTEN.value: "Failed too often",
    Event.LOCKED_OUT.value: "Locked out",
    Event.SIGNED_OUT.value: "Signed out",
    Event.TOKEN_REUSED.value: "Used a token twice",
    Event.PASSWORD_CHANGED.value: "Changed password",
    Event.PASSWORD_NOT_CHANGED.value: "Failed to change password",
    Event.RENEWED.value: "Renewed a session",
    Event.ENDED_SESSION_USED.value: "Used an ended session",
    Event.NOT_ALLOWED.value: "Tried what the role does not allow",
    Event.NOT_THEIRS.value: "Asked for what is not theirs",
    Event.OTHER_SITE.value: "Came from another site",
    Event.TOO_MUCH.value: "Too much at once",
    Event.TAKEN_AWAY.value: "Took a file away",
    Event.USER_MADE.value: "Became a user",
    Event.USER_CHANGED.value: "Changed a user",
}
OUTCOMES: Mapping[str, str] = {Outcome.ALLOWED.value: "Allowed", Outcome.REFUSED.value: "Refused"}
DOORS: Mapping[str, str] = {"api": "API", "browser": "Browser", "socket": "Open page", "command": "Command line"}
_STRANGER = "Somebody unknown"
_LONGEST_VALUE = 200


@dataclass(frozen=True)
class Warned:
    """One alarm: what, about whom or where, how often, since when, and the list that shows it."""

    key: str
    title: str
    about: str
    count: str
    since: str
    address: str


@dataclass(frozen=True)
class Row:
    """One event in the list."""

    id: str
    key: str
    time: str
    day: str
    event: str
    outcome: str
    who: str
    role: str
    object: str
    reason: str
    address: str


@dataclass(frozen=True)
class Fact:
    """What else is known of an event."""

    name: str
    value: str


@dataclass(frozen=True)
class Detail:
    """One event with everything that is known of it; empty texts where there is nothing."""

    event: str = ""
    name: str = ""
    outcome: str = ""
    when: str = ""
    who: str = ""
    person_address: str = ""
    email: str = ""
    factor: str = ""
    door: str = ""
    address: str = ""
    network: str = ""
    network_address: str = ""
    object: str = ""
    request: str = ""
    reason: str = ""
    happened: str = ""
    document: str = ""


def event(name: str) -> str:
    """What happened. An event without words of its own is said by its name."""
    return EVENTS.get(name) or _plain(name)


def _plain(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _who(view: EventView) -> str:
    if view.person:
        return view.person
    return "Somebody who is gone" if view.person_id else _STRANGER


def row(view: EventView) -> Row:
    """An event as the list shows it."""
    return Row(
        id=str(view.id),
        key=f"event-{view.id}",
        time=words.time_of_day(view.at, seconds=True),
        day=words.day(view.at),
        event=event(view.event),
        outcome=view.outcome.value,
        who=_who(view),
        role=ROLE_WORDS[view.role] if view.role else "",
        object=view.object or "",
        reason=_plain(view.reason),
        address=view.address or "",
    )


def detail(view: EventView) -> Detail:
    """An event as its drawer shows it."""
    role = ROLE_WORDS[view.role] if view.role else ""
    staff = view.role is not None and view.role.sees_every_account
    return Detail(
        event=event(view.event),
        name=view.event,
        outcome=view.outcome.value,
        when=f"{words.full_moment(view.at).removesuffix(' UTC')}.{view.at.microsecond // 1000:03d} UTC",
        who=f"{_who(view)}, {role}" if role else _who(view),
        person_address=f"/ops/customers/{view.person_id}" if view.person and not staff else "",
        email=view.email or "",
        factor=_plain(view.factor or ""),
        door=DOORS.get(view.door or "", _plain(view.door or "Not known")),
        address=view.address or "Not known",
        network=view.network or "",
        network_address=f"{PATH}?{urlencode({'network': view.network})}" if view.network else "",
        object=view.object or "",
        request=view.request_id or "",
        reason=_plain(view.reason),
        happened=words.count(view.happened, "time") if view.happened > 1 else "",
        document=json.dumps(document(view), indent=2, ensure_ascii=False),
    )


def facts(view: EventView) -> list[Fact]:
    """What else was written down."""
    return [Fact(_plain(name), _value(value)) for name, value in sorted(view.facts.items())]


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


# --- alarms -----------------------------------------------------------------------------------------------

ALARMS: Mapping[Kind, str] = {
    Kind.SPRAYING: "Many emails tried from one network",
    Kind.MANY_NETWORKS: "One person tried from many networks",
    Kind.BULK_READS: "A colleague who looked at very much",
    Kind.STAFF_REFUSED: "A colleague who was refused often",
}
_COUNTED: Mapping[Kind, tuple[str, str]] = {
    Kind.SPRAYING: ("email", "emails"),
    Kind.MANY_NETWORKS: ("network", "networks"),
    Kind.BULK_READS: ("look or row", "looks or rows"),
    Kind.STAFF_REFUSED: ("refusal", "refusals"),
}


def alarm(one: Alarm, name: str) -> Warned:
    """An alarm as the page shows it. The list that it leads to begins on the day of its first event."""
    return Warned(
        key=f"{one.kind.value}-{one.about}-{one.count}",
        title=ALARMS[one.kind],
        about=name or (one.about if one.kind is Kind.SPRAYING else "Somebody who is gone"),
        count=words.count(one.count, *_COUNTED[one.kind]),
        since=words.time_of_day(one.since) if one.since else "",
        address=alarm_address(one),
    )


def alarm_address(one: Alarm) -> str:
    """The list that shows what an alarm is about: events, or what a colleague looked at in the audit trail."""
    failed = {"event": Event.SIGN_IN_FAILED.value}
    wanted = {
        Kind.SPRAYING: {"network": one.about, **failed},
        Kind.MANY_NETWORKS: {"person": one.about, **failed},
        Kind.STAFF_REFUSED: {"person": one.about, "event": Event.NOT_ALLOWED.value},
        Kind.BULK_READS: {"actor": one.about},
    }[one.kind]
    day = {"since": one.since.date().isoformat()} if one.since else {}
    return f"{'/ops/audit' if one.kind is Kind.BULK_READS else PATH}?{urlencode({**wanted, **day})}"
