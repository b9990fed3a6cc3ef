"""Hands letters to the mail server that BANK_SMTP_URL names: encrypted from the first byte, by STARTTLS, or at home."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

SECONDS = 20.0
_PORTS = {"smtps": 465, "smtp": 587}
_PERMANENT = 500


class Refused(Exception):
    """The server will not take this letter, and asking again changes nothing. Says its code and no more."""


class Unreachable(Exception):
    """The server could not be asked, or said to come again. Says what went wrong in a few words."""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. Its password is not part of its text."""

    host: str
    port: int
    encryption: Literal["implicit", "starttls", "none"]
    user: str = ""
    password: str = ""
    authorities: Path | None = None

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port}, {self.encryption})"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def server_of(url: str, *, loopback: bool) -> Server:
    """Reads `smtps://user:password@host`, or `smtp://` for STARTTLS; on loopback `smtp://` speaks in the clear.

    `?ca=FILE` names the authorities that are believed instead of the system's, `?starttls` asks for it on loopback.

    Raises:
        ValueError: it is no such address; the message has nothing of the address in it.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query, keep_blank_values=True)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or set(options) - {"ca", "starttls"}:
        raise ValueError("must be smtps://USER:PASSWORD@HOST:PORT, or smtp:// for STARTTLS")
    encryption: Literal["implicit", "starttls", "none"] = "starttls"
    if parts.scheme == "smtps":
        encryption = "implicit"
    elif loopback and "starttls" not in options:
        encryption = "none"
    return Server(
        host=parts.hostname,
        port=parts.port or (25 if encryption == "none" else _PORTS[parts.scheme]),
        encryption=encryption,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        authorities=Path(options["ca"][0]) if "ca" in options else None,
    )


class Line:
    """A conversation with the server, for several letters: `with Line(server) as line: line.send(letter)`."""

    def __init__(self, server: Server) -> None:
        """Says nothing yet."""
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._hang_up()

    def send(self, letter: EmailMessage) -> None:
        """Hands one letter over; when this returns, the server has taken it.

        Raises:
            Refused: this letter is not taken, by whatever is said with a code of 500 or more about it.
            Unreachable: there is no server, no encryption, no permission, or it says to come again.
        """
        try:
            smtp = self._smtp = self._smtp or self._dial()
            smtp.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            [(code, _), *_] = error.recipients.values()
            self._end_transaction()
            raise _of_code(code) from None
        except smtplib.SMTPSenderRefused as error:
            # The sender is a setting of ours, wrong for all letters alike: they wait until it is set right.
            self._hang_up()
            raise Unreachable(f"the sender was refused with {error.smtp_code}") from None
        except smtplib.SMTPAuthenticationError as error:
            self._hang_up()
            raise Unreachable(f"user and password were refused with {error.smtp_code}") from None
        except smtplib.SMTPDataError as error:
            self._end_transaction()
            raise _of_code(error.smtp_code) from None
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            raise Unreachable(type(error).__name__) from None

    def _dial(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context(cafile=server.authorities) if server.encryption != "none" else None
        if server.encryption == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
        try:
            if server.encryption == "starttls":
                # A server that does not offer it is an error: nothing goes in the clear.
                smtp.starttls(context=context)
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _end_transaction(self) -> None:
        try:
            if self._smtp is not None:
                self._smtp.rset()
        except (smtplib.SMTPException, OSError):
            self._hang_up()

    def _hang_up(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                smtp.quit()
            except (smtplib.SMTPException, OSError):
                smtp.close()


def _of_code(code: int) -> Exception:
    return Refused(str(code)) if code >= _PERMANENT else Unreachable(f"the server said {code}")
