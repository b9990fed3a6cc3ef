"""Security events for programs: the list, following it, and what in it should make somebody look."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from bank_app import clock
from bank_app.api.dependencies import Bank, SignedIn
from bank_app.api.documents import operation_id, problems
from bank_app.api.requests import ActorRoute
from bank_app.api.schemas import Answer, FollowingOut, Request
from bank_app.api.values import Bound, Time
from bank_app.domain.accounting import Role
from bank_app.services import security_watch
from bank_app.services.security_events import Event
from bank_app.services.security_watch import Alarm, EventFilter, EventView, Kind, Outcome

router = APIRouter(
    prefix="/api/v1", route_class=ActorRoute, tags=["Operations"], generate_unique_id_function=operation_id
)
_MAY_NOT = ("unauthenticated", "token_expired", "forbidden")


class SecurityEventsQuery(Request):
    """Which events. Everything narrows."""

    limit: int = Field(default=50, ge=1, le=200, description="How many items at most.")
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")
    after: str | None = Field(
        default=None,
        max_length=500,
        description="Oldest first: what came after this. `0` begins with the first; then `next_after` of the answer.",
    )
    event: Event | None = Field(default=None, description="Only this event.")
    outcome: Outcome | None = Field(default=None, description="Only what was allowed, or only what was refused.")
    person_id: UUID | None = Field(default=None, description="Only what concerns this person.")
    address: str | None = Field(default=None, max_length=45, description="Only from this address.")
    network: str | None = Field(
        default=None, max_length=45, description="Only from this network, as the events name it."
    )
    q: str | None = Field(
        default=None,
        max_length=100,
        description="Text to look for in names, objects, reasons, addresses and request ids; or one whole email.",
    )
    from_: Bound | None = Field(default=None, alias="from", description="At this very time or later.")
    to: Bound | None = Field(default=None, description="Before this time; at this very time no more.")


class SecurityEventOut(Answer):
    """What became of an attempt to come in, to do what one may not, or to take something away. Never changed."""

    id: UUID = Field(description="A UUIDv7.")
    created_at: Time = Field(description="When it was.")
    event: str = Field(description="In the words of OWASP's logging vocabulary.", examples=["authn_login_fail"])
    reason: str = Field(description="Why, for programs; may be empty.", examples=["wrong_password"])
    factor: str | None = Field(description="What somebody showed.", examples=["password"])
    door: str | None = Field(description="api, browser or socket.", examples=["browser"])
    person_id: UUID | None = Field(description="Whom it concerns; null for a stranger.")
    role: Role | None = Field(description="What that person was then.")
    email: str | None = Field(
        description="The beginning of what a typed email makes with the bank's key: the same for the same email.",
        examples=["1f0c93ab5d7e2f44"],
    )
    address: str | None = Field(description="Where it came from.", examples=["203.0.113.9"])
    network: str | None = Field(description="The network of that address.", examples=["203.0.113.0/24"])
    request_id: str | None = Field(description="The request's number in the bank's logs.")
    object: str | None = Field(description="What it was about.", examples=["account 1234567889"])
    happened: int = Field(description="More than one where the rest of a minute was only counted.", examples=[1])
    facts: dict[str, Any] = Field(description="What else is known of it.", examples=[{"lines": 20}])

    @classmethod
    def of(cls, view: EventView) -> Self:
        """From the service's view."""
        return cls(
            id=view.id,
            created_at=clock.to_text(view.at),
            event=view.event,
            reason=view.reason,
            factor=view.factor,
            door=view.door,
            person_id=view.person_id,
            role=view.role,
            email=view.email,
            address=view.address,
            network=view.network,
            request_id=view.request_id,
            object=view.object,
            happened=view.happened,
            facts=dict(view.facts),
        )


class AlarmOut(Answer):
    """What happened too often within the last hour."""

    kind: Kind = Field(description="What it is about.", examples=["spraying"])
    about: str = Field(description="The network, or the id of the person.", examples=["203.0.113.0/24"])
    name: str | None = Field(description="The person's name; null for a network.", examples=["Olu Adeyemi"])
    count: int = Field(description="How often.", examples=[14])
    since: Time | None = Field(description="When the first of them was.")

    @classmethod
    def of(cls, alarm: Alarm, name: str) -> Self:
        """From the service's view."""
        return cls(
            kind=alarm.kind,
            about=alarm.about,
            name=name or None,
            count=alarm.count,
            since=clock.to_text(alarm.since) if alarm.since else None,
        )


class AlarmsOut(Answer):
    """The alarms of the last hour."""

    items: list[AlarmOut] = Field(description="The most frequent first.")


@router.get(
    "/security-events",
    summary="Read the security events",
    response_description="One page, newest first; with `after` oldest first.",
    responses=problems(*_MAY_NOT, "invalid_request"),
)
def list_security_events(
    query: Annotated[SecurityEventsQuery, Query()], actor: SignedIn, bank: Bank
) -> FollowingOut[SecurityEventOut]:
    """Signing in and out, refusals, files taken away, and what was too much; for auditors and admins.

    With `after` they come oldest first and twenty seconds late, and a program that asks again misses none.
    """
    filters = EventFilter(
        query.event, query.person_id, query.address, query.from_, query.to, query.network, query.outcome, query.q
    )
    after = query.after
    if after is not None:
        found, going_on = bank.read(
            lambda session: security_watch.following(session, actor, after=after, filters=filters, limit=query.limit)
        )
        return FollowingOut(items=[SecurityEventOut.of(view) for view in found], next_after=going_on)
    page = bank.read(
        lambda session: security_watch.list_events(
            session, actor, filters=filters, limit=query.limit, cursor=query.cursor
        )
    )
    return FollowingOut(items=[SecurityEventOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.get(
    "/security-alarms",
    summary="Read the security alarms",
    response_description="What happened too often within the last hour.",
    responses=problems(*_MAY_NOT),
)
def list_security_alarms(actor: SignedIn, bank: Bank) -> AlarmsOut:
    """Many emails from one network, one person from many, a colleague who looks at very much or is refused often."""
    found = bank.read(lambda session: security_watch.alarms_for(session, actor))
    return AlarmsOut(items=[AlarmOut.of(alarm, name) for alarm, name in found])
