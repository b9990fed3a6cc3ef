import logging
import sys

import pytest

from bank_app.ui.pages.sign_in import SignInState
from bank_app.ui.redaction import Redaction, redact
from tests.handlers import name_of


@pytest.mark.parametrize(
    "line",
    [
        "router_data={'headers': {'cookie': 'bank_session_0a1b2c3d=s3cret'}}",
        "Event(name='x', payload={'form': {'password': 's3cret'}}, token='t')",
        "Expected field 'State.x' to receive type 'bool', but got 's3cret' of type 'str'.",
        "Error transforming event argument 'form' with value 's3cret' and type hint 'int'",
        'GET /_event/?token=s3cret&EIO=4 HTTP/1.1',
        "Cookie: __Host-bank_session_0a1b2c3d=s3cret; other=1",
        "Cookie: other=1; bank_half_session_0a1b2c3d=s3cret",
    ],
)  # fmt: skip
def test_a_line_loses_what_is_secret(line):
    assert "s3cret" not in redact(line)


def test_a_traceback_is_redacted_too():
    try:
        int("payload={'password': 's3cret'})")
    except ValueError:
        record = logging.LogRecord("reflex", logging.ERROR, "f", 1, "failed %s", ("x",), sys.exc_info())
    assert Redaction().filter(record)
    assert "s3cret" not in record.getMessage()
    assert "failed x" in record.getMessage()
    assert record.exc_info is None


def test_an_event_that_does_not_exist_leaves_no_secret_in_the_log(client, caplog):
    client.send("no.such.handler", {"password": "s3cret-word"}, cookie="bank_session=s3cret-token")
    client.send(
        name_of(SignInState.open),
        {"password": "s3cret-word"},
        cookie="bank_session=s3cret-token",
    )
    assert "s3cret" not in caplog.text


def test_an_error_of_a_browser_is_one_line_that_a_terminal_can_show(site, caplog):
    site.on_browser_failure(Exception("boo\n2026-01-01 [info] forged \x1b[2J\u202e" + "x" * 9_000))
    [record] = caplog.records
    assert record.getMessage().isprintable()
    assert len(record.getMessage()) < 600
