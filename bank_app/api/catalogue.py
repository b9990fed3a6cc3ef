"""What every code of the API means to a client and what to do about it: one entry per code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bank_app import errors


@dataclass(frozen=True, slots=True)
class Meaning:
    """Why a code is answered, and what whoever gets it should do."""

    why: str
    do: str


CATALOGUE: Mapping[str, Meaning] = {
    "malformed_json": Meaning(
        "The body is not one JSON document in UTF-8, or it names a field twice.", "Correct the body and send it again."
    ),
    "unauthenticated": Meaning(
        "No access token came with the request, or one that this bank does not accept.",
        "Sign in with POST /api/v1/auth/login and send the access token as `Authorization: Bearer …`.",
    ),
    "invalid_credentials": Meaning(
        "The email and the password do not belong together; which of them is wrong is not said.",
        "Check both. After several failures the next try has to wait.",
    ),
    "second_factor_required": Meaning(
        "Email and password are right, and this person signs in with a code as well.",
        "Send the same again with `otp`: six digits from the authenticator app, or a recovery code.",
    ),
    "second_factor_wrong": Meaning(
        "Email and password are right and the code is not. With `reason` `expired` it was right once: its half minute "
        "is over, or it was used before.",
        "Send the newest code; each is good for one sign-in. Failures count like wrong passwords.",
    ),
    "second_factor_used": Meaning(
        "Email and password are right, and the code was used before: each is good for one use. `reason` is `app`, "
        "`newer` when a newer code of the app was used, or `recovery`. It does not count as a wrong guess.",
        "Wait `retry_after` seconds for the app's next code, or take another recovery code.",
    ),
    "second_factor_unreadable": Meaning(
        "The bank does not have the key that this person's second step was sealed with, so no code of an app can be "
        "checked. It does not count as a wrong guess.",
        "Send a recovery code, or ask whoever runs the bank to put the key back or to reset the second step.",
    ),
    "refresh_token_used": Meaning(
        "The refresh token was exchanged before. Within ten seconds of that the sign-in goes on (`signed_out` is "
        "false) and the answer of the first exchange stays good; later the whole sign-in ends (`signed_out` is true).",
        "Use the tokens of the first exchange; if nobody has them, sign in again.",
    ),
    "token_expired": Meaning(
        "The access token was valid and its time is over.",
        "Exchange the refresh token with POST /api/v1/auth/refresh and repeat the request.",
    ),
    "forbidden": Meaning(
        "Whoever is signed in may see this and may not do it.", "Ask somebody whose role allows it, such as a teller."
    ),
    "enrolment_required": Meaning(
        "This bank demands two-step sign-in of this person (`BANK_SECOND_STEP`), and it is not set up yet. Nothing was "
        "done, and a refresh token that was sent is still good.",
        "Sign in with a browser, which leads to setting it up, and then sign in here with `otp`.",
    ),
    "step_up_required": Meaning(
        "This person signs in in two steps and has given no code within the last minutes, which "
        "this takes: roles, helping somebody to sign in, files of all customers, and payments above the bank's limit. "
        "Nothing was done, and nothing is kept under the key.",
        "Send a new code as `otp` to POST /api/v1/auth/step-up, and then the same again, with the same key.",
    ),
    "not_found": Meaning("Nothing is at this address.", "Check the address against the reference at /api/v1/docs."),
    "account_not_found": Meaning(
        "No account has this number, or it is an account that the caller may not use. The two are not told apart.",
        "Check the number with the person who gave it.",
    ),
    "transaction_not_found": Meaning(
        "No transaction has this id, or none of its sides is the caller's. The two are not told apart.", "Check the id."
    ),
    "hold_not_found": Meaning(
        "No hold has this id, or it is on an account that is not the caller's. The two are not told apart.",
        "Check the id.",
    ),
    "request_timeout": Meaning(
        "The body of the request did not come in the time that it has; nothing was done with what came.",
        "Send the whole body at once, with the same key.",
    ),
    "misdirected_request": Meaning(
        "The `Host` of the request is none of the names under which this bank answers.",
        "Use the bank's public address. Whoever runs it names further ones in BANK_HOSTS.",
    ),
    "method_not_allowed": Meaning(
        "The address exists and does not answer this method.", "Use one of the methods in the `Allow` header."
    ),
    "body_too_large": Meaning("The body is larger than 1 MiB.", "Send less at once."),
    "unsupported_media_type": Meaning("The body is not declared as JSON.", "Send `Content-Type: application/json`."),
    "insufficient_funds": Meaning(
        "Booked balance less holds plus overdraft limit does not cover the amount. "
        "`available` and `shortfall` say how much there is and how much is missing; `balance`, `held` and "
        "`overdraft_limit` say why, and `holds` names the largest holds that are in the way.",
        "Send a smaller amount, put money into the account first, or release a hold.",
    ),
    "account_frozen": Meaning(
        "The account is frozen: for debits money cannot leave it, for all it cannot arrive either.",
        "A teller can open it again.",
    ),
    "account_closed": Meaning("The account is closed, for good.", "Use another account."),
    "account_not_empty": Meaning(
        "An account that still has money or open holds cannot be closed.", "Move the balance out first."
    ),
    "limit_exceeded": Meaning(
        "The amount is more than the account may pay at once (`limit` is `transfer`) or has left to pay today in UTC "
        "(`daily`; see `used` and `remaining`), or more cash than a customer may move in a day without a teller "
        "(`cash`), or the balance that it would make is more than the bank can record.",
        "Send a smaller amount, wait for the next day, or ask a teller to raise the limit.",
    ),
    "cooling_off": Meaning(
        "The account's owner was helped to sign in again a short while ago. Until `until` nothing leaves it by or to "
        "whoever helped (`why` is `took_part`), to whom was not paid before (`new_payee`), or beyond a low limit "
        "(`limit`; see `limit_amount` and `remaining`).",
        "Wait until then, or pay less, to somebody who was paid before.",
    ),
    "approval_required": Meaning(
        "At this bank this takes two people. Nothing was done.",
        "Ask for it with POST /api/v1/approvals, with the `kind` and `subject` of this answer.",
    ),
    "approval_not_open": Meaning(
        "The request was approved, refused, withdrawn or is too old; `state` says which.",
        "Read the request; ask anew if it is still wanted.",
    ),
    "approval_outdated": Meaning(
        "What would happen now is not what was asked for, or not what you read, or whoever asked may not ask for it "
        "any more. The request is closed.",
        "Look at what is true now, and have it asked for anew.",
    ),
    "both_factors": Meaning(
        "Whoever helped a person with the password helps nobody with their second step for a while, and the other way "
        "round: both together are that person.",
        "Let two other colleagues do it, or wait.",
    ),
    "hold_not_open": Meaning(
        "The hold was captured or released before, or its time is over; `hold_status` says which.",
        "Read the hold. Captured money is in its `transaction_id`; otherwise place a new hold.",
    ),
    "already_reversed": Meaning(
        "A transaction has one reversal at most, and this one has it.", "Read the transaction; `reversed_by` names it."
    ),
    "precondition_failed": Meaning(
        "The account's `version` is no longer the one in `if_version`: something was posted in between.",
        "Read the account again, decide again, and send the new version.",
    ),
    "currency_mismatch": Meaning(
        "The two accounts are kept in different currencies.", "Choose two accounts of the same currency."
    ),
    "last_admin": Meaning(
        "Without this person nobody could manage people any more.", "Make somebody else an admin first."
    ),
    "email_taken": Meaning("Somebody is registered with this email.", "Sign in instead, or use another email."),
    "request_in_progress": Meaning(
        "The first request with this idempotency key is still being worked on.",
        "Wait as long as `Retry-After` says and repeat the same request with the same key.",
    ),
    "invalid_request": Meaning(
        "A field is missing, unknown, or not of the right form. `errors` names each of them.",
        "Correct the fields and send the request again.",
    ),
    "invalid_amount": Meaning(
        "The amount is not a plain positive decimal with at most as many decimals as its currency has.",
        'Send a decimal string such as "12.34": no sign, no exponent, no grouping.',
    ),
    "invalid_account_number": Meaning(
        "An account number has ten digits of which the last two check the others.",
        "Look for a typing mistake: the number as it was sent cannot exist.",
    ),
    "same_account": Meaning("Money cannot move from an account to itself.", "Choose two different accounts."),
    "batch_too_large": Meaning(
        "Nobody else can post between the items of an atomic batch, so a customer's may have `most` of them.",
        "Send it in parts, or without `atomic`: then it may have 10,000.",
    ),
    "idempotency_key_reused": Meaning(
        "The idempotency key was used before, with another body or at another address.",
        "Use a new key for a new request, and the same key only to repeat the same request.",
    ),
    "too_many_requests": Meaning(
        "Too many requests came from this address or this person.", "Wait as long as `Retry-After` says."
    ),
    "too_much_work": Meaning(
        "What this person asked for lately made the bank read or write so much that others come first now. Requests "
        "are counted apart from that.",
        "Wait as long as `Retry-After` says; read smaller periods, and narrow searches by an account or a time.",
    ),
    "large_work_running": Meaning(
        "Another large download or batch of this person is still under way, and everybody has one at a time.",
        "Wait until it is done, or end it, and ask again.",
    ),
    "lock_timeout": Meaning(
        "Many requests wanted the same account at once and this one stopped waiting. Nothing was written.",
        "Repeat it after `Retry-After`; with an idempotency key that is always safe.",
    ),
    "overloaded": Meaning(
        "More requests wait, or more large downloads are open, than the bank is willing to have. Nothing was written.",
        "Repeat it after `Retry-After`; with an idempotency key that is always safe.",
    ),
    "quota_reached": Meaning(
        "As many open accounts, or open holds on an account, as there can be (`most`) are there already.",
        "Close one, or release one, and send it again.",
    ),
    "quota_used_up": Meaning(
        "What one person's requests leave behind for ever has a bound for each day, and registering one for each hour. "
        "`quota` says which it is, `most` how many there can be. Nothing was done.",
        "Repeat it after `Retry-After`.",
    ),
    "passwords_busy": Meaning(
        "Checking a password takes the bank a moment on purpose, and more people wait for that than it keeps waiting. "
        "Nothing was done.",
        "Repeat it after `Retry-After`. Who is signed in notices nothing.",
    ),
    "database_unavailable": Meaning(
        "The database cannot be reached, or cannot write. Nothing was written.",
        "Repeat it after `Retry-After`; with an idempotency key that is always safe.",
    ),
    "clock_wrong": Meaning(
        "The clock of the bank cannot be right: it differs from that of the database server, or the books ended long "
        "before it. Nothing was written, because what is dated wrongly stays so.",
        "An operator has to look; repeat it after `Retry-After`, with an idempotency key.",
    ),
    "outcome_unknown": Meaning(
        "The connection was lost while the database was asked to make the change final, and it did not come back.",
        "Repeat the same request with the same idempotency key: the answer will be what truly happened.",
    ),
    "internal_error": Meaning(
        "Something failed on the bank's side.",
        "Tell the bank the `request_id`. With an idempotency key it is safe to repeat the request.",
    ),
}


def titles() -> dict[str, str]:
    """The titles of the errors that the services raise, by code."""
    return {leaf.code: leaf.title for leaf in errors.leaves()}
