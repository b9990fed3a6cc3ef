"""Every table, with its keys and CHECKs. Read it from top to bottom; the migrations create exactly this.

Tables do not validate by themselves and hold no rule: rules are in `services`. Triggers (in the migrations)
refuse UPDATE and DELETE on what must never change.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from bank_app.columns import Ascii, Digest, Identifier, Json, Moment, NextPosition, ReferenceBits, written


def _one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class User(SQLModel, table=True):
    """A person who can sign in."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint(_one_of("role", "customer", "teller", "auditor", "admin"), name="users_role"),)

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    email: str = Field(sa_column=Column(String(254), nullable=False, unique=True))
    name: str = Field(sa_column=Column(written(100), nullable=False))
    password_hash: str = Field(sa_column=Column(String(255), nullable=False))
    role: str = Field(sa_column=Column(String(8), nullable=False))
    failed_sign_ins: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    locked_until: datetime | None = Field(default=None, sa_column=Column(Moment))
    disabled_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    # The shared secret of the second step, encrypted with a key of the bank; it counts once `totp_since` is set.
    totp_secret: str | None = Field(default=None, sa_column=Column(String(255)))
    totp_since: datetime | None = Field(default=None, sa_column=Column(Moment))
    # The newest step whose code was used: a code opens one session only.
    totp_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    notices_seen_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    # Since when he wants a letter when money arrives; none means he wants none.
    money_by_mail_since: datetime | None = Field(default=None, sa_column=Column(Moment))
    preferences: dict[str, Any] | None = Field(default=None, sa_column=Column(Json))


