"""The hash chain, written out by hand: whoever has the bytes below can check the books without this program."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_app import clock
from bank_app.domain import chain

TRANSACTION = {
    "id": UUID("0198c0de-0000-7000-8000-000000000001"),
    "type": "transfer",
    "amount_minor": 2500,
    "currency": "USD",
    "description": "Café, half",
    "metadata": {"b": [1, None], "a": "x"},
    "actor_id": UUID("0198c0de-0000-7000-8000-0000000000aa"),
    "reverses_id": None,
    "created_at": datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=UTC),
}
TRANSACTION_BYTES = (
    '["transaction","0198c0de-0000-7000-8000-000000000001","transfer",2500,"USD","Café, half",'
    '{"a":"x","b":[1,null]},"0198c0de-0000-7000-8000-0000000000aa",null,"2026-03-01T12:30:00.000005Z"]'
).encode()
POSTING = {
    "account_id": 1234567802,
    "sequence": 7,
    "transaction_id": TRANSACTION["id"],
    "transaction_hash": sha256(TRANSACTION_BYTES).digest(),
    "direction": "debit",
    "amount_minor": 2500,
    "currency": "USD",
    "balance_after": 7500,
    "floor": -1000,
    "created_at": TRANSACTION["created_at"],
}
POSTING_BYTES = (
    '["posting","' + "00" * 32 + '",1234567802,7,"0198c0de-0000-7000-8000-000000000001","'
    + sha256(TRANSACTION_BYTES).hexdigest()
    + '","debit",2500,"USD",7500,-1000,"2026-03-01T12:30:00.000005Z"]'
).encode()  # fmt: skip
OTHER = {
    "id": UUID(int=1), "type": "deposit", "amount_minor": 2501, "currency": "EUR", "description": None,
    "metadata": {}, "actor_id": UUID(int=2), "reverses_id": UUID(int=3),
    "created_at": datetime(2026, 3, 1, 12, 30, 0, 6, tzinfo=UTC),
    "account_id": 1234567899, "sequence": 8, "transaction_id": UUID(int=4), "transaction_hash": bytes(32),
    "direction": "credit", "balance_after": 7501, "floor": None,
}  # fmt: skip


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Nothing that the books can hold is empty in a way that hides in another: no object, no list, no text.
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), ANY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY_TEXT, inner, max_size=3)),
    max_leaves=6,
)


@given(description=st.one_of(st.none(), ANY_TEXT), metadata=ANY_JSON, word=ANY_TEXT, reverses=st.none() | st.uuids())
def test_a_transactions_hash_is_that_of_an_ordinary_encoders_array(description, metadata, word, reverses):
    content = {**TRANSACTION, "description": description, "metadata": metadata, "currency": word, "type": word}
    array = [
        "transaction", str(content["id"]), word, 2500, word, description, metadata, str(content["actor_id"]),
        str(reverses) if reverses else None, "2026-03-01T12:30:00.000005Z",
    ]  # fmt: skip
    text = json.dumps(array, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    assert chain.transaction_hash(**{**content, "reverses_id": reverses}) == sha256(text.encode()).digest()


def test_a_transactions_hash_is_the_sha256_of_these_very_bytes():
    assert chain.transaction_hash(**TRANSACTION) == sha256(TRANSACTION_BYTES).digest()
    assert sha256(TRANSACTION_BYTES).hexdigest() == "959606f45344962bc139a28c4e984faa409b633f194dc13e73459952fbbe1337"


def test_a_postings_hash_begins_with_the_hash_before_it():
    assert bytes(32) == chain.GENESIS
    assert chain.posting_hash(chain.GENESIS, **POSTING) == sha256(POSTING_BYTES).digest()
    assert sha256(POSTING_BYTES).hexdigest() == "6ff831f4902f864fbc41eb1529abb69fcb918126e5977fd7e0a457d70cf62099"


@pytest.mark.parametrize("field", TRANSACTION)
def test_no_field_of_a_transaction_changes_without_its_hash(field):
    changed = {**TRANSACTION, field: OTHER[field]}
    assert chain.transaction_hash(**changed) != chain.transaction_hash(**TRANSACTION)


@pytest.mark.parametrize("field", POSTING)
def test_no_field_of_a_posting_changes_without_its_hash(field):
    changed = {**POSTING, field: OTHER[field]}
    assert chain.posting_hash(chain.GENESIS, **changed) != chain.posting_hash(chain.GENESIS, **POSTING)


def test_another_predecessor_makes_another_hash():
    assert chain.posting_hash(b"\x01" * 32, **POSTING) != chain.posting_hash(chain.GENESIS, **POSTING)


def test_a_time_in_another_zone_is_the_same_time():
    elsewhere = TRANSACTION["created_at"].astimezone(datetime.fromisoformat("2026-01-01T00:00+05:45").tzinfo)
    assert chain.transaction_hash(**{**TRANSACTION, "created_at": elsewhere}) == sha256(TRANSACTION_BYTES).digest()


def test_an_audit_hash_covers_what_was_recorded():
    content = '["audit","' + "00" * 32 + '",{"action":"account.open"}]'
    assert chain.audit_hash(chain.GENESIS, {"action": "account.open"}) == sha256(content.encode()).digest()


def test_a_merkle_root_is_made_as_rfc_6962_says():
    a, b, c = (sha256(b"\x00" + leaf).digest() for leaf in (b"a", b"b", b"c"))
    assert chain.merkle_root([]) == chain.GENESIS
    assert chain.merkle_root([b"a"]) == a
    assert chain.merkle_root([b"a", b"b"]) == sha256(b"\x01" + a + b).digest()
    assert chain.merkle_root([b"a", b"b", b"c"]) == sha256(b"\x01" + sha256(b"\x01" + a + b).digest() + c).digest()


@given(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 10**10),
    st.integers(1, 10**12),
    st.sampled_from(["debit", "credit"]),
    st.integers(-(4 * 10**18), 4 * 10**18),
    st.none() | st.integers(-(10**15), 10**15),
    st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)),  # noqa: DTZ001 - as the strategy wants them
)
def test_a_posting_is_hashed_as_the_json_array_that_the_documents_promise(
    digest, account, sequence, direction, balance, floor, moment
):
    when = moment.replace(tzinfo=UTC)
    identifier = UUID(bytes=digest[:16])
    parts = [
        "posting", digest.hex(), account, sequence, str(identifier), digest[::-1].hex(), direction, 25, "USD",
        balance, floor, clock.to_text(when),
    ]  # fmt: skip
    assert chain.posting_hash(
        digest, account_id=account, sequence=sequence, transaction_id=identifier, transaction_hash=digest[::-1],
        direction=direction, amount_minor=25, currency="USD", balance_after=balance, floor=floor, created_at=when,
    ) == sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()  # fmt: skip
