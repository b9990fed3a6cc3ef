"""What takes two of the bank's people, for programs: asking for it, and deciding about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field

from bank_app import clock
from bank_app.api.dependencies import Bank, SignedIn
from bank_app.api.documents import operation_id, problems
from bank_app.api.requests import ActorRoute
from bank_app.api.schemas import Answer, PageOut, Request
from bank_app.api.values import ReasonText, Time
from bank_app.domain.accounting import Role
from bank_app.errors import Invalid
from bank_app.services import approvals
from bank_app.services.approval_kinds import Wish
from bank_app.services.approvals import ApprovalView, State

router = APIRouter(
    prefix="/api/v1/approvals", route_class=ActorRoute, tags=["Approvals"], generate_unique_id_function=operation_id
)
ApprovalId = Annotated[UUID, Path(description="The request's id, a UUID.")]
_MAY_NOT = ("unauthenticated", "token_expired", "forbidden", "not_found")
_DECIDED = (*_MAY_NOT, "approval_not_open")
# What may be in the way of what is approved.
_HAPPENS = (
    "account_not_found", "transaction_not_found", "account_closed", "account_frozen", "insufficient_funds",
    "limit_exceeded", "already_reversed", "last_admin", "both_factors", "invalid_amount", "invalid_account_number",
    "outcome_unknown", "step_up_required",
)  # fmt: skip


def _time(moment: datetime | None) -> str | None:
    return clock.to_text(moment) if moment else None


class ApprovalsQuery(Request):
    """Which requests."""

    limit: int = Field(default=50, ge=1, le=200, description="How many items at most.")
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")
    state: State | None = Field(default=None, description="Only those in this state.")


class ApprovalIn(Request):
    """What somebody asks for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "limits", "subject": "account 1234567889", "daily_limit": "2000.00",
                    "reason": "Agreed at the desk",
                },
                {
                    "kind": "password_link", "subject": "user 0192f1d2-a3b4-7c5d-8e6f-a0b1c2d3e4f5",
                    "reason": "Showed a passport at the desk",
                },
            ]
        }
    )  # fmt: skip

    kind: Literal["password_link", "second_step", "unlock", "enable", "role", "limits", "reversal", "export"] = Field(
        description="What is to happen.", examples=["limits"]
    )
    subject: str = Field(
        max_length=64,
        description="Whom or what it is about: `user` and an id, `account` and a number, `transaction` and an id, or "
        "`export` and `audit` or `transactions`.",
        examples=["account 1234567889"],
    )
    role: Role | None = Field(default=None, description="With kind role: which.")
    password: str | None = Field(
        default=None, max_length=1024, description="With kind role: your own.", examples=["violet harbour seven lamps"]
    )
    overdraft_limit: str | None = Field(
        default=None, max_length=40, description="With kind limits: how far below zero; none when left out.",
        examples=["500.00"],
    )  # fmt: skip
    transfer_limit: str | None = Field(
        default=None, max_length=40, description="With kind limits: at most at once; none when left out.",
        examples=["1000.00"],
    )  # fmt: skip
    daily_limit: str | None = Field(
        default=None, max_length=40, description="With kind limits: at most in a day; none when left out.",
        examples=["2000.00"],
    )  # fmt: skip
    reason: ReasonText = Field(
        description="Why; at least 10 characters. Kept in the audit log.", examples=["Agreed at the desk"]
    )

    def wish(self) -> Wish:
        """What the service is asked for."""
        limits = {name: getattr(self, name) for name in ("overdraft_limit", "transfer_limit", "daily_limit")}
        change: dict[str, Any] = {name: text for name, text in limits.items() if text is not None}
        if self.role:
            change["role"] = self.role.value
        if self.password is not None:
            change["password"] = ""
        allowed = {"role": {"role", "password"}, "limits": set(limits)}.get(self.kind, set())
        if wrong := sorted(set(change) - allowed):
            message = f"A request of kind {self.kind} takes no {wrong[0]}."
            raise Invalid(message, errors=[{"field": wrong[0], "code": "extra_forbidden", "message": message}])
        change.pop("password", None)
        return Wish(self.kind, self.subject, change)