class SignIn(SQLModel, table=True):
    """One sign-in: a browser session (its cookie's digest is here) or an API token family."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        CheckConstraint(_one_of("kind", "browser", "api"), name="sign_ins_kind"),
        CheckConstraint("(kind = 'browser') = (cookie_digest IS NOT NULL)", name="sign_ins_cookie"),
    )

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False, index=True))
    kind: str = Field(sa_column=Column(String(8), nullable=False))
    cookie_digest: bytes | None = Field(default=None, sa_column=Column(Digest, unique=True))
    address: str = Field(sa_column=Column(String(45), nullable=False))
    user_agent: str = Field(sa_column=Column(String(200), nullable=False))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    # When its person last gave a code of the second step, which then stands for some minutes.
    proved_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    # Which of the ways to end it was; a running out is told by the times.
    ended_by: str | None = Field(default=None, sa_column=Column(String(16)))


class RefreshToken(SQLModel, table=True):
    """A refresh token's digest. Each is used once; one that comes back a second time revokes its sign-in."""

    __tablename__ = "refresh_tokens"

    digest: bytes = Field(sa_column=Column(Digest, primary_key=True))
    sign_in_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("sign_ins.id"), nullable=False, index=True))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class RecoveryCode(SQLModel, table=True):
    """The digest of a code that stands in for the second step, once."""

    __tablename__ = "recovery_codes"

    digest: bytes = Field(sa_column=Column(Digest, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False, index=True))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    # The key of the bank that the digest was made with: empty for none, unknown for codes of before keys had names.
    key_id: str | None = Field(default=None, sa_column=Column(String(8)))
    used_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class PasswordLink(SQLModel, table=True):
    """The digest of a link, handed over by one of the bank's people, with which a person chooses a password once."""

    __tablename__ = "password_links"

    digest: bytes = Field(sa_column=Column(Digest, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False, index=True))
    made_by: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class Approval(SQLModel, table=True):
    """What one of the bank's people asks for and another decides about. `digest` is of exactly what will happen.

    It is pending and then, once, something else; one that is pending past `expires_at` is expired.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        CheckConstraint(
            _one_of("state", "pending", "done", "refused", "withdrawn", "outdated"), name="approvals_state"
        ),
        CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="approvals_decided"),
        # Nobody approves what he asked for himself; where the bank has nobody else, nobody does.
        CheckConstraint("state <> 'done' OR decided_by IS NULL OR decided_by <> asked_by", name="approvals_two_people"),
        Index("ix_approvals_state", "state", "expires_at"),
    )

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    kind: str = Field(sa_column=Column(String(20), nullable=False))
    subject: str = Field(sa_column=Column(String(64), nullable=False, index=True))
    asked_by: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    asked_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    reason: str = Field(sa_column=Column(written(300), nullable=False))
    payload: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    digest: bytes = Field(sa_column=Column(Digest, nullable=False))
    # Of the half of a password link that whoever asked was shown.
    half: bytes | None = Field(default=None, sa_column=Column(Digest))
    state: str = Field(default="pending", sa_column=Column(String(9), nullable=False))
    decided_by: UUID | None = Field(default=None, sa_column=Column(Identifier, ForeignKey("users.id")))
    decided_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    # Why it was refused.
    answer: str | None = Field(default=None, sa_column=Column(written(300)))


class Recovery(SQLModel, table=True):
    """Somebody was helped back in, or given power, and by whom. While it is guarded, his money is.

    `asked_by` is nobody where whoever runs the server did it, `approved_by` where there was nobody else to approve.
    """

    __tablename__ = "recoveries"
    __table_args__ = (
        CheckConstraint(_one_of("factor", "password", "second_step", "power"), name="recoveries_factor"),
        CheckConstraint("(guarded_from IS NULL) = (guarded_until IS NULL)", name="recoveries_guarded"),
        Index("ix_recoveries_user", "user_id", "guarded_until"),
    )

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    factor: str = Field(sa_column=Column(String(11), nullable=False))
    asked_by: UUID | None = Field(default=None, sa_column=Column(Identifier, ForeignKey("users.id")))
    approved_by: UUID | None = Field(default=None, sa_column=Column(Identifier, ForeignKey("users.id")))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    # A password link counts from its use on.
    link: bytes | None = Field(default=None, sa_column=Column(Digest, unique=True))
    guarded_from: datetime | None = Field(default=None, sa_column=Column(Moment))
    guarded_until: datetime | None = Field(default=None, sa_column=Column(Moment))
    # Whole units that may leave each account meanwhile.
    limit_units: int = Field(sa_column=Column(BigInteger, nullable=False))
    read_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class EmailChange(SQLModel, table=True):
    """An email that one of the bank's people proposes for somebody to sign in with, until they confirm or decline."""

    __tablename__ = "email_changes"

    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), primary_key=True))
    email: str = Field(sa_column=Column(String(254), nullable=False))
    made_by: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class Account(SQLModel, table=True):
    """A line in the bank's books. `balance` is Σ credits − Σ debits; the row is the lock of its postings."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(
            _one_of("kind", "checking", "savings", "cash", "fees", "interest", "suspense"), name="accounts_kind"
        ),
        CheckConstraint(_one_of("status", "open", "frozen", "closed"), name="accounts_status"),
        CheckConstraint("(status = 'frozen') = (frozen_for IS NOT NULL)", name="accounts_frozen"),
        CheckConstraint("frozen_for IS NULL OR frozen_for IN ('debits', 'all')", name="accounts_frozen_for"),
        CheckConstraint("(kind IN ('checking', 'savings')) = (owner_id IS NOT NULL)", name="accounts_owner"),
        CheckConstraint("held >= 0 AND overdraft_limit >= 0 AND version >= 0", name="accounts_signs"),
        CheckConstraint("owner_id IS NULL OR balance - held >= -overdraft_limit", name="accounts_funds"),
        CheckConstraint("status <> 'closed' OR (balance = 0 AND held = 0)", name="accounts_closed_empty"),
        CheckConstraint("transfer_limit IS NULL OR transfer_limit >= 0", name="accounts_transfer_limit"),
        CheckConstraint("daily_limit IS NULL OR daily_limit >= 0", name="accounts_daily_limit"),
    )

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    owner_id: UUID | None = Field(default=None, sa_column=Column(Identifier, ForeignKey("users.id"), index=True))
    kind: str = Field(sa_column=Column(String(8), nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    nickname: str | None = Field(default=None, sa_column=Column(written(60)))
    status: str = Field(default="open", sa_column=Column(String(6), nullable=False))
    frozen_for: str | None = Field(default=None, sa_column=Column(String(6)))
    balance: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    held: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    overdraft_limit: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    head_hash: bytes = Field(sa_column=Column(Digest, nullable=False))
    last_posted_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    opened_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    transfer_limit: int | None = Field(default=None, sa_column=Column(BigInteger))
    daily_limit: int | None = Field(default=None, sa_column=Column(BigInteger))


class Transaction(SQLModel, table=True):
    """One balanced set of postings. Never changed, never deleted; `reverses_id` is unique: one reversal at most."""

    __tablename__ = "transactions"
    __table_args__ = (
        CheckConstraint(_one_of("type", "deposit", "withdraw", "transfer", "reversal"), name="transactions_type"),
        CheckConstraint("amount > 0", name="transactions_amount"),
        CheckConstraint("(type = 'reversal') = (reverses_id IS NOT NULL)", name="transactions_reversal"),
        Index("ix_transactions_position", "position", unique=True),
    )

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    type: str = Field(sa_column=Column(String(8), nullable=False))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    description: str | None = Field(default=None, sa_column=Column(written(140)))
    # SQLAlchemy reserves the name `metadata` on a model; the column keeps the word of the API.
    metadata_: dict[str, Any] = Field(sa_column=Column("metadata", Json, nullable=False))
    actor_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    reverses_id: UUID | None = Field(
        default=None, sa_column=Column(Identifier, ForeignKey("transactions.id"), unique=True)
    )
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    hash: bytes = Field(sa_column=Column(Digest, nullable=False))
    # Given out by the database as rows are written, so that no clock has a say in the order; not always without gaps,
    # and on a server a lower one may be committed after a higher one.
    position: int = Field(sa_column=Column(BigInteger, nullable=False, default=NextPosition()))
    # Made of the id by the database, so that a reference is found by an index. SQLite computes it when it is read.
    reference: bytes | None = Field(
        default=None, sa_column=Column(ReferenceBits, Computed("substr(id, 12, 5)", persisted=True), index=True)
    )


class Posting(SQLModel, table=True):
    """One side of a transaction. The key clusters an account's history, and lets two writers collide, not lose money.

    `floor` is the lowest balance that the account was allowed then (holds less overdraft limit); internal accounts
    have none.
    """

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint(_one_of("direction", "debit", "credit"), name="postings_direction"),
        CheckConstraint("amount > 0", name="postings_amount"),
        CheckConstraint("sequence > 0", name="postings_sequence"),
        CheckConstraint("floor IS NULL OR balance_after >= floor", name="postings_floor"),
        Index("ix_postings_transaction_id", "transaction_id"),
        Index("ix_postings_account_created", "account_id", "created_at"),
    )

    account_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    )
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    transaction_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("transactions.id"), nullable=False))
    direction: str = Field(sa_column=Column(String(6), nullable=False))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    balance_after: int = Field(sa_column=Column(BigInteger, nullable=False))
    floor: int | None = Field(default=None, sa_column=Column(BigInteger))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    hash: bytes = Field(sa_column=Column(Digest, nullable=False))


class ClockStep(SQLModel, table=True):
    """A posting that is dated before the one that it follows, which a clock that was ahead had dated. Appended only.

    Written in the unit of work of the posting; wherever there is none, time on an account never runs backwards.
    """

    __tablename__ = "clock_steps"
    __table_args__ = (CheckConstraint("created_at < dated_before", name="clock_steps_back"),)

    account_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    )
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    # The date of the posting before it.
    dated_before: datetime = Field(sa_column=Column(Moment, nullable=False))


class PostingGate(SQLModel, table=True):
    """One row. Whoever posts shares its lock from before positions are given out until the end of the unit of work."""

    __tablename__ = "posting_gate"
    __table_args__ = (CheckConstraint("id = 1", name="posting_gate_one_row"),)

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


class Hold(SQLModel, table=True):
    """Money set aside on an account, placed by `actor_id`. It is open and then, once, captured, released or expired.

    An open hold whose `expires_at` has come holds nothing any more, whether or not its row was closed yet.
    """

    __tablename__ = "holds"
    __table_args__ = (
        CheckConstraint(_one_of("state", "open", "captured", "released", "expired"), name="holds_state"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="holds_closed"),
        CheckConstraint("(state = 'captured') = (transaction_id IS NOT NULL)", name="holds_captured"),
        CheckConstraint("(transaction_id IS NULL) = (captured_amount IS NULL)", name="holds_captured_amount"),
        CheckConstraint(
            "amount > 0 AND (captured_amount IS NULL OR captured_amount BETWEEN 1 AND amount)", name="holds_amounts"
        ),
        CheckConstraint("expires_at > created_at", name="holds_expiry"),
        CheckConstraint("to_account_id IS NULL OR to_account_id <> account_id", name="holds_two_accounts"),
        # The first finds the open holds of an account that are due, the second lists an account's holds by newest.
        Index("ix_holds_account_state_expires", "account_id", "state", "expires_at"),
        Index("ix_holds_account_id", "account_id", "id"),
    )

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("accounts.id"), nullable=False))
    to_account_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("accounts.id")))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    description: str | None = Field(default=None, sa_column=Column(written(140)))
    actor_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    state: str = Field(default="open", sa_column=Column(String(8), nullable=False))
    captured_amount: int | None = Field(default=None, sa_column=Column(BigInteger))
    transaction_id: UUID | None = Field(
        default=None, sa_column=Column(Identifier, ForeignKey("transactions.id"), unique=True)
    )
    closed_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class IdempotencyKey(SQLModel, table=True):
    """What a key was used for and what came of it, written in the same unit of work as the money.

    `hold_state` is what the answer said of the hold; the hold itself may move on. `account_id` is the account that was
    opened, with the transaction of its opening deposit if it had one. It refers to nothing by a constraint: that would
    take an index, which every posting would have to write.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint(
            "(transaction_id IS NULL AND hold_id IS NULL AND account_id IS NULL) = (refusal_code IS NOT NULL)",
            name="idempotency_keys_outcome",
        ),
        CheckConstraint(
            "(hold_id IS NULL) = (hold_state IS NULL) AND (hold_id IS NULL OR"
            " (hold_state = 'captured') = (transaction_id IS NOT NULL))",
            name="idempotency_keys_hold",
        ),
        CheckConstraint("account_id IS NULL OR hold_id IS NULL", name="idempotency_keys_account"),
    )

    actor_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), primary_key=True))
    key: str = Field(sa_column=Column(Ascii(255), primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(Digest, nullable=False))
    transaction_id: UUID | None = Field(
        default=None, sa_column=Column(Identifier, ForeignKey("transactions.id"), unique=True)
    )
    refusal_code: str | None = Field(default=None, sa_column=Column(String(32)))
    refusal_detail: str | None = Field(default=None, sa_column=Column(String(300)))
    refusal_facts: dict[str, Any] | None = Field(default=None, sa_column=Column(Json))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    hold_id: UUID | None = Field(default=None, sa_column=Column(Identifier, ForeignKey("holds.id")))
    hold_state: str | None = Field(default=None, sa_column=Column(String(8)))
    account_id: int | None = Field(default=None, sa_column=Column(BigInteger))


class TransferDraft(SQLModel, table=True):
    """What a person is about to confirm in the browser. Never changed: another content is another draft."""

    __tablename__ = "drafts"
    __table_args__ = (CheckConstraint(_one_of("kind", "transfer", "withdraw", "deposit"), name="drafts_kind"),)

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    kind: str = Field(sa_column=Column(String(8), nullable=False))
    from_account_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    to_account_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    description: str | None = Field(default=None, sa_column=Column(written(140)))
    payee_name: str | None = Field(default=None, sa_column=Column(written(100)))
    payee_result: str | None = Field(default=None, sa_column=Column(String(5)))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False, index=True))


