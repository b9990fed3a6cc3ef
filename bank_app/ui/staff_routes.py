"""The form that gives somebody another role. Posted by the browser itself, because it carries a password."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from bank_app.database import Database
from bank_app.domain.accounting import Role
from bank_app.errors import BankError, Invalid
from bank_app.services import approvals
from bank_app.services.approvals import State
from bank_app.settings import Settings
from bank_app.ui import calls, forms, lookups, native_forms

USERS = "/ops/users"


def add_to(routes: FastAPI, db: Database, settings: Settings) -> None:
    """Adds the route."""

    @routes.post("/auth/role")
    async def change_role(request: Request) -> Response:
        form, actor, refused = await native_forms.signed_in(request, db, settings, USERS)
        if refused or actor is None:
            return refused or native_forms.foreign(request)
        user_id, role = forms.identifier(form.get("user")), forms.field(form, "role", 10)
        if user_id is None:
            return RedirectResponse(USERS, 303)
        page, reason = f"{USERS}/{user_id}", forms.field(form, "reason", 1_500)
        typed = {"reason": reason, "role": role}
        if role not in set(Role):
            return native_forms.back(page, Invalid(), settings, typed, "", problem="ROLE_REQUIRED")
        try:
            lookups.count_form(native_forms.whence(request, settings)["address"], settings)
            actor = await native_forms.with_code(form, db, actor)
            asked = await calls.call_hashing(
                approvals.ask_for_role, db, actor, user_id, role=Role(role), reason=reason,
                password=native_forms.password(form),
            )  # fmt: skip
        except BankError as error:
            return native_forms.back(page, error, settings, typed, "", problem=_problem(error))
        return RedirectResponse(
            f"{USERS}?done={'ROLE_CHANGED' if asked.state is State.DONE else 'APPROVAL_ASKED'}", 303
        )


def _problem(error: BankError) -> str:
    if isinstance(error, Invalid):
        return "REASON_REQUIRED"
    return "PASSWORD_NOT_YOURS" if error.code == "invalid_credentials" else ""
