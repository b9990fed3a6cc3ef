"""Registering, signing in and out, and who is signed in."""

from __future__ import annotations

from fastapi import APIRouter, Request

from bank_app.api.dependencies import Bank, SignedIn
from bank_app.api.documents import operation_id, problems
from bank_app.api.requests import ActorRoute, PublicRoute, client_address
from bank_app.api.schemas import LoginIn, RefreshIn, RegisterIn, TokensOut, UserOut
from bank_app.errors import Forbidden
from bank_app.services import auth

public = APIRouter(
    prefix="/api/v1/auth", route_class=PublicRoute, tags=["Signing in"], generate_unique_id_function=operation_id
)
signed_in = APIRouter(
    prefix="/api/v1", route_class=ActorRoute, tags=["Signing in"], generate_unique_id_function=operation_id
)


@public.post(
    "/register",
    status_code=201,
    summary="Become a customer",
    response_description="You can sign in now.",
    responses=problems("forbidden", "email_taken", body=True),
)
def register(body: RegisterIn, bank: Bank) -> UserOut:
    """Makes a person who can sign in. Opens no account and moves no money; the role is always customer."""
    if not bank.settings.sign_up:
        raise Forbidden("This bank is invite-only. Ask an operator for an invitation.")
    return UserOut.of(auth.register(bank, email=body.email, name=body.name, password=body.password))


@public.post(
    "/login",
    summary="Sign in",
    response_description="Tokens of a new sign-in.",
    responses=problems("invalid_credentials", body=True),
)
def login(body: LoginIn, bank: Bank, request: Request) -> TokensOut:
    """Exchanges email and password for an access token (15 minutes) and a refresh token (30 days, one use)."""
    pair = auth.issue_tokens(
        bank,
        email=body.email,
        password=body.password,
        address=client_address(request, bank.settings),
        user_agent=request.headers.get("user-agent", ""),
    )
    return TokensOut.of(pair)


@public.post(
    "/refresh",
    summary="Renew the tokens",
    response_description="The next pair; the refresh token sent is used up.",
    responses=problems("unauthenticated", body=True),
)
def refresh(body: RefreshIn, bank: Bank) -> TokensOut:
    """Exchanges a refresh token for a new pair. One that comes a second time ends the sign-in that it belongs to."""
    return TokensOut.of(auth.refresh_tokens(bank, refresh_token=body.refresh_token))


@signed_in.post(
    "/auth/logout",
    status_code=204,
    summary="Sign out",
    response_description="Both tokens of this sign-in are worthless now.",
    responses=problems("unauthenticated", "token_expired"),
)
def logout(actor: SignedIn, bank: Bank) -> None:
    """Ends the sign-in that the access token belongs to."""
    auth.revoke(bank, actor)


@signed_in.get(
    "/me",
    summary="Who am I",
    response_description="You.",
    responses=problems("unauthenticated", "token_expired"),
)
def me(actor: SignedIn) -> UserOut:
    """Whom the bank takes you for, as of now."""
    return UserOut.of(actor)