class UnfinishedForm(SQLModel, table=True):
    """What a person has typed so far into a form that moves money. Changed while they type, forgotten after a day."""

    __tablename__ = "unfinished_forms"
    __table_args__ = (
        CheckConstraint(_one_of("kind", "transfer", "deposit", "withdraw"), name="unfinished_forms_kind"),
    )

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False, index=True))
    kind: str = Field(sa_column=Column(String(8), nullable=False))
    fields_: dict[str, Any] = Field(sa_column=Column("fields", Json, nullable=False))
    changed_at: datetime = Field(sa_column=Column(Moment, nullable=False, index=True))


class SavedPayee(SQLModel, table=True):
    """An account that a person pays, under the name that was checked then and a nickname of his own."""

    __tablename__ = "saved_payees"
    __table_args__ = (UniqueConstraint("user_id", "account_id"),)

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("accounts.id"), nullable=False))
    name: str = Field(sa_column=Column(written(100), nullable=False))
    nickname: str | None = Field(default=None, sa_column=Column(written(60)))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class PayeeName(SQLModel, table=True):
    """What somebody knows of the name on an account that he pays. `name` is what he typed while it did not fit.

    Once he has given the right name, or nearly, there is none: from then on he sees the account's own.
    """

    __tablename__ = "payee_names"

    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), primary_key=True))
    account_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    )
    name: str | None = Field(default=None, sa_column=Column(written(100)))
    checked_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class Stranger(SQLModel, table=True):
    """Failed sign-ins with an email that nobody has, by its digest: counted as they are for people."""

    __tablename__ = "strangers"

    digest: bytes = Field(sa_column=Column(Digest, primary_key=True))
    failed_sign_ins: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    locked_until: datetime = Field(sa_column=Column(Moment, nullable=False, index=True))


