"""Headers of proxies that do not fit the settings: said once, and shown on Health."""

import logging
from datetime import timedelta

import pytest

from bank_app import clock
from bank_app.services import health, proxies, vitals
from bank_app.settings import load

XFF = b"x-forwarded-for"
# How many proxies are trusted, the headers, the address that counts, and what is said.
CASES = [
    (0, [], "10.0.0.1", None),
    (0, [(XFF, b"203.0.113.9")], "10.0.0.1", "BANK_TRUSTED_PROXIES=1"),
    (0, [(b"forwarded", b"for=203.0.113.9")], "10.0.0.1", "Let the proxy write X-Forwarded-For"),
    (0, [(b"x-real-ip", b"203.0.113.9")], "10.0.0.1", "Let the proxy write X-Forwarded-For"),
    (1, [(b"x-real-ip", b"203.0.113.9")], "10.0.0.1", "Let the proxy write X-Forwarded-For"),
    (1, [(XFF, b"203.0.113.9")], "203.0.113.9", None),
    (1, [(XFF, b"203.0.113.9"), (b"x-real-ip", b"203.0.113.9")], "203.0.113.9", None),
    (1, [(XFF, b"6.6.6.6, 203.0.113.9")], "203.0.113.9", None),
    (2, [(XFF, b"203.0.113.9")], "10.0.0.1", "BANK_TRUSTED_PROXIES=1, if"),
    (1, [(XFF, b"203.0.113.9, 10.0.0.7")], "10.0.0.7", "BANK_TRUSTED_PROXIES=2, if"),
    (2, [(XFF, b"203.0.113.9"), (XFF, b"10.0.0.7")], "203.0.113.9", None),
]


@pytest.mark.parametrize(("trusted", "headers", "address", "said"), CASES)
def test_what_does_not_fit_is_said_in_one_line(caplog, trusted, headers, address, said):
    settings = load(trusted_proxies=trusted)
    with caplog.at_level(logging.WARNING, "bank_app.services.proxies"):
        for _ in range(100):
            assert proxies.address_of(settings, "10.0.0.1", headers) == address
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == (said is not None)
    assert [said in line and "\n" not in line for line in lines] == [True] * len(lines)
    assert len(proxies.misfits()) == len(lines)


def test_it_is_said_again_when_it_comes_back_and_not_while_it_goes_on(caplog):
    settings, now = load(trusted_proxies=0), clock.now()
    for minutes in (0, 30, 59, 88, 200):
        with clock.moved_to(now + timedelta(minutes=minutes)):
            proxies.address_of(settings, "10.0.0.1", [(XFF, b"\x1b[31m\n203.0.113.9")])
            assert len(proxies.misfits()) == 1
    with clock.moved_to(now + timedelta(minutes=261)):
        assert proxies.misfits() == []
    assert len(caplog.records) == 2
    assert "\x1b" not in caplog.text


def test_health_says_what_to_set(sqlite_db, teller):
    vitals.of(sqlite_db).sample(sqlite_db)
    assert "proxies" not in [tile.key for tile in health.report(sqlite_db, teller).tiles]
    proxies.address_of(load(trusted_proxies=0), "10.0.0.1", [(XFF, b"203.0.113.9")])
    [tile] = [tile for tile in health.report(sqlite_db, teller).tiles if tile.key == "proxies"]
    assert (tile.state, "BANK_TRUSTED_PROXIES=1" in tile.advice) == (health.State.ACT, True)
