"""Settings from the environment: `BANK_<NAME>`, or `BANK_<NAME>_FILE` for a file that holds the value."""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bank_app import smtp
from bank_app.domain import addresses, money, worth
from bank_app.domain.accounting import Role
from bank_app.keys import KeysMissing, Ring

# Whole units that the richest of the demo has, and a little more.
_LARGEST_OF_DEMO = 10_000_000
PROJECT = Path(__file__).resolve().parent.parent
PLACEHOLDERS = ("changeme", "change-me", "change_me", "secret", "placeholder", "example", "password", "your-")
APPROVALS = ("recovery", "roles", "limits", "reversals", "exports")
# DATABASE_URL has no prefix because every hosting platform already calls it that.
UNPREFIXED = {"database_url": "DATABASE_URL"}


class SettingsError(Exception):
    """A setting is wrong; the message is one sentence for the person at the terminal."""


class _FilesSource(PydanticBaseSettingsSource):
    """Reads `BANK_<NAME>_FILE`, so that a secret can come from a mounted file."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        name = UNPREFIXED.get(field_name, f"BANK_{field_name.upper()}")
        path = os.environ.get(f"{name}_FILE")
        return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Everything that can be set. Frozen: a running bank does not change its mind."""

    model_config = SettingsConfigDict(env_prefix="BANK_", frozen=True, extra="ignore", populate_by_name=True)

    data: Path = Field(
        PROJECT / ".bank",
        description="Folder for the embedded database, the private server, the build cache and the secrets.",
    )
    database_url: str = Field(
        "",
        validation_alias="DATABASE_URL",
        description="SQLAlchemy URL of the database, or several with commas between them, the preferred one first; "
        "empty means the embedded SQLite file in BANK_DATA.",
    )
    migration_database_url: str = Field(
        "",
        description="SQLAlchemy URL of the same database as the user who migrates and restores; empty means as the one "
        "who serves.",
    )
    lab: bool | None = Field(
        None,
        description="Whether the bank has a laboratory, for its own people; unset means only in demo mode.",
    )
    lab_url: str = Field(
        "",
        description="SQLAlchemy URL of the laboratory's own database, as a user who can see nothing else; empty means "
        "a file in BANK_DATA, or with `run --mysql` a database on the private server.",
    )
    database_tls: Literal["auto", "off", "unverified", "verify"] = Field(
        "auto",
        description="TLS to MySQL: auto is off on loopback and sockets and verified elsewhere.",
    )
    secret_key: str = Field(
        "",
        description="Signs access tokens, at least 32 characters; empty means one is made and kept in BANK_DATA.",
    )
    secret_keys: str = Field(
        "",
        description="Several keys in place of BANK_SECRET_KEY, the newest first, with commas or spaces between them: "
        "the first signs and seals, all of them read.",
    )
    name: str = Field("Rowan Street Bank", min_length=1, max_length=40, description="What the bank is called.")
    currency: str = Field("USD", description="ISO 4217 code of an account opened without naming one.")
    demo: bool = Field(
        default=False,
        description="Demo people and pretend money, sign-in without password; only on loopback.",
    )
    demo_seed: int = Field(42, description="Seed of the demo data; the same seed makes the same people and payments.")
    demo_scale: int = Field(
        0, ge=0, le=1_000_000, description="Units of the currency that the demo counts for a dollar; 0 suits it."
    )
    self_service_cash: bool | None = Field(
        None,
        description="Whether customers may deposit and withdraw by themselves; unset means only in demo mode.",
    )
    approvals: str = Field(
        "recovery,roles",
        description="What takes two of the bank's people, with commas between: recovery (always), roles, limits, "
        "reversals, exports.",
    )
    approval_above: int = Field(
        1000,
        ge=0,
        le=10**9,
        description="Whole units of an account's currency above which reversals need an approval, where they do.",
    )
    approval_hours: int = Field(24, ge=1, le=720, description="Hours after which a request for approval expires.")
    recovery_hours: int = Field(
        24,
        ge=1,
        le=720,
        description="Hours of cooling-off after somebody was helped back in; nobody has a hand in both factors then.",
    )
    recovery_alone_hours: int = Field(
        72, ge=1, le=2160, description="The same where the bank had nobody who could approve."
    )
    recovery_limit: int = Field(
        200, ge=0, le=10**9, description="Whole units that may leave each of their accounts in the cooling-off."
    )
    sign_up: bool = Field(default=True, description="Whether people may register by themselves.")
    rate_limits: bool = Field(
        default=True, description="on or off; off is for benchmarks and tests and is said at start."
    )
    lock_timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds that a unit of work waits for locked rows before 503 lock_timeout."
    )
    clock_tolerance: float = Field(
        5.0,
        gt=0,
        le=3600,
        description="Seconds that a worker's clock may be ahead of the database server's before 503 `clock_wrong`.",
    )
    queue_limit: int = Field(
        1000, ge=1, le=100_000, description="Movements that may wait to be posted in a worker before 503 overloaded."
    )
    movements_per_day: int = Field(
        200_000,
        ge=1,
        le=1_000_000_000,
        description="Movements that a customer may ask a worker for in a day, refused ones included, before 429 "
        "quota_used_up.",
    )
    changes_per_day: int = Field(
        5_000,
        ge=1,
        le=1_000_000_000,
        description="Other changes that a customer may make in a worker in a day (accounts, names, drafts, payees, "
        "checks of names), before 429 quota_used_up.",
    )
    open_accounts: int = Field(
        100, ge=1, le=100_000, description="Open accounts that one customer may have before 409 quota_reached."
    )
    open_holds: int = Field(
        1_000, ge=1, le=100_000, description="Open holds that an account may have before 409 quota_reached."
    )
    sign_ups_per_hour: int = Field(
        60,
        ge=1,
        le=1_000_000,
        description="People who may register from one network in an hour in a worker before 429 quota_used_up; in all "
        "ten times as many.",
    )
    atomic_batch_limit: int = Field(
        1_000, ge=1, le=10_000, description="Items that a customer's atomic batch may have before 422 batch_too_large."
    )
    large_batch_share: int = Field(
        1,
        ge=1,
        le=100,
        description="Percent of a worker's time that customers' atomic batches of more than 100 items may hold the "
        "books before 503 overloaded.",
    )
    work_limit: int = Field(
        1_000_000,
        ge=10_000,
        le=1_000_000_000,
        description="Work that one person may ask of a worker at once, in rows read, before 429 too_much_work.",
    )
    work_per_second: int = Field(
        2_000, ge=100, le=1_000_000, description="How much of BANK_WORK_LIMIT comes back each second."
    )
    work_threads: int = Field(2, ge=1, le=32, description="Threads of a worker that read what is large.")
    large_at_once: int = Field(
        32, ge=1, le=1_000, description="Large things under way in a worker, one a person, before 503 overloaded."
    )
    reads_at_once: int = Field(
        6, ge=1, le=100, description="Reads of one person that a worker does at once; more of them wait."
    )
    send_timeout: float = Field(
        30.0, gt=0, le=600, description="Seconds that a piece of a large answer waits for its reader before it is cut."
    )
    hashing_threads: int = Field(
        1, ge=1, le=64, description="Passwords that a worker hashes at once, at 64 MiB of memory each."
    )
    hashing_queue: int = Field(
        16, ge=1, le=10_000, description="Passwords that may wait to be hashed in a worker before 503 passwords_busy."
    )
    pool_size: int = Field(10, ge=1, le=200, description="Database connections kept by each worker process.")
    session_idle_minutes: int = Field(
        15, ge=1, le=720, description="Minutes without activity that end a browser session."
    )
    session_hours: int = Field(12, ge=1, le=720, description="Hours after which a browser session ends in any case.")
    most_sessions: int = Field(
        20, ge=1, le=1_000, description="Browser sessions that a person may have at once; one more ends the oldest."
    )
    most_api_sign_ins: int = Field(
        200, ge=1, le=100_000, description="API sign-ins that a person may have at once; one more ends the oldest."
    )
    guesses_per_network: int = Field(
        30,
        ge=1,
        le=1_000_000,
        description="Wrong passwords and codes from a network, in a quarter of an hour, before it waits; devices that "
        "signed the person in before do not count.",
    )
    guesses_in_total: int = Field(
        1_000, ge=1, le=100_000_000, description="The same from all networks together: passwords tried on many people."
    )
    access_token_minutes: int = Field(15, ge=1, le=60, description="Minutes that an API access token lasts.")
    second_step: Literal["off", "staff", "all"] = Field(
        "off",
        description="Who must sign in in two steps: nobody, the bank's people, or everybody. Until somebody has set it "
        "up, signing in leads to that and to nothing else.",
    )
    step_up_minutes: int = Field(
        5,
        ge=1,
        le=60,
        description="Minutes that a code of the second step stands where much depends on one: roles, helping somebody "
        "to sign in, files of all customers, payments above BANK_STEP_UP_ABOVE.",
    )
    step_up_above: str = Field(
        "1000",
        description="Payments of more than this take a code given a moment ago, of people with a second step: about so "
        "many dollars in every currency (1000), amounts of single ones (500 EUR, 60000 JPY), or off.",
    )
    refresh_token_days: int = Field(30, ge=1, le=365, description="Days that an API sign-in can be refreshed.")
    security_days: int = Field(
        400, ge=30, le=4000, description="Days that security events and looks at customers are kept."
    )
    security_events_staff: int = Field(
        1200, ge=10, le=100_000, description="Security events of the bank's people that a worker records in a minute."
    )
    security_events_customers: int = Field(
        240, ge=10, le=100_000, description="The same of customers. Beyond it they are counted, and the count recorded."
    )
    security_events_strangers: int = Field(240, ge=10, le=100_000, description="The same of whoever is not signed in.")
    security_events_each: int = Field(
        30, ge=1, le=10_000, description="What one customer or one address may use of it; a colleague ten times that."
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="Reverse proxies in front whose X-Forwarded-For entry is believed."
    )
    proxies: str = Field(
        "",
        description="Addresses or networks of these proxies, with commas between them; from anybody else the header is "
        "not believed. Empty means whoever connects.",
    )
    hosts: str = Field(
        "",
        description="More names under which the bank answers, with commas between them, beside the host of "
        "BANK_PUBLIC_URL and those of this machine; anything else is 421.",
    )
    connections: int = Field(
        8192, ge=64, le=1_000_000, description="Connections that a worker holds, as far as the system lets it."
    )
    connections_per_address: int = Field(
        2000, ge=8, le=1_000_000, description="Connections of one network that a worker holds, unless of a proxy."
    )
    header_seconds: int = Field(20, ge=1, le=300, description="Seconds in which the headers of a request must come.")
    body_seconds: float = Field(
        10.0,
        gt=0,
        le=600,
        description="Seconds in which a body must come, or longer where it comes at BANK_LEAST_RATE.",
    )
    least_rate: int = Field(
        16_384, ge=1, le=100_000_000, description="Bytes a second at which a large body must come, at least."
    )
    read_seconds: float = Field(
        30.0, gt=0, le=3600, description="Seconds in which a client must read some of what it was sent."
    )
    bodies: int = Field(
        256, ge=1, le=100_000, description="Unfinished bodies, older than a second, that a worker waits for."
    )
    bodies_per_address: int = Field(32, ge=1, le=100_000, description="Those of one network.")
    sockets: int = Field(1000, ge=1, le=100_000, description="WebSockets that a worker holds.")
    sockets_per_address: int = Field(
        100, ge=1, le=100_000, description="WebSockets of one network that a worker holds."
    )
    socket_connect_seconds: float = Field(
        5.0, gt=0, le=60, description="Seconds in which a WebSocket must say what it wants."
    )
    socket_silence_seconds: float = Field(
        60.0, ge=50, le=3600, description="Seconds of silence that end a WebSocket; browsers answer every 25."
    )
    socket_message_bytes: int = Field(65_536, ge=1024, le=16_777_216, description="The largest message of a WebSocket.")
    log_lines: int = Field(
        120, ge=1, le=1_000_000, description="Lines a minute that each library may write to the log; more are counted."
    )
    metrics_token: str = Field(
        "",
        description="Who reads /metrics sends it as Authorization: Bearer; empty means only from this machine.",
    )
    security_contact: str = Field(
        "",
        description="Whom to tell of a weakness, such as mailto:security@bank.example.org, for "
        "/.well-known/security.txt.",
    )
    secure_cookies: bool | None = Field(
        None, description="Mark cookies Secure; unset means only when BANK_PUBLIC_URL starts with https."
    )
    public_url: str = Field("", description="The address people type, such as https://bank.example.org.")
    smtp_url: str = Field(
        "",
        description="The mail server: smtps://USER:PASSWORD@HOST, or smtp:// for STARTTLS (in the clear on loopback); "
        "empty means that the bank writes no letters.",
    )
    mail_from: str = Field("", description="The address that letters come from; empty means bank@ the public host.")
    log_format: Literal["text", "json"] = Field("text", description="How log lines look.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a .env file would be a third place to look
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - `_FILE` says which file
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then `_FILE`."""
        return init_settings, env_settings, _FilesSource(settings_cls)

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        return money.currency(value).code

    @field_validator("proxies")
    @classmethod
    def _known_networks(cls, value: str) -> str:
        addresses.read_networks(value)
        return value

    @field_validator("security_contact")
    @classmethod
    def _one_contact(cls, value: str) -> str:
        if value and not re.fullmatch(r"(mailto:|https://|tel:)[!-~]+", value, re.ASCII):
            raise ValueError("must begin with mailto:, https:// or tel:, such as mailto:security@bank.example.org")
        return value

    @field_validator("secret_key", "secret_keys", "metrics_token")
    @classmethod
    def _no_placeholder(cls, value: str, info: ValidationInfo) -> str:
        keys = value.replace(",", " ").split() if info.field_name == "secret_keys" else [value] if value else []
        for key in keys:
            if len(key) < 32 or any(word in key.lower() for word in PLACEHOLDERS) or len(set(key)) < 10:
                raise ValueError(
                    "is a placeholder or too short: use 32 random characters or more, such as `openssl rand -hex 32` "
                    "makes"
                )
        if len(set(keys)) != len(keys):
            raise ValueError("names a key twice")
        return value

    @model_validator(mode="after")
    def _keys_are_given_once(self) -> Settings:
        if self.secret_key and self.secret_keys and self.secret_key not in self.given_keys:
            raise ValueError("BANK_SECRET_KEYS and BANK_SECRET_KEY differ: give all keys in BANK_SECRET_KEYS")
        return self

    @field_validator("step_up_above")
    @classmethod
    def _known_limits(cls, value: str) -> str:
        _limits(value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, value: str) -> str:
        if value:
            smtp.server_of(value, loopback=True)
        return value

    @field_validator("mail_from")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,189}", value, re.ASCII):
            raise ValueError("must be one email address, such as bank@bank.example.org")
        return value

    @field_validator("approvals")
    @classmethod
    def _known_approvals(cls, value: str) -> str:
        named = {name.strip() for name in value.split(",") if name.strip()}
        if unknown := named - set(APPROVALS):
            raise ValueError(f"does not know {', '.join(sorted(unknown))}: choose from {', '.join(APPROVALS)}")
        # To come in as somebody else is never one person's power.
        return ",".join(name for name in APPROVALS if name in named | {"recovery"})

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        urls = [_address(url) for url in _split(value)]
        if len(urls) > 1 and any(url.startswith("sqlite:") for url in urls):
            raise ValueError("names several servers, and an embedded file is none")
        return ",".join(urls)

    @model_validator(mode="after")
    def _demo_stays_home(self) -> Settings:
        if self.demo and self.public_url and not is_loopback(self.public_url.split("://")[-1].split("/")[0]):
            raise ValueError("demo mode has sign-in without passwords and cannot be combined with BANK_PUBLIC_URL")
        return self

    @model_validator(mode="after")
    def _demo_amounts_fit(self) -> Settings:
        most = money.MAX_MINOR // (_LARGEST_OF_DEMO * money.currency(self.currency).unit)
        if self.demo_scale > most:
            raise ValueError(f"BANK_DEMO_SCALE of more than {most} makes amounts that no account in it can hold")
        return self

    @cached_property
    def urls(self) -> tuple[str, ...]:
        """Where the database is, with the embedded file filled in: its servers, the preferred one first."""
        return tuple(_split(self.database_url)) or (f"sqlite:///{self.data / 'bank.sqlite3'}",)

    @property
    def url(self) -> str:
        """The preferred one of `urls`."""
        return self.urls[0]

    @cached_property
    def mail_server(self) -> smtp.Server | None:
        """Where letters go; None if the bank writes none."""
        if not self.smtp_url:
            return None
        return smtp.server_of(self.smtp_url, loopback=is_loopback(urlsplit(self.smtp_url).hostname or "?"))

    @property
    def mail_sender(self) -> str:
        """The address that letters come from."""
        return self.mail_from or f"bank@{urlsplit(self.public_url).hostname or 'localhost'}"

    @property
    def file(self) -> Path | None:
        """The embedded database; None where it is a server."""
        found = self.url.removeprefix("sqlite:///")
        return Path(found.partition("?")[0]) if found != self.url else None

    @property
    def lab_is_open(self) -> bool:
        """Whether there is a laboratory in this bank."""
        return self.demo if self.lab is None else self.lab

    @property
    def customers_handle_cash(self) -> bool:
        """Whether a customer may deposit, withdraw and open with money without a teller."""
        return self.demo if self.self_service_cash is None else self.self_service_cash

    @property
    def cookies_are_secure(self) -> bool:
        """Whether session cookies carry `Secure` and the `__Host-` prefix."""
        return self.public_url.startswith("https://") if self.secure_cookies is None else self.secure_cookies

    def demands_second_step(self, role: Role) -> bool:
        """Whether somebody of this role must sign in in two steps."""
        return self.second_step == "all" or (self.second_step == "staff" and role.sees_every_account)

    @cached_property
    def _step_up(self) -> tuple[int | None, Mapping[str, int]]:
        """About how many dollars a payment may be without a code, and how many units of single currencies."""
        return _limits(self.step_up_above)

    def asks_code_above(self, currency: str, amount_minor: int) -> bool:
        """Whether a payment is so large that it takes a code given a moment ago."""
        dollars, units = self._step_up
        if currency not in units and dollars is None:
            return False
        most = units.get(currency, (dollars or 0) * worth.units_of_a_dollar(currency))
        return amount_minor > most * money.currency(currency).unit

    def address_of(self, peer: str, forwarded: Sequence[str]) -> str:
        """Where a request comes from: the peer, or what the outermost trusted proxy saw.

        Args:
            peer: Who is at the other end of the connection.
            forwarded: The values of all X-Forwarded-For headers, in order.
        """
        own = addresses.read(peer) or peer[:45]
        if not self.trusted_proxies or not self.believes(own):
            return own
        # Each proxy appends who spoke to it; entries further left are claims of the client.
        parts = [part for value in forwarded for part in value.split(",")]
        if self.trusted_proxies > len(parts):
            return own
        return addresses.read(parts[-self.trusted_proxies]) or own

    def believes(self, peer: str) -> bool:
        """Whether somebody who connects is one of the proxies, if there are any."""
        return self.trusted_proxies > 0 and (not self.proxies or addresses.is_within(peer, self._proxy_networks))

    @cached_property
    def _proxy_networks(self) -> tuple[addresses.Network, ...]:
        return addresses.read_networks(self.proxies)

    @cached_property
    def mark(self) -> str:
        """Tells what browsers keep for this bank from what they keep for another on the same host.

        A cookie belongs to a host and not to a port. The mark comes from the bank's oldest key, so it is the same on
        every worker, node and port, behind every proxy, and when keys are added; a copy of a bank has another file, and
        another public address.
        """
        where = self.url if self.url.startswith("sqlite:") else ""
        return hmac.digest(self.lasting_key.encode(), f"{self.public_url}\n{where}".encode(), "sha256").hex()[:8]

    @cached_property
    def ring(self) -> Ring:
        """The bank's keys: those that are given, or those of BANK_DATA, where one is made on first use."""
        return Ring(self.given_keys) if self.given_keys else Ring(file=self.key_file)

    @property
    def given_keys(self) -> tuple[str, ...]:
        """The keys that are given as a setting, the newest first; none if they lie in BANK_DATA."""
        return tuple(self.secret_keys.replace(",", " ").split()) or ((self.secret_key,) if self.secret_key else ())

    @property
    def key_file(self) -> Path:
        """Where the keys lie that are not given."""
        return self.data / "secret_key"

    @property
    def signing_key(self) -> str:
        """The newest key, which signs access tokens."""
        try:
            return self.ring.newest.secret
        except KeysMissing:
            raise SettingsError(
                f"{self.key_file} holds no key: remove it, and a new one is made (everybody signs in again)."
            ) from None

    @property
    def lasting_key(self) -> str:
        """The oldest key, for what is to stay the same while keys are added."""
        return self.ring.oldest.secret if self.signing_key else ""


def _limits(text: str) -> tuple[int | None, Mapping[str, int]]:
    """Whole units: `1000` is about dollars, in any currency; `500 EUR` is of one; `off` is none."""
    dollars, units = None, {}
    for part in [] if text.strip().lower() == "off" else text.split(","):
        amount, _, code = part.strip().partition(" ")
        if not (amount.isascii() and amount.isdigit()):
            raise ValueError("is a whole number, `500 EUR, 60000 JPY` for single currencies, or off")
        if code:
            units[money.currency(code.strip()).code] = int(amount)
        else:
            dollars = int(amount)
    return dollars, units


def _split(urls: str) -> list[str]:
    # A comma may also stand in a password or an option: only one with a scheme behind it parts two addresses.
    return [url.strip() for url in re.split(r",(?=\s*[a-z][a-z0-9+]*://)", urls) if url.strip()]


def _address(url: str) -> str:
    # The bare scheme is what most platforms hand out; SQLAlchemy would look for a C driver that we do not ship.
    for bare in ("mysql://", "mariadb://", "mariadb+pymysql://"):
        if url.startswith(bare):
            return "mysql+pymysql://" + url.removeprefix(bare)
    if not url.startswith(("mysql+pymysql://", "sqlite:///")):
        raise ValueError("must start with mysql+pymysql:// or sqlite:///")
    return url


def is_loopback(host: str) -> bool:
    """Whether `host` (with or without a port) can only be reached from this machine."""
    name = host.strip("[]") if host.count(":") > 1 else host.rsplit(":", 1)[0]
    if name in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def load(**overrides: Any) -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: a value is missing, malformed, unsafe or a placeholder.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        name = UNPREFIXED.get(field, field if field.isupper() else f"BANK_{field.upper()}") if field else "The settings"
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name}: {reason}") from None
    except OSError as error:
        raise SettingsError(f"A settings file cannot be read: {error}") from None
