"""Every way the bank says no: a stable code, a safe sentence, and machine-readable details. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar


class BankError(Exception):
    """A refusal that a caller can act on.

    `code` never changes once published; `detail` is safe to show to anyone who may make the request;
    `details` are JSON-ready facts (amounts as decimal strings) that a program can use.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    money_moved: ClassVar[str] = "no"
    # Set on a refusal that was answered from its idempotency key.
    replayed: bool = False

    def __init__(self, detail: str | None = None, **details: Any) -> None:
        """Takes the sentence for people and the facts for programs."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title + "."
        self.details = details


class BooksBroken(Exception):
    """An invariant of the ledger does not hold: our bug. Never caught, never shown, always rolled back."""


# --- families: one per kind of answer ------------------------------------------------------------


class Unauthenticated(BankError):
    """Who asks is not known."""


class Forbidden(BankError):
    """Who asks is known and may not do this."""

    code, title = "forbidden", "Not allowed"


class NotFound(BankError):
    """There is no such thing, or it is somebody else's; the two are not told apart."""

    code, title = "not_found", "Not found"


class Refused(BankError):
    """A business answer of no: recorded with the idempotency key, and the same when asked again."""


class Conflict(BankError):
    """The state of things is in the way; asking again may get another answer."""


class Invalid(BankError):
    """The request makes no sense as it stands."""

    code, title = "invalid_request", "Invalid request"


class Throttled(BankError):
    """Too much, too fast."""

    code, title = "too_many_requests", "Too many requests"


class Unavailable(BankError):
    """The bank cannot answer now; repeating with the same idempotency key is safe."""


class TooMuchWork(Throttled):
    """What somebody asked for lately kept the bank busy for so long that he has to wait."""

    code, title = "too_much_work", "Too much work"


class LargeWorkRunning(Throttled):
    """Somebody asks for a second large thing while his first is under way."""

    code, title = "large_work_running", "Large work running"


class QuotaUsedUp(Throttled):
    """More of what is kept for ever than one may make in a day or an hour."""

    code, title = "quota_used_up", "Enough for now"


class SignInLocked(Throttled):
    """Too many failures on one person; the code is that of its family."""


class LinkNotValid(NotFound):
    """A link for choosing a password that is unknown, used or too old; which of them is not said."""


class OwnAccount(Forbidden):
    """One of the bank's people asks for what only a colleague may do, because the account is his own."""


class EnrolmentRequired(Forbidden):
    """This person must sign in in two steps here, and has not set that up."""

    code, title = "enrolment_required", "Set up two-step sign-in first"


class StepUpRequired(Forbidden):
    """This takes a code given a moment ago; nothing was done, and the same goes once it is given."""

    code, title = "step_up_required", "A fresh code is needed"


class TokenWrong(Forbidden):
    """Not the token for setting the bank up that the newest start of the server printed."""


# --- leaves: statements ---------------------------------------------------------------------------


class NotSignedIn(Unauthenticated):
    """No token, or one that is not ours."""

    code, title = "unauthenticated", "Sign in first"


class CredentialsDoNotMatch(Unauthenticated):
    """Wrong email or wrong password; which of them is not said."""

    code, title = "invalid_credentials", "That email and password don't match"


class SecondFactorRequired(Unauthenticated):
    """Email and password are right, and this person also needs a code."""

    code, title = "second_factor_required", "A code is needed as well"
    # What lets a browser go on to the code; never part of an answer's body.
    half_session: str = ""


class SecondFactorWrong(Unauthenticated):
    """Email and password are right, and the code is not, or not any more."""

    code, title = "second_factor_wrong", "That code isn't right"


class SecondFactorUsed(Unauthenticated):
    """The code was right and is used up; nobody guessed, so it is not counted."""

    code, title = "second_factor_used", "That code was used already"


class SecondFactorUnreadable(Unavailable):
    """The bank does not have the key that this person's second step was sealed with; nobody guessed."""

    code, title = "second_factor_unreadable", "The second step cannot be checked"


class RefreshTokenUsed(Unauthenticated):
    """The refresh token was ours and was exchanged before."""

    code, title = "refresh_token_used", "Refresh token used already"


class TokenExpired(Unauthenticated):
    """The token was ours and its time is over."""

    code, title = "token_expired", "Token expired"


class AccountNotFound(NotFound):
    """No account has this number, or a customer named somebody else's."""

    code, title = "account_not_found", "Account not found"


class TransactionNotFound(NotFound):
    """No such transaction, or none of its sides is the customer's."""

    code, title = "transaction_not_found", "Transaction not found"


class HoldNotFound(NotFound):
    """No such hold, or it is on an account that is not the customer's."""

    code, title = "hold_not_found", "Hold not found"


