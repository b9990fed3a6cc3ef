"""What people read. One catalogue, keyed by the codes of the API, with variants where the screen knows more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bank_app.domain import money
from bank_app.domain.text import isolated
from bank_app.errors import BankError, Invalid, OwnAccount
from bank_app.ui import words

SAFE = "No money has moved."

# Keys in capitals are variants and messages that only a screen has; keys in small letters are codes of the API.
CATALOGUE: Mapping[str, str] = {
    # What happened
    "TRANSFER_POSTED": "{amount} sent to {to}.",
    "TRANSFER_OWN_POSTED": "{amount} moved from {source} to {to}.",
    "DEPOSIT_POSTED": "{amount} added to {to}.",
    "WITHDRAW_POSTED": "{amount} withdrawn from {source}.",
    "IDEMPOTENT_REPLAY": "This was already sent at {time}. You were not charged twice.",
    "ACCOUNT_OPENED": "{account} is open. It starts at {amount}.",
    "ACCOUNT_OPENED_BEFORE": "{account} is open already. The form was sent twice and opened one account.",
    "ACCOUNT_RENAMED": "The account is now called {account}.",
    "BALANCE_PROVED": "{entries} up to {amount} — equal to the stored balance. {milliseconds} ms.",
    "BALANCE_OFF": "Books are off by {amount}. First affected account: {account}.",
    "BALANCE_BROKEN": "The sum is right, but entry {sequence} does not follow from the one before it.",
    "LEDGER_FAILED": "We couldn't load the ledger. Your balance above is current.",
    "PAYEE_SAVED": "{name} saved.",
    "PAYEE_RENAMED": "{name} is the name you see from now on.",
    "PAYEE_NOT_FOUND": "No account here has that number. Check it with the person you're paying.",
    "PAYEE_REMOVED": "{name} removed. Past payments stay in your history.",
    "PAYEE_OTHER_NAME": "The name on the account is not the one you saved. Check before you pay.",
    "TRANSFER_RECEIVED": "{who} sent you {amount}. {account} is now {balance}.",
    "NOTICES_MORE": "And {count}.",
    "NOTICES_READ": "{count} marked as read.",
    "NOTICES_NONE": "You're up to date.",
    # The laboratory
    "LAB_ISOLATED": "Runs use lab accounts in a separate database. Customers' money is never touched.",
    "LAB_HOLDING": "Money conserved: {total} of {expected}.",
    "LAB_BETWEEN": "{total} at this moment: transfers are half done while they are not units of work.",
    "LAB_BROKEN_LIVE": "Broken at {at} s: {what}.",
    "LAB_OVERDRAWN_LIVE": "Broken at {at} s: an account is below zero.",
    "LAB_STOPPED": "Stopped. {count} ran.",
    "LAB_BUSY": "Another run is using the lab ({seconds} s left). Yours is next.",
    "LAB_BUSY_MORE": "{count} runs come before yours ({seconds} s left, about).",
    "LAB_FAILED": "This run has no result. The bank is unaffected.",
    "LAB_NEVER_RAN": "This run has no result, because it never began.",
    "LAB_NO_RUN": "There is no run {number} here. Old runs make room for new ones.",
    "LAB_NO_REPORT": "This run has no report yet.",
    "LAB_CHOOSE": "Choose two to four strategies.",
    "LAB_BAD_LINK": "This link asks for something that the lab does not do. {why} The usual setup is shown instead.",
    # Amounts and forms
    "FORM_PROBLEM": "There is a problem",
    "AMOUNT_REQUIRED": "Enter an amount.",
    "AMOUNT_INVALID": "Enter the amount as a number, like {example}.",
    "AMOUNT_POSITIVE": "Enter an amount above {zero}.",
    "AMOUNT_DECIMALS": "Amounts in {currency} have {at_most}.",
    "AMOUNT_AMBIGUOUS": "Did you mean {suggestion}? If not, use {at_most}.",
    # Of a currency with three decimals: thousands, or decimals after the other mark.
    "AMOUNT_EITHER": "Did you mean {suggestion}? If not, write the decimals after “{mark}”.",
    "AMOUNT_OF_ADDRESS": "The address of this page has no amount of {currency} in it. Enter the amount.",
    "AMOUNT_TOO_LARGE": "That is more than this bank can record in one entry.",
    "MEMO_TOO_LONG": "Keep the note to 140 characters (now {count}).",
    "NAME_REQUIRED": "Enter your name.",
    "NAME_HIDDEN": "There is a character in the name that nobody can see. Type the name instead of pasting it.",
    "NAME_LONG": "Keep the name to 100 characters.",
    "EMAIL_INVALID": "Enter an email address, like ada@example.org.",
    "EMAIL_RESERVED": "Emails that end in @demo.test are those of the demo's people, who keep them.",
    "NICKNAME_TOO_LONG": "Keep the name to {limit} characters.",
    "DATE_INVALID": "Enter the date as a day, like 2026-11-20.",
    "MOMENT_INVALID": "Enter a day and a time, like 28 Sep 2026, 12:00.",
    "FILTER_UNKNOWN": "There is no {what} “{value}” to look for here.",
    "FILTER_LONG": "Look for at most {most} characters.",
    "FILTER_AMOUNT": "Enter the amount as a number, like 25 or 25.50, or choose a currency.",
    "FILTER_ACCOUNT": "Enter the ten digits of an account number.",
    "FILTER_KEY": "An idempotency key has letters, digits and signs of ASCII only.",
    "PERIOD_UNKNOWN": "Name a month, or a first and a last day.",
    "PERIOD_INVALID": "The last day must not be before the first.",
    # Who and which account
    "SOURCE_REQUIRED": "Choose the account that pays.",
    "TARGET_REQUIRED": "Choose the account that receives.",
    "RECIPIENT_REQUIRED": "Choose who to pay, or enter an account number.",
    "RECIPIENT_NAME_REQUIRED": "Enter the name on the account.",
    "RECIPIENT_FORMAT": "Account numbers have 10 digits. You entered {count}.",
    "RECIPIENT_CHARACTER": "Account numbers have 10 digits. You entered {character} among them.",
    "RECIPIENT_CHECK_DIGIT": "That number has a typo — its last two digits don't fit the rest.",
    "RECIPIENT_NOT_FOUND": f"No account here has that number. Check it with the person you're paying. {SAFE}",
    "RECIPIENT_CANNOT_RECEIVE": (
        f"This account can't receive money right now. Ask the person for another account. {SAFE}"
    ),
    "SOURCE_FROZEN": f"{{account}} is frozen, so money can't leave it. Contact {{bank}}. {SAFE}",
    "TARGET_FROZEN": f"{{account}} is frozen, so money can't arrive in it. Contact {{bank}}. {SAFE}",
    "SOURCE_CLOSED": f"{{account}} is closed. Choose another account. {SAFE}",
    "NAME_MATCH": "The name matches the account.",
    "NAME_CLOSE": "The account is in the name {suggestion}. You wrote “{typed}”.",
    "NAME_NONE": (
        "The name doesn't match this account. The owner's name is not shown, to protect them. "
        "Check with the person you're paying."
    ),
    "NAME_UNAVAILABLE": ("We couldn't check the name just now. You can wait, or continue if you trust the number."),
    "NAME_NOT_CHECKED": "Tick that you've checked, or change the name.",
    "STALE_BALANCE": (
        "Your balance changed while you were reviewing — it is now {available}, less than {what}. Change the amount."
    ),
    "CHECK_AGAIN": "You checked this more than 10 minutes ago. Look at it once more; nothing was sent.",
    "RECORD_INTACT": "Intact: the fingerprint fits, and both entries follow on the ones before them. {time} ms.",
    "RECORD_BROKEN": "Not intact. {problem} Tell {bank}, and give the reference above.",
    "CASH_AT_DESK": "{bank} takes and pays out cash at its desk. Ask an operator; the account number is enough.",
    "LIMIT_TRANSFER": f"{{account}} may pay {{limit_amount}} at once at most. {SAFE} {{bank}} can change the limit.",
    "LIMIT_DAILY": (
        f"{{account}} may pay {{limit_amount}} in a day (UTC): {{used}} has left it today, so {{remaining}} can. {SAFE}"
    ),
    "LIMIT_CASH": (
        f"Without an operator that is more cash than one person can move in a day (UTC): {{limit_amount}}, of which "
        f"{{remaining}} is left. {SAFE}"
    ),
    "HELD_BY_HOLDS": "Of its balance of {balance}, {held} is set aside; the largest part, {largest}, until {until}.",
    # Codes of the API
    "insufficient_funds": f"Not enough money. {{account}} has {{available}} available; this needs {{needed}}. {SAFE}",
    "account_frozen": f"The account is frozen. Contact {{bank}}. {SAFE}",
    "account_closed": f"The account is closed. Choose another account. {SAFE}",
    "account_not_found": "You don't have access to that account.",
    "account_not_empty": "Can't close: there is still money in it, or set aside. Move it out first.",
    "transaction_not_found": "This page doesn't exist, or isn't yours.",
    "not_found": "This page doesn't exist, or isn't yours.",
    "same_account": "Choose two different accounts.",
    "currency_mismatch": f"The two accounts are in different currencies. Choose accounts in the same currency. {SAFE}",
    "hold_not_found": "This page doesn't exist, or isn't yours.",
    "hold_not_open": f"This was already captured, released, or its time is over. {SAFE}",
    "limit_exceeded": f"That is more than this bank can record in one entry. {SAFE}",
    "invalid_amount": "Enter the amount as a number, like 25 or 25.50.",
    "invalid_account_number": "That number has a typo — its last two digits don't fit the rest.",
    "invalid_request": f"Something in the form could not be read. {SAFE}",
    "cooling_off": f"Your sign-in was recovered a short while ago, so this can't leave the account yet. {SAFE}",
    "COOLING_NEW_PAYEE": f"Your sign-in was recovered: until {{until}} you pay only whom you paid before. {SAFE}",
    "COOLING_TOOK_PART": f"Until {{until}} nothing goes by or to whoever helped to recover this sign-in. {SAFE}",
    "COOLING_LIMIT": (
        f"The sign-in was recovered: until {{until}} {{limit_amount}} may leave the account, of which {{remaining}} "
        f"is left. {SAFE}"
    ),
    "approval_required": f"A colleague has to approve this. {SAFE}",
    "approval_not_open": "This was decided before, or is too old. Look at what is true now.",
    "approval_outdated": "What would happen is not what was asked for, so this is closed. It has to be asked for anew.",
    "both_factors": "Whoever helped with one part of signing in helps with no other for a while. Two others have to.",
    "APPROVAL_ASKED": "Asked. It happens when a colleague approves it; it waits in the queue.",
    "APPROVAL_DONE": "Approved. It is done.",
    "APPROVAL_MAILED": "Approved. The second half was sent to the person by email.",
    "APPROVAL_REFUSED": "Refused. It won’t happen.",
    "APPROVAL_WITHDRAWN": "Withdrawn. It won’t happen.",
    "APPROVAL_GONE": "There is no such request.",
    "already_reversed": f"This was already reversed. {SAFE}",
    "precondition_failed": f"The account changed while you were looking at it. {SAFE}",
    "request_in_progress": "The first press is still being worked on. Nothing was sent twice.",
    "batch_too_large": f"That is too much to be posted as one. {SAFE}",
    "idempotency_key_reused": f"This transfer was already used with other details. Start a new one. {SAFE}",
    "overloaded": f"The bank is very busy right now. {SAFE} Try again in a moment.",
    "quota_reached": f"There are as many of these as there can be. End one first. {SAFE}",
    "quota_used_up": f"That is as much as the bank does for one person in a day. {SAFE} Try again tomorrow.",
    "passwords_busy": "Many people are signing in at this moment. Nothing was changed. Try again in a few seconds.",
    "lock_timeout": f"Others were writing for so long that we stopped waiting. {SAFE} Try again.",
    "database_unavailable": f"We can't reach the books right now. {SAFE} Try again in a moment.",
    "clock_wrong": f"The bank's clock is wrong, and an operator has to look at it. {SAFE} Try again later.",
    "outcome_unknown": (
        "We lost the connection before the bank answered. Don't send this again yet — "
        "we're checking with reference {reference}."
    ),
    "forbidden": "Your role ({role}) can look but not change this.",
    "OWN_ACCOUNT": f"This concerns an account of your own, so a colleague has to do it. {SAFE}",
    "OWN_ACCOUNT_DECISIONS": "This is your own account. A colleague decides about its limits, freezing and closing.",
    "OWN_TRANSACTION": "An account of your own is one side of this, so only a colleague can reverse it.",
    "too_many_requests": "Too many tries. Wait {retry_after} seconds.",
    "LIST_FULL": "This page holds {most} lines. Narrow the list by a time or a name to see others, or take a file.",
    "too_much_work": "That was a lot of reading for the bank. Wait {retry_after} seconds, or ask for a shorter period.",
    "large_work_running": "Another large download of yours is under way. Wait until it is done.",
    # What the bank's people do
    "REASON_REQUIRED": "Write a reason (at least 10 characters). It goes into the audit log.",
    "REASON_TOO_LONG": "Keep the reason to {limit} characters (now {count}).",
    "CAUSE_REQUIRED": "Choose what this puts right.",
    "FREEZE_DONE": "{account} frozen. Money can arrive but can't leave.",
    "FREEZE_ALL_DONE": "{account} frozen. Money can neither arrive nor leave.",
    "UNFREEZE_DONE": "{account} unfrozen.",
    "CLOSE_DONE": "{account} closed. It can be read, and nothing can move.",
    "CLOSE_BLOCKED_BALANCE": "Can't close: {amount} is still in it. Move it out first.",
    "CLOSE_BLOCKED_OVERDRAWN": "Can't close: it is {amount} below zero. Pay that in first.",
    "CLOSE_BLOCKED_PENDING": "Can't close: {amount} is set aside by {holds}. Release that first.",
    "LIMITS_SET": "Limits of {account} changed.",
    "OVERDRAFT_IN_USE": "{amount} more than this limit is already used.",
    "HOLD_RELEASED": "{amount} is available again.",
    "ATTEMPT_FROZEN": f"{{which}} was frozen. {SAFE}",
    "ATTEMPT_CLOSED": f"{{which}} was closed. {SAFE}",
    "REVERSAL_POSTED": "Reversed. {amount} returned to {to}; reference {reference} and its reversal are linked.",
    "REVERSAL_BLOCKED_FUNDS": f"Can't reverse: {{who}} has {{available}} available, {{amount}} is needed. {SAFE}",
    "REVERSAL_BLOCKED_FROZEN": f"Can't reverse: {{account}} of {{who}} is frozen. Unfreeze it first. {SAFE}",
    "REVERSAL_BLOCKED_CLOSED": f"Can't reverse: {{account}} of {{who}} is closed. {SAFE}",
    "REVERSAL_ALREADY": "Already reversed on {day} by {who}.",
    "REVERSAL_OF_REVERSAL": "A reversal is not reversed itself. Send the money in a new transfer instead.",
    # Proof
    "CHAIN_OK": "Chain intact: {count} checked in {seconds}.",
    "CHAIN_BUSY": "Somebody verifies the chain already. Wait until that is done.",
    "CHAIN_BROKEN": (
        "Chain broken at record {number}. Records before it are intact. Export the report and stop changes."
    ),
    "BOOKS_BALANCE": "Books balance: debits and credits are both {amount}.",
    "BOOKS_OFF": "Books are off by {amount}. First affected: {account}.",
    "BOOKS_BROKEN": "A rule of the books does not hold. First affected: {account}.",
    # Unknown outcome, resolved
    "OUTCOME_FOUND": "It went through at {time}.",
    "OUTCOME_NOT_RECEIVED": f"The bank never received it. {SAFE}",
    "LOST_BEFORE_CHECKING": f"The connection was lost before the bank answered. {SAFE} Continue once more.",
    "OFFLINE_SEND_BLOCKED": "You're offline, so nothing was sent. Your details are kept.",
    "SERVER_ERROR": "Something failed on our side. Reload the page to see what is true now.",
    # Signing in
    "invalid_credentials": "That email and password don't match.",
    "unauthenticated": "Sign in first.",
    "token_expired": "You were signed out after {minutes} minutes of inactivity. Nothing was sent.",
    "ENDED_SELF": "You are signed out.",
    "ENDED_ELSEWHERE": "You were signed out from another device of yours. Nothing was sent.",
    "ENDED_PASSWORD": "Your password was changed, so you were signed out here. Sign in with the new one.",
    "ENDED_SECOND_STEP": "Two-step sign-in was turned on, so you were signed out here. Sign in with both steps.",
    "ENDED_EMAIL": "Your email was changed, so you were signed out here. Sign in with the new one.",
    "ENDED_BANK": "{bank} signed you out. Nothing was sent. Ask an operator why.",
    "ENDED_REUSE": "A token of this sign-in was used twice, so it was ended. Sign in again.",
    "ENDED_RESTORE": "{bank} was restored from a backup, so everybody was signed out. Sign in again.",
    "ENDED_MANY": "You signed in at many other places, so you were signed out here. Nothing was sent.",
    "ENDED_IDLE": "You were signed out after {minutes} minutes of inactivity. Nothing was sent.",
    "ENDED_TIME": "You were signed out because a sign-in lasts {hours} hours at most. Nothing was sent.",
    "ENDED_UNKNOWN": "You are not signed in any more. Nothing was sent.",
    "last_admin": "{bank} needs at least one admin.",
    "email_taken": "An account with this email exists. Sign in instead.",
    "second_factor_required": "Enter the code of your authenticator app as well.",
    "second_factor_wrong": "That code isn't right. Codes change every 30 seconds.",
    "SIGNIN_LOCKED": "Too many failed tries. Try again in {wait}, or ask {bank} to unlock your account.",
    "TWOFA_WRONG": "That code isn't right. Codes change every 30 seconds.",
    "second_factor_used": "That code was used already. Wait for the next one.",
    "TWOFA_USED": "That code was used already. Wait for the next one.",
    "TWOFA_RECOVERY_USED": "That recovery code was used already. Take another one.",
    "refresh_token_used": "This was exchanged before. Sign in again.",
    "TWOFA_EXPIRED": "That code has expired. Enter the newest one.",
    "second_factor_unreadable": "This bank lacks the key of your second step, so no code of your app can be checked. "
    "Use a recovery code, or ask whoever runs the bank. It was not counted as a wrong try.",
    "TWOFA_TOO_LATE": "That took longer than five minutes. Sign in again.",
    "step_up_required": "This takes a fresh code of your second step.",
    "STEP_UP": "This takes a fresh code of your second step.",
    "STEP_UP_FILE": "A file of all customers takes a fresh code of your second step.",
    "STEP_UP_GIVEN": "Right. Your file is ready.",
    "STEP_UP_HINT": "Six digits from your app, or one of your recovery codes.",
    "STEP_UP_BESIDE": "Six digits from your app, or a recovery code. Leave it empty if you gave one a moment ago.",
    "enrolment_required": "This bank asks you to sign in in two steps. Set that up first.",
    "TWOFA_FIRST": "This bank asks you to sign in in two steps. Everything else waits until you have set it up.",
    "TWOFA_DEMANDED": "This bank asks you to sign in in two steps, so it stays on.",
    "TWOFA_ON": "Two-step sign-in is on.",
    "TWOFA_OFF": "Two-step sign-in is off. Your password is enough to sign in.",
    "RECOVERY_CODES_NEW": "These are your new recovery codes. The ones before no longer work.",
    "EMAIL_CONFIRMED": "You sign in with your new email from now on. Other devices were signed out.",
    "EMAIL_KEPT": "You keep signing in with {email}.",
    "EMAIL_CHANGE_GONE": "No email waits to be confirmed any more. Ask an operator to propose it again.",
    "DETAILS_SAVED": "{person}: the record is right now.",
    "DETAILS_PROPOSED": "{person} has to confirm {email} first; until then the old email stays.",
    "DETAILS_SAME": "Nothing was changed: name and email are the ones on record.",
    "NOTE_ADDED": "Note added. It stays as it is.",
    "SIGN_IN_DISABLED": "{person} can't sign in any more, and was signed out everywhere.",
    "SIGN_IN_ENABLED": "{person} can sign in again.",
    "SIGN_IN_UNLOCKED": "{person} can try to sign in again at once.",
    "SECOND_STEP_RESET": "Two-step sign-in of {person} is off. The password is enough to sign in.",
    "SIGNED_OUT_EVERYWHERE": "{person} was signed out: {count} ended.",
    "SIGNED_OUT_NOWHERE": "{person} was not signed in anywhere.",
    "ROLE_CHANGED": "The new role counts from the next press on.",
    "EMAIL_IN_USE": "Somebody is registered with this email.",
    "ROLE_REQUIRED": "Choose what the new colleague may do.",
    "NAME_REQUIRED_OF_OTHERS": "Enter a name of 1 to 100 characters.",
    "PERSON_NAME_REQUIRED": "Enter the name of your colleague.",
    "PASSWORD_CHANGED": "Password changed. Other devices were signed out.",
    "PASSWORD_CHOSEN": "Your new password is set. Sign in with it.",
    "PASSWORD_NOT_YOURS": "That is not your password.",
    "PASSWORD_SAME": "That is the password you have. Choose another.",
    "PASSWORD_LONG": "Use at most 128 characters.",
    "LINK_IN_ADDRESS": "Links with their secret in the middle of the address are not used any more, because "
    "addresses end up in logs. Ask an operator for a new one.",
    "LINK_NOT_VALID": "These were used, are not right, or their 30 minutes are over. Ask an operator for new ones.",
    "NO_EMAIL_HERE": "Ask the bank: two of its people, or one and an email, give you one half of a code each.",
    "SESSION_ENDED": "Signed out {device}.",
    "SESSIONS_ENDED": "Signed out {count} everywhere else.",
    "PREFERENCES_SAVED": "Saved. Pages look like this from now on.",
    "SETUP_TOKEN": "That token isn't right. It is in the server log, on the line starting SETUP TOKEN.",
    "BANK_NAME_INVALID": "Enter a name of 1 to 40 characters for the bank.",
    "BANK_NAME_HIDDEN": "There is a character in the bank's name that nobody can see. Type it instead of pasting it.",
    "BANK_NAME_LONG": "Keep the bank's name to 40 characters.",
    "SIGNUP_NOT_YET": "{bank} is not set up yet. Come back once somebody runs it.",
    "SIGNUP_DISABLED": "{bank} is invite-only. Ask an operator for an invitation.",
    "PASSWORD_SHORT": "Use at least 12 characters. A few words work well.",
    "PASSWORD_COMMON": "This password is easy to guess. Choose another; a few words work well.",
}

_AMOUNTS = (
    *("available", "needed", "shortfall", "amount", "balance", "held", "overdraft_limit"),
    *("limit_amount", "used", "remaining"),
)


class _Blanks(dict[str, str]):
    """Leaves out what is not known rather than failing while an error is shown."""

    def __missing__(self, key: str) -> str:
        return "" if key != "retry_after" else "a few"


def say(key: str, **facts: Any) -> str:
    """One sentence of the catalogue with its facts filled in."""
    return CATALOGUE[key].format_map(_Blanks({name: isolated(str(value)) for name, value in facts.items()}))


@dataclass(frozen=True)
class Refusal:
    """An error as a page shows it: the sentence, and the code for whoever helps."""

    text: str = ""
    code: str = ""


def refusal(error: BankError, *, variant: str = "", **facts: Any) -> Refusal:
    """The message of an error: the variant that the page knows to be right, else the one of its code."""
    known = {name: _shown(name, value, error.details) for name, value in error.details.items()}
    known = {"account": "The account", "bank": "The bank", **known}
    key = variant or _variant(error)
    text = say(key, **{**known, **facts}) if key in CATALOGUE else error.detail
    if error.code == "insufficient_funds" and (holds := error.details.get("holds")):
        text += " " + say("HELD_BY_HOLDS", **known, **_largest(holds[0], error.details))
    return Refusal(text, error.code)


def _variant(error: BankError) -> str:
    """The message that says more than the one of the code: which limit is in the way, or that it is one's own."""
    if isinstance(error, OwnAccount):
        return "OWN_ACCOUNT"
    if error.code == "cooling_off" and "until" in error.details:
        return f"COOLING_{str(error.details.get('why')).upper()}"
    limit = error.details.get("limit") if error.code == "limit_exceeded" else None
    return f"LIMIT_{str(limit).upper()}" if limit else error.code