class Mail(SQLModel, table=True):
    """A letter that waits for the mail server, or what is left of it: the text of one that is over is forgotten."""

    __tablename__ = "mails"

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False, index=True))
    email: str = Field(sa_column=Column(String(254), nullable=False))
    # What it is about, such as `record 17`: nobody is written to twice about one thing.
    about: str = Field(sa_column=Column(Ascii(80), nullable=False, unique=True))
    subject: str = Field(sa_column=Column(written(200), nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    # When it is tried next; none once it is over.
    due_at: datetime | None = Field(default=None, sa_column=Column(Moment, index=True))
    expires_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    tries: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    problem: str | None = Field(default=None, sa_column=Column(String(100)))


class MailMark(SQLModel, table=True):
    """One row: up to where the books, the trail and the sign-ins were looked through for what to write about."""

    __tablename__ = "mail_marks"
    __table_args__ = (CheckConstraint("id = 1", name="mail_marks_one_row"),)

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    records: int = Field(sa_column=Column(BigInteger, nullable=False))
    transactions: int = Field(sa_column=Column(BigInteger, nullable=False))
    sign_ins: datetime = Field(sa_column=Column(Moment, nullable=False))


class KnownDevice(SQLModel, table=True):
    """A browser or a program's network that has signed a person in before, by its digest, and its own wrong guesses."""

    __tablename__ = "known_devices"

    digest: bytes = Field(sa_column=Column(Digest, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), primary_key=True, index=True))
    failed_sign_ins: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    locked_until: datetime | None = Field(default=None, sa_column=Column(Moment))
    seen_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class GuessCount(SQLModel, table=True):
    """Wrong guesses of one network, or of all that nobody knows, until a moment; then it begins again."""

    __tablename__ = "guess_counts"

    digest: bytes = Field(sa_column=Column(Digest, primary_key=True))
    guesses: int = Field(sa_column=Column(BigInteger, nullable=False))
    ends_at: datetime = Field(sa_column=Column(Moment, nullable=False, index=True))


class CustomerNote(SQLModel, table=True):
    """What one of the bank's people wrote down about a customer. Appended only."""

    __tablename__ = "customer_notes"

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    user_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False, index=True))
    author_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("users.id"), nullable=False))
    text: str = Field(sa_column=Column(written(500), nullable=False))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class BankFacts(SQLModel, table=True):
    """One row: what was chosen when the bank was set up in the browser. It goes before what the settings say."""

    __tablename__ = "bank"
    __table_args__ = (
        CheckConstraint("id = 1", name="bank_one_row"),
        CheckConstraint("demo IS NULL OR demo IN ('allowed', 'on')", name="bank_demo"),
    )

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    name: str | None = Field(default=None, sa_column=Column(written(40)))
    # Digest of the one-time token of the set-up page, until somebody used it.
    setup_digest: bytes | None = Field(default=None, sa_column=Column(Digest))
    set_up_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    # Whether whoever sets the bank up may choose demo people, and whether he did.
    demo: str | None = Field(default=None, sa_column=Column(String(8)))
    # When an operator said that the clock is right although the books ended long before.
    clock_accepted_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class BooksCheck(SQLModel, table=True):
    """What a check of the books found, kept to show when they were last known to balance. Appended only."""

    __tablename__ = "books_checks"

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    checked_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    # Nobody's when the bank checked by itself.
    actor_id: UUID | None = Field(default=None, sa_column=Column(Identifier, ForeignKey("users.id")))
    ok: bool = Field(sa_column=Column(Boolean(create_constraint=False), nullable=False))
    milliseconds: int = Field(sa_column=Column(BigInteger, nullable=False))
    report: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))


