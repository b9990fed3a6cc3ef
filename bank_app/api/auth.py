"""Registering, signing in and out, and who is signed in."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from bank_app import clock
from bank_app.api import schemas
from bank_app.api.dependencies import Bank, SignedIn
from bank_app.api.documents import operation_id, problems
from bank_app.api.requests import ActorRoute, HashingRoute, PublicRoute, client_address
from bank_app.api.values import Time
from bank_app.domain.accounting import Role
from bank_app.services import auth, first_setup, step_up
from bank_app.services.actor import Actor
from bank_app.services.hashing import desk

hashing = APIRouter(
    prefix="/api/v1/auth", route_class=HashingRoute, tags=["Signing in"], generate_unique_id_function=operation_id
)
public = APIRouter(
    prefix="/api/v1/auth", route_class=PublicRoute, tags=["Signing in"], generate_unique_id_function=operation_id
)
signed_in = APIRouter(
    prefix="/api/v1", route_class=ActorRoute, tags=["Signing in"], generate_unique_id_function=operation_id
)


class RegisterIn(schemas.Request):
    """A person who wants to be a customer."""

    email: str = Field(
        max_length=254,
        description="What you sign in with.",
        examples=["ada@example.org"],
        json_schema_extra={"minLength": 3, "format": "email"},
    )
    name: str = Field(
        max_length=1_000,
        description="1 to 100 characters as people count them, as others see you.",
        examples=["Ada Lindqvist"],
        json_schema_extra={"minLength": 1, "maxLength": 400, "pattern": r"\S"},
    )
    # What is longer than the rule allows and yet no attack is told so by the rule, in its own words.
    password: str = Field(
        max_length=1024,
        description="12 to 128 characters and not one of those that people try first.",
        examples=["violet harbour seven lamps"],
        json_schema_extra={"minLength": 12, "maxLength": 128},
    )


class LoginIn(schemas.Request):
    """Who signs in."""

    email: str = Field(max_length=254, description="The email you registered with.", examples=["ada@example.org"])
    password: str = Field(max_length=1024, description="Your password.", examples=["violet harbour seven lamps"])
    otp: str | None = Field(
        default=None,
        max_length=32,
        description="The code of the authenticator app, or a recovery code, for people who sign in in two steps.",
        examples=["123456"],
    )


class RefreshIn(schemas.Request):
    """A refresh token to be exchanged."""

    refresh_token: str = Field(
        max_length=200,
        description="From the last sign-in or refresh; good for one use.",
        examples=["kZ9wq3mXc1s0bV7tR2nLh5yE8uAfGd4J"],
    )


class TokensOut(schemas.Answer):
    """Tokens of one sign-in."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`. A signed JWT; its content is ours.")
    refresh_token: str = Field(description="For POST /auth/refresh, once. Used again later, it ends the sign-in.")
    token_type: Literal["bearer"] = Field(default="bearer", description="Always `bearer`.")
    expires_in: int = Field(description="Seconds that the access token lasts.", examples=[900])

    @classmethod
    def of(cls, pair: auth.TokenPair) -> Self:
        """From the service's view."""
        return cls(access_token=pair.access_token, refresh_token=pair.refresh_token, expires_in=pair.expires_in)


class UserOut(schemas.Answer):
    """A person."""

    id: UUID = Field(description="The person's id, also the `owner_id` of his accounts.")
    email: str = Field(description="What he signs in with.", examples=["ada@example.org"])
    name: str = Field(description="His name as others see it.", examples=["Ada Lindqvist"])
    role: Role = Field(description="customer: own accounts; teller: any account; auditor: reads all; admin: all.")

    @classmethod
    def of(cls, actor: Actor) -> Self:
        """From the service's view."""
        return cls(id=actor.user_id, email=actor.email, name=actor.name, role=actor.role)


@hashing.post(
    "/register",
    status_code=201,
    summary="Become a customer",
    response_description="You can sign in now.",
    responses=problems("forbidden", "email_taken", "passwords_busy", "quota_used_up", body=True),
)
async def register(body: RegisterIn, bank: Bank) -> UserOut:
    """Makes a person who can sign in. Opens no account and moves no money; the role is always customer."""
    return UserOut.of(
        await desk.run(first_setup.sign_up, bank, email=body.email, name=body.name, password=body.password)
    )


@hashing.post(
    "/login",
    summary="Sign in",
    response_description="Tokens of a new sign-in.",
    responses=problems(
        "invalid_credentials",
        "second_factor_required",
        "second_factor_wrong",
        "second_factor_used",
        "second_factor_unreadable",
        "passwords_busy",
        "enrolment_required",
        body=True,
    ),
)
async def login(body: LoginIn, bank: Bank, request: Request) -> TokensOut:
    """Exchanges email and password for an access token (15 minutes) and a refresh token (30 days, one use).

    For somebody with two-step sign-in the answer is `second_factor_required`: send the same again with `otp`.
    """
    pair = await desk.run(
        auth.issue_tokens,
        bank,
        email=body.email,
        password=body.password,
        otp=body.otp or "",
        address=client_address(request, bank.settings),
        user_agent=request.headers.get("user-agent", ""),
    )
    return TokensOut.of(pair)


@public.post(
    "/refresh",
    summary="Renew the tokens",
    response_description="The next pair; the refresh token sent is used up.",
    responses=problems("unauthenticated", "refresh_token_used", body=True),
)
def refresh(body: RefreshIn, bank: Bank) -> TokensOut:
    """Exchanges a refresh token for a new pair, once.

    One that comes a second time is `refresh_token_used`. Within ten seconds nothing else happens, so two exchanges at
    once do not hurt the one that was first; later the sign-in that it belongs to ends.
    """
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


class StepUpIn(schemas.Request):
    """A code of the second step, given once more."""

    otp: str = Field(
        max_length=40,
        description="A new code of the authenticator app, or a recovery code.",
        examples=["123456"],
    )


class StepUpOut(schemas.Answer):
    """What that code is good for."""

    fresh_until: Time = Field(description="Until then nothing in this sign-in answers `step_up_required`.")


@signed_in.post(
    "/auth/step-up",
    summary="Give a fresh code",
    response_description="The request that was answered `step_up_required` goes through now.",
    responses=problems(
        "unauthenticated",
        "token_expired",
        "second_factor_wrong",
        "second_factor_used",
        "second_factor_unreadable",
        "not_found",
        body=True,
    ),
)
def give_code(body: StepUpIn, actor: SignedIn, bank: Bank) -> StepUpOut:
    """Notes that whoever holds the access token gave a right code just now. Codes are good once; guesses are counted.

    For people who sign in in two steps: some requests are `step_up_required` unless a code was given within the last
    minutes, at sign-in or here. Send those again afterwards, with the same key.
    """
    fresh = step_up.prove(bank, actor, code=body.otp)
    return StepUpOut(fresh_until=clock.to_text(fresh.fresh_until or clock.now()))


@signed_in.get(
    "/me",
    summary="Who am I",
    response_description="You.",
    responses=problems("unauthenticated", "token_expired"),
)
def me(actor: SignedIn) -> UserOut:
    """Whom the bank takes you for, as of now."""
    return UserOut.of(actor)
