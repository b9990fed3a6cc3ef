"""The audit trail for programs: reading it, and having its chain verified."""

from __future__ import annotations

from typing import Annotated, Any, Self, cast
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from bank_app import clock
from bank_app.api.dependencies import Bank, SignedIn
from bank_app.api.documents import operation_id, problems
from bank_app.api.requests import ActorRoute
from bank_app.api.schemas import Answer, PageOut, Request
from bank_app.api.values import Bound, Time
from bank_app.domain.accounting import Role
from bank_app.services import audit_records, audit_trail
from bank_app.services.audit_records import Outcome, RecordFilter, RecordView
from bank_app.services.audit_trail import Verification

router = APIRouter(
    prefix="/api/v1", route_class=ActorRoute, tags=["Operations"], generate_unique_id_function=operation_id
)
_MAY_NOT = ("unauthenticated", "token_expired", "forbidden")
_HASH = "SHA-256 in hexadecimal."


class AuditQuery(Request):
    """Which records. Everything narrows."""

    limit: int = Field(default=50, ge=1, le=200, description="How many items at most.")
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")
    q: str | None = Field(
        default=None,
        max_length=100,
        description="Part of the actor's name or email, of the object, the reason, the address or the request's id.",
    )
    action: str | None = Field(
        default=None, max_length=40, description="Only this action.", examples=["account.change"]
    )
    actor_id: UUID | None = Field(default=None, description="Only what this person did.")
    outcome: Outcome | None = Field(default=None, description="done, or refused.")
    from_: Bound | None = Field(default=None, alias="from", description="Done at this very time or later.")
    to: Bound | None = Field(default=None, description="Done before this time; at this very time no more.")


class AuditRecordOut(Answer):
    """Who did what, to what, and why. Never changed; its hash covers it and every record before it."""

    number: int = Field(description="Its place in the chain, from 1 without gaps.", examples=[48209])
    id: UUID = Field(description="A UUIDv7.")
    created_at: Time = Field(description="When it was done.")
    actor_id: UUID | None = Field(description="Who did it; null for the bank itself.")
    actor: str | None = Field(description="The name of who did it.", examples=["Olu Adeyemi"])
    role: Role | None = Field(description="What that person is today.")
    action: str = Field(description="A verb on a noun.", examples=["account.change"])
    object: str = Field(description="What it was done to.", examples=["account 1234567889"])
    outcome: Outcome = Field(description="done, or refused.")
    reason: str | None = Field(description="Why, for what needs a reason.", examples=["Card seen in a leak"])
    changes: dict[str, Any] = Field(
        description="Each field with its value before and after; amounts are text in major units, as everywhere.",
        examples=[{"transfer_limit": [None, "500.00"]}],
    )
    address: str | None = Field(description="Where the request came from.", examples=["203.0.113.9"])
    request_id: str | None = Field(description="The request's number in the bank's logs.")
    hash: str = Field(description=_HASH)

    @classmethod
    def of(cls, view: RecordView) -> Self:
        """From the service's view."""
        return cls(
            number=view.number,
            id=view.id,
            created_at=clock.to_text(view.created_at),
            actor_id=view.actor_id,
            actor=view.actor,
            role=view.role,
            action=view.action,
            object=view.object,
            outcome=view.outcome,
            reason=view.reason,
            changes=view.changes_told,
            address=view.address,
            request_id=view.request_id,
            hash=view.hash,
        )


class VerifyIn(Request):
    """Which records; all of them when nothing is said."""

    start: int | None = Field(default=None, ge=1, le=10**15, description="The number of the first record.")
    end: int | None = Field(default=None, ge=1, le=10**15, description="The number of the last record.")


class BreakOut(Answer):
    """Where the chain does not hold. Records before it are intact."""

    number: int = Field(description="The record.", examples=[31007])
    what: str = Field(description="What is wrong with it.", examples=["It was changed after it was sealed."])
    expected: str = Field(description="The hash that its content has; empty when there is none.")
    found: str = Field(description="The hash that was kept; empty when there is none.")


class VerificationOut(Answer):
    """What recomputing the chain found."""

    ok: bool = Field(description="Every hash follows from its record and the one before.")
    start: int = Field(description="The first record that was meant.", examples=[1])
    end: int = Field(description="The last record that was meant.", examples=[48211])
    checked: int = Field(description="How many hold, from the first on.", examples=[48211])
    head: str = Field(description=f"The hash of the last one that holds. {_HASH} Keep it elsewhere.")
    milliseconds: int = Field(description="How long it took.", examples=[1900])
    checked_at: Time = Field(description="When it was done.")
    broken: BreakOut | None = Field(description="The first break; null when the chain holds.")

    @classmethod
    def of(cls, found: Verification) -> Self:
        """From the service's view."""
        broken = found.broken
        return cls(
            ok=found.ok,
            start=found.start,
            end=found.end,
            checked=found.checked,
            head=found.head,
            milliseconds=found.milliseconds,
            checked_at=clock.to_text(found.at),
            broken=BreakOut(number=broken.number, what=broken.what, expected=broken.expected, found=broken.found)
            if broken
            else None,
        )


@router.get(
    "/audit",
    summary="Read the audit trail",
    response_description="One page, newest first.",
    responses=problems(*_MAY_NOT, "invalid_request"),
)
def list_audit_records(query: Annotated[AuditQuery, Query()], actor: SignedIn, bank: Bank) -> PageOut[AuditRecordOut]:
    """Who did what, to what and why; for auditors and admins."""
    audit_trail.must_be_auditor(actor)
    audit_trail.seal(bank)
    filters = RecordFilter(
        q=query.q,
        action=query.action,
        actor_id=query.actor_id,
        outcome=query.outcome,
        since=query.from_,
        until=query.to,
    )
    page = bank.read(
        lambda session: audit_records.list_records(
            session, actor, filters=filters, limit=query.limit, cursor=query.cursor
        )
    )
    return PageOut(items=[AuditRecordOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.post(
    "/audit/verify",
    summary="Verify the audit trail",
    response_description="What was found; `ok` says whether the chain holds.",
    responses=problems(*_MAY_NOT, body=True),
)
def verify_audit_trail(body: VerifyIn, actor: SignedIn, bank: Bank) -> VerificationOut:
    """Recomputes every hash from the records; for auditors and admins. Is itself recorded."""
    audit_trail.must_be_auditor(actor)
    found = audit_trail.verify(bank, actor, start=body.start, end=body.end)
    # Only whoever is told of its progress can end it.
    return VerificationOut.of(cast("Verification", found))