class AuditSeal(SQLModel, table=True):
    """The place of an audit record in the chain: each hash begins with the one before it. Appended only.

    Records are written without waiting for each other and sealed a moment later, in one line.
    """

    __tablename__ = "audit_seals"
    __table_args__ = (CheckConstraint("number > 0", name="audit_seals_number"),)

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    record_id: UUID = Field(sa_column=Column(Identifier, ForeignKey("audit_records.id"), nullable=False, unique=True))
    hash: bytes = Field(sa_column=Column(Digest, nullable=False))
    sealed_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class AuditRecord(SQLModel, table=True):
    """Who did what with whose say-so. Appended only, in the same unit of work as what it records."""

    __tablename__ = "audit_records"

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    actor_id: UUID | None = Field(default=None, sa_column=Column(Identifier, ForeignKey("users.id")))
    action: str = Field(sa_column=Column(String(40), nullable=False))
    object: str = Field(sa_column=Column(String(64), nullable=False, index=True))
    reason: str | None = Field(default=None, sa_column=Column(written(300)))
    changes: dict[str, Any] = Field(sa_column=Column("changes", Json, nullable=False))
    # Where the request came from and its number in the log; unknown for what the bank does by itself.
    address: str | None = Field(default=None, sa_column=Column(String(45)))
    request_id: str | None = Field(default=None, sa_column=Column(String(64)))


