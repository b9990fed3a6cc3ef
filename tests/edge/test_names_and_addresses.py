"""Under which names the bank answers, whose requests they are, and by what they are counted."""

import pytest

from bank_app.domain import addresses
from bank_app.edge.hosts import Hosts
from bank_app.edge.places import Places
from bank_app.settings import SettingsError


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:3000", True),
        ("localhost", True),
        ("LOCALHOST.:9", True),
        ("[::1]:3000", True),
        ("127.9.9.9", True),
        ("evil.test", False),
        ("evil.test:3000", False),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
        ("192.0.2.7", False),
        ("", False),
        ("localhost@evil.test", False),
        ("localhost, evil.test", False),
        ("localhost:3000:80", False),
        ("[::1]evil.test", False),
    ],
)
def test_without_a_public_address_only_this_machine_is_meant(limits, host, allowed):
    assert Hosts(limits()).allows(host, "127.0.0.1") is allowed


def test_the_public_address_and_further_names_and_networks_are_meant(limits):
    hosts = Hosts(limits(public_url="https://bank.example.org", hosts="Old.example.org, 10.0.0.0/8"))
    for host in ("bank.example.org", "BANK.example.org:443", "old.example.org", "10.1.2.3:3000", "127.0.0.1"):
        assert hosts.allows(host, "0.0.0.0"), host
    for host in ("example.org", "x.bank.example.org", "192.0.2.7", "bank.example.org.evil.test"):
        assert not hosts.allows(host, "0.0.0.0"), host


def test_on_all_addresses_any_address_is_meant_and_no_other_name(limits):
    hosts = Hosts(limits())
    assert hosts.allows("192.0.2.7:3000", "0.0.0.0")
    assert hosts.allows("[2001:db8::1]", "::")
    assert hosts.allows("192.0.2.7", "192.0.2.7")
    assert not hosts.allows("evil.test", "0.0.0.0")


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://127.0.0.1:3000", True),
        ("https://bank.example.org", True),
        ("http://127.0.0.1:3001", False),
        ("null", False),
        ("", False),
        ("https://evil.test", False),
        ("file://127.0.0.1:3000", False),
        ("https://bank.example.org.evil.test", False),
    ],
)
def test_pages_of_our_own_are_at_the_public_address_or_where_the_request_goes(limits, origin, own):
    hosts = Hosts(limits(public_url="https://bank.example.org"))
    assert hosts.is_own_origin(origin, "127.0.0.1:3000") is own


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:40000", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:9", "192.0.2.7"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("2001:db8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ('<b>not an address</b> "x"=1', None),
        ("192.0.2.7:port", None),
        ("192.0.2.7:", None),
        ("", None),
        ("unknown", None),
        ("1.2.3", None),
    ],
)
def test_an_address_is_written_in_one_way(written, read):
    assert addresses.read(written) == read


def test_an_address_of_the_newer_kind_is_counted_with_its_network():
    one, other = addresses.networks("2001:db8:1:2::1"), addresses.networks("2001:db8:1:2:ffff::9")
    assert one == other == ("2001:db8:1:2::/64", "2001:db8:1::/48")
    assert addresses.networks("::ffff:192.0.2.7") == ("192.0.2.7",)


@pytest.mark.parametrize(
    ("bounds", "peer", "forwarded", "address"),
    [
        ({"trusted_proxies": 0}, "192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ({"trusted_proxies": 1}, "192.0.2.1", ["203.0.113.9:40000"], "203.0.113.9"),
        ({"trusted_proxies": 1}, "192.0.2.1", ["<b>garbage</b>"], "192.0.2.1"),
        ({"trusted_proxies": 1}, "::ffff:192.0.2.1", [], "192.0.2.1"),
        ({"trusted_proxies": 1, "proxies": "192.0.2.0/24"}, "192.0.2.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ({"trusted_proxies": 1, "proxies": "192.0.2.0/24"}, "198.51.100.4", ["203.0.113.9"], "198.51.100.4"),
    ],
)
def test_a_header_is_believed_of_proxies_and_only_where_it_says_an_address(limits, bounds, peer, forwarded, address):
    assert limits(**bounds).address_of(peer, forwarded) == address


def test_a_list_of_proxies_that_cannot_be_read_is_refused(limits):
    with pytest.raises(SettingsError, match="BANK_PROXIES"):
        limits(proxies="192.0.2.1, proxy.example.org")


def test_places_are_for_a_network_the_one_around_it_and_everybody():
    places = Places(each=2, whole=10, wider=2)
    taken = [places.take(addresses.networks(f"2001:db8:1:{i // 4}::{i}")) for i in range(12)]
    # Two of each /64 and four of the /48.
    assert taken == [True, True, False, False, True, True, False, False, False, False, False, False]
    assert places.take(("192.0.2.1",))
    places.give(addresses.networks("2001:db8:1:0::1"))
    assert places.take(addresses.networks("2001:db8:1:9::1"))
    assert not places.take(addresses.networks("2001:db8:1:9::2"))
    assert [places.take((f"192.0.2.{i}",)) for i in range(2, 9)] == [True] * 5 + [False] * 2