class InsufficientFunds(Refused):
    """Booked balance less holds plus overdraft limit does not cover the amount."""

    code, title = "insufficient_funds", "Insufficient funds"


class AccountFrozen(Refused):
    """The account is frozen for this direction."""

    code, title = "account_frozen", "Account frozen"


class AccountClosed(Refused):
    """The account is closed."""

    code, title = "account_closed", "Account closed"


class LimitExceeded(Refused):
    """More than the account may pay at once or in a day, or a balance that the bank cannot record."""

    code, title = "limit_exceeded", "Limit exceeded"


class AlreadyReversed(Refused):
    """The transaction has its one reversal."""

    code, title = "already_reversed", "Already reversed"


class HoldNotOpen(Refused):
    """The hold was captured or released before, or its time is over."""

    code, title = "hold_not_open", "Hold not open"


class PreconditionFailed(Refused):
    """The account moved on since the version that the caller had seen."""

    code, title = "precondition_failed", "The account changed"


class CurrencyMismatch(Refused):
    """The two accounts are kept in different currencies."""

    code, title = "currency_mismatch", "Currencies differ"


class CoolingOff(Refused):
    """Somebody was helped back in a short while ago, and until that is over this does not leave the account."""

    code, title = "cooling_off", "Cooling-off after a recovery"


class ApprovalRequired(Conflict):
    """This takes two of the bank's people: one asks, another approves."""

    code, title = "approval_required", "Approval required"


class ApprovalNotOpen(Conflict):
    """The request was decided, withdrawn or forgotten before."""

    code, title = "approval_not_open", "Approval not open"


class ApprovalOutdated(Conflict):
    """What was asked for is not what would happen now."""

    code, title = "approval_outdated", "Approval out of date"


class BothFactors(Conflict):
    """Whoever had a hand in one factor of a person has none in the other for a while."""

    code, title = "both_factors", "Both factors by one hand"


class AccountNotEmpty(Conflict):
    """An account that still holds money cannot be closed."""

    code, title = "account_not_empty", "Account not empty"


class QuotaReached(Conflict):
    """As many of these as one may have are there already."""

    code, title = "quota_reached", "As many as there can be"


class LastAdmin(Conflict):
    """Without this person nobody could manage people any more."""

    code, title = "last_admin", "The last admin"


class EmailTaken(Conflict):
    """Somebody is registered with this email."""

    code, title = "email_taken", "Email already registered"


class RequestInProgress(Conflict):
    """The first request with this idempotency key has not been answered yet."""

    code, title = "request_in_progress", "Request in progress"


class InvalidAmount(Invalid):
    """The amount is not a positive number with at most the currency's decimals."""

    code, title = "invalid_amount", "Invalid amount"


class InvalidAccountNumber(Invalid):
    """Not ten digits, or the check digits do not fit."""

    code, title = "invalid_account_number", "Invalid account number"


class SameAccount(Invalid):
    """Money cannot move from an account to itself."""

    code, title = "same_account", "Same account"


class BatchTooLarge(Invalid):
    """More items that must be posted together than this person may send at once."""

    code, title = "batch_too_large", "Batch too large"


class IdempotencyKeyReused(Invalid):
    """The key was used with another request."""

    code, title = "idempotency_key_reused", "Idempotency key reused"


class LockTimeout(Unavailable):
    """The rows were locked by others for too long; nothing was written."""

    code, title = "lock_timeout", "Busy"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached or cannot write; nothing was written."""

    code, title = "database_unavailable", "Database unavailable"


class Overloaded(Unavailable):
    """More requests wait to be posted than the bank is willing to keep waiting; nothing was written."""

    code, title = "overloaded", "Overloaded"


class PasswordsBusy(Unavailable):
    """More people sign in or choose passwords than the bank hashes at once; nothing was done."""

    code, title = "passwords_busy", "Too many are signing in"


class ClockWrong(Unavailable):
    """The clock of this process cannot be right, so nothing is dated by it; nothing was written."""

    code, title = "clock_wrong", "The bank's clock is wrong"


class OutcomeUnknown(Unavailable):
    """COMMIT was sent and never answered, and the database stayed away; the key will tell."""

    code, title = "outcome_unknown", "Outcome unknown"
    money_moved = "unknown"


def leaves(root: type[BankError] = BankError) -> Iterator[type[BankError]]:
    """Every error class with a code of its own, for the catalogue, the documents and the tests."""
    for child in root.__subclasses__():
        if "code" in vars(child):
            yield child
        yield from leaves(child)


def by_code(code: str, detail: str | None = None, **details: Any) -> BankError:
    """The error of a recorded code, as it was answered the first time.

    Raises:
        KeyError: no error has this code.
    """
    found = {leaf.code: leaf for leaf in leaves()}
    return found[code](detail, **details)