class SecurityRecord(SQLModel, table=True):
    """What became of an attempt to come in, to go further than one may, or to take something away.

    Never changed, and deleted only when it is old. It refers to nobody by a constraint: what is written down about
    somebody must not wait for whoever changes that person just now.
    """

    __tablename__ = "security_events"
    __table_args__ = (CheckConstraint("happened > 0", name="security_events_happened"),)

    id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    event: str = Field(sa_column=Column(String(40), nullable=False))
    reason: str = Field(sa_column=Column(String(40), nullable=False))
    factor: str | None = Field(default=None, sa_column=Column(String(16)))
    door: str | None = Field(default=None, sa_column=Column(String(8)))
    # Whom it concerns and what they were then; of a stranger there is only what the email makes with the bank's key.
    person_id: UUID | None = Field(default=None, sa_column=Column(Identifier, index=True))
    role: str | None = Field(default=None, sa_column=Column(String(8)))
    email_digest: bytes | None = Field(default=None, sa_column=Column(Digest))
    address: str | None = Field(default=None, sa_column=Column(String(45)))
    network: str | None = Field(default=None, sa_column=Column(String(45), index=True))
    request_id: str | None = Field(default=None, sa_column=Column(String(64)))
    object: str | None = Field(default=None, sa_column=Column(String(100)))
    facts: dict[str, Any] = Field(sa_column=Column("facts", Json, nullable=False))
    # More than one where the budget was used up and the rest only counted.
    happened: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))


class Look(SQLModel, table=True):
    """That one of the bank's people looked at something in a quarter of an hour; the key lets only one of two write it.

    The look itself is in the audit trail. Here it is found by whom it was about, and rows are counted.
    """

    __tablename__ = "looks"

    actor_id: UUID = Field(sa_column=Column(Identifier, primary_key=True))
    subject: str = Field(sa_column=Column(Ascii(100), primary_key=True))
    quarter: datetime = Field(sa_column=Column(Moment, primary_key=True))
    role: str = Field(sa_column=Column(String(8), nullable=False))
    # Whose it is; nobody's when it was a list.
    person_id: UUID | None = Field(default=None, sa_column=Column(Identifier, index=True))
    shown: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False, index=True))


# What the database itself refuses to change or delete, on every engine.
IMMUTABLE_TABLES = (
    "transactions",
    "postings",
    "clock_steps",
    "idempotency_keys",
    "audit_records",
    "audit_seals",
    "books_checks",
    "customer_notes",
)

# Whose rows are forgotten in time or at a person's wish. Of all others none is ever deleted.
FORGOTTEN_TABLES = (
    "drafts",
    "email_changes",
    "guess_counts",
    "known_devices",
    "looks",
    "mails",
    "recovery_codes",
    "saved_payees",
    "security_events",
    "strangers",
    "unfinished_forms",
)

# The same tables for statements that go past the ORM, where objects would only cost time.
RECOVERIES: Table = SQLModel.metadata.tables["recoveries"]
ACCOUNTS: Table = SQLModel.metadata.tables["accounts"]
TRANSACTIONS: Table = SQLModel.metadata.tables["transactions"]
POSTINGS: Table = SQLModel.metadata.tables["postings"]
POSTING_GATE: Table = SQLModel.metadata.tables["posting_gate"]
CLOCK_STEPS: Table = SQLModel.metadata.tables["clock_steps"]
HOLDS: Table = SQLModel.metadata.tables["holds"]
IDEMPOTENCY_KEYS: Table = SQLModel.metadata.tables["idempotency_keys"]
