"""Which requests to the API show what a page shows, and how they are written for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bank_app.domain import money
from bank_app.domain.identifiers import account_number_text
from bank_app.services.drafts import DraftView
from bank_app.services.transfers import TransactionView

API = "/api/v1"
TOKEN = "$TOKEN"  # noqa: S105 - the name of a variable of the reader's shell


@dataclass(frozen=True)
class Request:
    """One request. `body` is JSON text."""

    method: str
    path: str
    says: str
    key: str = ""
    body: str = ""


_ACCOUNTS = ("/accounts", "Your accounts with their balances")
_BOOKS = ("/integrity", "Whether the books balance: every posting added up again")
_EVERYBODY = ("/accounts?limit=25", "Everybody's accounts, newest first")
_NEWEST = ("/transactions?limit=25", "The newest transactions of the bank")
_ME = ("/me", "Who you are to the API")
# Names in braces come from the page's own address; `{first}` is the first account of the reader.
_OF_ROUTES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "/home": (_ACCOUNTS, ("/accounts/{first}/history?limit=8", "The newest entries of the first of them")),
    "/accounts": (_ACCOUNTS,),
    "/accounts/[account_id]": (
        ("/accounts/{account_id}", "The account"),
        ("/accounts/{account_id}/history?limit=25", "Its entries, newest first, each with the balance after it"),
        ("/accounts/{account_id}/balance", "Its balance; with ?at= as of any moment"),
    ),
    "/move": (_ACCOUNTS,),
    "/move/transfer": (_ACCOUNTS,),
    "/move/deposit": (_ACCOUNTS,),
    "/move/withdraw": (_ACCOUNTS,),
    "/move/review/[draft_id]": (_ACCOUNTS,),
    "/transactions/[transaction_id]": (("/transactions/{transaction_id}", "The transaction as you may see it"),),
    "/statements": (
        ("/accounts/{first}/statement?month={month}", "A month: opening, in, out, closing and every entry"),
    ),
    "/statements/[account_id]": (("/accounts/{account_id}/statement?month={month}", "The month as JSON"),),
    "/activity": (_ACCOUNTS, ("/accounts/{first}/history?limit=25", "The entries of one account")),
    "/payees": (("/payees/check?account_id={first}&name=Ada", "Whether a name belongs to an account"),),
    "/ops": (_EVERYBODY, _BOOKS),
    "/ops/accounts": (_EVERYBODY,),
    "/ops/accounts/[account_id]": (
        ("/accounts/{account_id}", "The account"),
        ("/accounts/{account_id}/history?limit=25", "Its entries, newest first"),
        ("/holds?account_id={account_id}", "What is set aside on it"),
    ),
    "/ops/transactions": (_NEWEST,),
    "/ops/transactions/[transaction_id]": (("/transactions/{transaction_id}", "The transaction, both sides"),),
    "/ops/transactions/[transaction_id]/reverse": (("/transactions/{transaction_id}", "What would be reversed"),),
    "/ops/customers": (_EVERYBODY,),
    "/ops/customers/[user_id]": (("/accounts?owner_id={user_id}", "This customer's accounts"),),
    "/ops/audit": (("/audit?limit=25", "The newest records of the audit trail"),),
    "/ops/security": (
        ("/security-alarms", "What of the last hour should make somebody look"),
        ("/security-events?limit=25", "The newest security events"),
    ),
    "/ops/books": (_BOOKS,),
}


def of_page(route: str, values: Mapping[str, str]) -> list[Request]:
    """The requests behind a page; those that need a value that is not there are left out."""
    found, values = [], {name: quote(value, safe="") for name, value in values.items()}
    for path, says in _OF_ROUTES.get(route, (_ME,)):
        try:
            found.append(Request("GET", API + path.format_map(values), says))
        except KeyError:
            continue
    return found or [Request("GET", f"{API}/me", _ME[1])]


def of_draft(draft: DraftView) -> Request:
    """What sending a draft asks of the API."""
    sides = (draft.from_account_id, draft.to_account_id)
    body = _body(draft.kind, sides, money.to_text(draft.amount_minor, draft.currency), draft.description)
    says = "What Send sends. The key makes it once only"
    return Request("POST", f"{API}/transactions/{draft.kind}", says, draft.key, body)


def of_transaction(view: TransactionView, key: str) -> Request:
    """What posted a transaction, with the key it was sent under."""
    sides = (view.postings[0].account_id, view.postings[-1].account_id)
    numbers = tuple(int(side) if side.isdigit() else None for side in sides)
    body = _body(view.type.value, numbers, money.to_text(view.amount_minor, view.currency), view.description)
    says = "What posted it. Sent again under the same key it is answered with this transaction"
    return Request("POST", f"{API}/transactions/{view.type.value}", says, key, body)


def _body(kind: str, sides: tuple[int | None, ...], amount: str, description: str | None) -> str:
    sender, receiver = (None if side is None else account_number_text(side) for side in sides)
    wanted = (
        {"from_account_id": sender, "to_account_id": receiver}
        if kind == "transfer"
        else {"account_id": sender if kind == "withdraw" else receiver}
    )
    body = {**wanted, "amount": amount, **({"description": description} if description else {})}
    return json.dumps(body, ensure_ascii=False)


def curl(request: Request, origin: str) -> str:
    """For a terminal; the token is a variable."""
    lines = [f"curl -X {request.method} {_quoted(origin + request.path)}", f'-H "Authorization: Bearer {TOKEN}"']
    if request.key:
        lines.append(f"-H {_quoted('Idempotency-Key: ' + request.key)}")
    if request.body:
        lines += ["-H 'Content-Type: application/json'", f"-d {_quoted(request.body)}"]
    return " \\\n  ".join(lines)


def python(request: Request, origin: str) -> str:
    """The same in Python, with httpx."""
    headers = 'headers = {"Authorization": f"Bearer {token}"' + (
        f', "Idempotency-Key": {request.key!r}}}' if request.key else "}"
    )
    sent = f", json={json.loads(request.body)!r}" if request.body else ""
    verb = request.method.lower()
    asked = f"answer = httpx.{verb}({origin + request.path!r}, headers=headers{sent})"
    return f"import httpx\n\n{headers}\n{asked}\nprint(answer.json())"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
