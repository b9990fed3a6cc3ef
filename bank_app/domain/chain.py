"""The hash chain: what exactly is hashed, so that anybody can hash it again.

A transaction's hash covers what it says; a posting's hash covers the posting, its transaction's hash and the
posting before it on the same account. One chain per account costs no lock that the balance does not take anyway.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from bank_app.clock import to_text

GENESIS = bytes(32)
_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode


def transaction_hash(
    *,
    id: UUID,  # noqa: A002 - the field is called id wherever it is seen
    type: str,  # noqa: A002
    amount_minor: int,
    currency: str,
    description: str | None,
    metadata: Mapping[str, Any],
    actor_id: UUID,
    reverses_id: UUID | None,
    created_at: datetime,
) -> bytes:
    """SHA-256 of a transaction's canonical JSON (an array in the order of the arguments, no white space)."""
    # Written out, because the encoder takes twice as long over a whole array as over its texts.
    text = (
        f'["transaction","{id}",{_json(str(type))},{amount_minor},{_json(currency)},'
        f"{'null' if description is None else _json(description)},{'{}' if metadata == {} else _json(metadata)},"
        f'"{actor_id}",{_json(str(reverses_id)) if reverses_id else "null"},"{to_text(created_at)}"]'
    )
    return hashlib.sha256(text.encode()).digest()


def posting_hash(
    previous: bytes,
    *,
    account_id: int,
    sequence: int,
    transaction_id: UUID,
    transaction_hash: bytes,
    direction: str,
    amount_minor: int,
    currency: str,
    balance_after: int,
    floor: int | None,
    created_at: datetime,
) -> bytes:
    """SHA-256 of a posting's canonical JSON, beginning with the hash of the account's posting before it."""
    # Written out, because none of these needs escaping and the encoder takes five times as long.
    text = (
        f'["posting","{previous.hex()}",{account_id},{sequence},"{transaction_id}","{transaction_hash.hex()}",'
        f'"{direction}",{amount_minor},"{currency}",{balance_after},{"null" if floor is None else floor},'
        f'"{to_text(created_at)}"]'
    )
    return hashlib.sha256(text.encode()).digest()


def audit_hash(previous: bytes, content: Mapping[str, Any]) -> bytes:
    """SHA-256 of an audit record's canonical JSON, beginning with the hash of the record before it."""
    return _digest("audit", previous.hex(), content)


def merkle_root(leaves: list[bytes]) -> bytes:
    """The Merkle root of `leaves` (RFC 6962 hashing: 0x00 before leaves, 0x01 before nodes); GENESIS when empty."""
    if not leaves:
        return GENESIS
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        paired = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def _digest(*parts: Any) -> bytes:
    return hashlib.sha256(_json(parts).encode()).digest()