def _largest(hold: Mapping[str, str], details: Mapping[str, Any]) -> dict[str, str]:
    until = datetime.fromisoformat(hold["expires_at"])
    return {"largest": _shown("amount", hold["amount"], details), "until": words.when(until)}


def _shown(name: str, value: Any, details: Mapping[str, Any]) -> str:
    """A fact of an error as people read it: amounts with their currency, the rest as it is."""
    currency = details.get("currency")
    if name == "until":
        return words.when(datetime.fromisoformat(str(value)))
    if name in _AMOUNTS and isinstance(currency, str):
        try:
            return money.display(money.from_text(str(value), currency), currency)
        except ValueError:
            return f"{value} {currency}"
    return str(value)


def reason_problem(error: Invalid) -> str:
    """What is wrong with a reason that the audit log was to keep."""
    [found, *_] = error.details.get("errors") or [{}]
    return say("REASON_REQUIRED") if found.get("code") == "too_short" else error.detail


def amount_problem(problem: str, currency: str, suggestion_minor: int | None = None) -> str:
    """What is wrong with an amount that a person typed."""
    kind = money.currency(currency)
    either = problem == "AMOUNT_AMBIGUOUS" and kind.digits >= money.GROUP
    return say(
        "AMOUNT_EITHER" if either else problem,
        example=" or ".join(dict.fromkeys((f"{25}", money.write(kind.unit * 51 // 2, currency)))),
        mark=money.decimal_mark(),
        zero=money.display(0, currency),
        currency=kind.name,
        at_most=f"at most {money.decimals(kind)}" if kind.digits else "no decimals",
        suggestion=money.display(suggestion_minor, currency) if suggestion_minor is not None else "",
    )