class ApproveIn(Request):
    """Exactly what is approved."""

    digest: str = Field(
        pattern="^[0-9a-fA-F]{64}$",
        description="`digest` of the request as you read it.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


class RefuseIn(Request):
    """Why not."""

    reason: ReasonText = Field(
        description="Why; at least 10 characters. Kept in the audit log.", examples=["That was not the customer"]
    )


class ApprovalOut(Answer):
    """A request, and what became of it."""

    id: UUID = Field(description="A UUIDv7.")
    kind: str = Field(description="What is to happen.", examples=["limits"])
    subject: str = Field(description="Whom or what it is about.", examples=["account 1234567889"])
    change: dict[str, Any] = Field(description="What is to change.", examples=[{"daily_limit": "2000.00"}])
    before: dict[str, Any] = Field(description="What it was decided upon.", examples=[{"daily_limit": "1000.00"}])
    reason: str = Field(description="Why it was asked for.", examples=["Agreed at the desk"])
    state: State = Field(description="pending, and then, once, something else.")
    asked_by: UUID = Field(description="Who asked.")
    asked_at: Time = Field(description="When.")
    expires_at: Time = Field(description="When nobody can approve it any more.")
    digest: str = Field(description="SHA-256 over everything that decides what will happen, in hexadecimal.")
    decided_by: UUID | None = Field(description="Who decided; null before, and where there was nobody else.")
    decided_at: Time | None = Field(description="When.")
    answer: str | None = Field(description="Why it was refused.", examples=["That is not what the customer said"])
    may_decide: bool = Field(description="Whether you could approve it.")

    @classmethod
    def of(cls, view: ApprovalView) -> Self:
        """From the service's view."""
        return cls(
            id=view.id, kind=view.kind, subject=view.subject, change=dict(view.change), before=dict(view.before),
            reason=view.reason, state=view.state, asked_by=view.asked_by, asked_at=clock.to_text(view.asked_at),
            expires_at=clock.to_text(view.expires_at), digest=view.digest, decided_by=view.decided_by,
            decided_at=_time(view.decided_at), answer=view.answer or None, may_decide=view.may_decide,
        )  # fmt: skip


class AskedOut(Answer):
    """What became of asking."""

    id: UUID | None = Field(description="The request's; null where one person is enough.")
    state: State = Field(description="pending, or done where one is enough or there is nobody else.")
    half: str | None = Field(
        description="Your half of a password link, shown now and never again.", examples=["7K2M-9QXD-4HTB"]
    )
    token: str | None = Field(
        description="A whole password link's token, where there was nobody else.",
        examples=["7K2M-9QXD-4HTB-W8ZN-3RVA-P5CE"],
    )
    expires_at: Time | None = Field(description="When the link ends.")
    mailed: bool = Field(
        description="Whether the other half was sent to the person by mail, where there was nobody else."
    )


class ApprovedOut(Answer):
    """What happened."""

    id: UUID = Field(description="The request's.")
    state: State = Field(description="done.")
    half: str | None = Field(
        description="The other half of a password link, shown now and never again.", examples=["W8ZN-3RVA-P5CE"]
    )
    expires_at: Time | None = Field(description="When the link ends.")
    mailed: bool = Field(description="Whether the other half was sent to the person by mail instead.")
    transaction_id: UUID | None = Field(description="The reversal that was posted.")


@router.post(
    "",
    status_code=201,
    summary="Ask for an approval",
    response_description="It waits, or it is done where one is enough or there is nobody else.",
    responses=problems(*_MAY_NOT, "invalid_credentials", *_HAPPENS, body=True),
)
def ask_for_approval(body: ApprovalIn, actor: SignedIn, bank: Bank) -> AskedOut:
    """Asks for something that takes two of the bank's people. What you asked for before about the same is withdrawn.

    Letting somebody in again (`password_link`, `second_step`, `unlock`, `enable`) always takes two where there are two.
    """
    wish = body.wish()
    if wish.kind == "role":
        user_id, role = _named(wish), body.role
        if role is None:
            raise _missing("role")
        asked = approvals.ask_for_role(
            bank, actor, user_id, role=role, reason=body.reason, password=body.password or ""
        )
    else:
        asked = approvals.ask(bank, actor, wish, reason=body.reason)
    link = asked.link
    return AskedOut(
        id=asked.id,
        state=asked.state,
        half=asked.half or None,
        token=link.token if link else None,
        expires_at=_time(link.expires_at) if link else None,
        mailed=asked.mailed,
    )


def _named(wish: Wish) -> UUID:
    try:
        return UUID(wish.name)
    except ValueError:
        raise _missing("subject") from None


def _missing(field: str) -> Invalid:
    message = f"Say {'which role' if field == 'role' else 'whom it is about: `user` and an id'}."
    return Invalid(message, errors=[{"field": field, "code": "invalid", "message": message}])


@router.get(
    "",
    summary="List approvals",
    response_description="One page, newest first.",
    responses=problems(*_MAY_NOT, "invalid_request"),
)
def list_approvals(query: Annotated[ApprovalsQuery, Query()], actor: SignedIn, bank: Bank) -> PageOut[ApprovalOut]:
    """Requests of all of the bank's people, for them."""
    page = bank.read(
        lambda session: approvals.list_approvals(
            session, actor, state=query.state, limit=query.limit, cursor=query.cursor
        )
    )
    return PageOut(items=[ApprovalOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.get(
    "/{approval_id}",
    summary="Read an approval",
    response_description="The request as it is now.",
    responses=problems(*_MAY_NOT, "invalid_request"),
)
def get_approval(approval_id: ApprovalId, actor: SignedIn, bank: Bank) -> ApprovalOut:
    """One request, with the digest of exactly what would happen."""
    return ApprovalOut.of(bank.read(lambda session: approvals.get(session, actor, approval_id)))


@router.post(
    "/{approval_id}/approve",
    summary="Approve",
    response_description="It happened, with this answer.",
    responses=problems(*_DECIDED, "approval_outdated", *_HAPPENS, body=True),
)
def approve_request(approval_id: ApprovalId, body: ApproveIn, actor: SignedIn, bank: Bank) -> ApprovedOut:
    """Makes it happen, once, if `digest` is that of exactly what would happen now. Nobody approves his own request."""
    done = approvals.approve(bank, actor, approval_id, digest=body.digest)
    return ApprovedOut(
        id=done.id,
        state=State.DONE,
        half=done.half or None,
        expires_at=_time(done.until),
        mailed=done.mailed,
        transaction_id=done.transaction_id,
    )


@router.post(
    "/{approval_id}/refuse",
    summary="Refuse",
    response_description="The request, refused.",
    responses=problems(*_DECIDED, "both_factors", body=True),
)
def refuse_request(approval_id: ApprovalId, body: RefuseIn, actor: SignedIn, bank: Bank) -> ApprovalOut:
    """Says no, with a reason. It never happens."""
    bank.unit_of_work(lambda session: approvals.refuse(session, actor, approval_id, reason=body.reason))
    return ApprovalOut.of(bank.read(lambda session: approvals.get(session, actor, approval_id)))


@router.post(
    "/{approval_id}/withdraw",
    summary="Withdraw",
    response_description="The request, withdrawn.",
    responses=problems(*_DECIDED),
)
def withdraw_request(approval_id: ApprovalId, actor: SignedIn, bank: Bank) -> ApprovalOut:
    """Takes a request of your own back."""
    bank.unit_of_work(lambda session: approvals.withdraw(session, actor, approval_id))
    return ApprovalOut.of(bank.read(lambda session: approvals.get(session, actor, approval_id)))
