"""A search finds the same rows on every engine: which letters are the same is decided in one place."""

import pytest
from sqlalchemy import select

from bank_app import clock
from bank_app.domain.identifiers import new_id
from bank_app.domain.search import occurs, pattern
from bank_app.domain.text import folded
from bank_app.models import CustomerNote
from bank_app.services.lists import contains

TEXTS = [
    "José García", "JOSE\u0301 GARCIA", "Straße", "STRASSE", "Maßstab", "Łukasz Żółw", "Søren", "Ærø",
    "Aero", "İstanbul", "ısı", "ΟΔΥΣΣΕΎΣ", "Οδυσσέας", "Ἀθηνᾶ", "Семён", "СЕМЕН", "Кири\u0301лл", "Сергей",
    "Сергеи", "Їжак", "Іжак", "मोना", "मीना", "か", "が", "ガ", "ｶﾞ", "김민준", "김민수", "ม้า", "มา",
    "علی‌رضا", "علیرضا", "שלום", "ＡＢＣ", "abc", "O’Neill", "O'Neill", "a\u2013b", "a-b", "a\u00a0b",
    "100%", "100 percent", "a_b", "axb", "back\\slash", "[x]", "(a|b)", "a.b", "a^b$", "a&&b", "a~~b", "!",
    "?", "*", "+", "{2}", "👩‍🚀", "❤️", "𝐀da", "ﬁn", "Ǆ", "㎏", "'quoted'", '"', "", " ", "ſ",
]  # fmt: skip
SOUGHT = [
    *TEXTS, "jose", "GARCÍA", "strasse", "strass", "stras", "massstab", "ß", "s", "lukasz", "zolw",
    "oresund", "aer", "istanbul", "isi", "οδυσσευσ", "Σ", "ς", "αθηνα", "семен", "кирилл", "и", "й", "म",
    "ま", "カ", "김민", "ม", "abc", "o'neill", "a b", "0%", "%", "_", "\\", "[", "]", "(", "|", ".", "^",
    "$", "&", "~", "-", "fin", "dz", "ada", "\u200b", "\u202eabc", "z",
]  # fmt: skip


def test_every_engine_finds_what_python_finds(db, ada, teller):
    def write(session):
        for text in TEXTS:
            session.add(
                CustomerNote(
                    id=new_id(), user_id=ada.user_id, author_id=teller.user_id, text=text, created_at=clock.now()
                )
            )

    db.unit_of_work(write)
    for sought in SOUGHT:
        query = select(CustomerNote.text).where(contains(CustomerNote.text, sought))
        found = db.read(lambda session, query=query: list(session.execute(query).scalars()))
        assert sorted(found) == sorted(text for text in TEXTS if occurs(sought, text)), ascii(sought)


def test_python_finds_what_is_the_same_to_people():
    """Ligatures that begin within what is sought aside, a search is a part of what a text is folded to."""
    for text in TEXTS:
        for sought in SOUGHT:
            if folded(sought) in folded(text):
                assert occurs(sought, text), (sought, text)


@pytest.mark.parametrize(
    ("sought", "text", "found"),
    [
        ("jose", "José", True), ("JOSÉ", "jose", True), ("strasse", "Straße", True),
        ("ß", "STRASSE", True), ("stras", "Straße", True), ("семен", "Семён", True), ("и", "й", False),
        ("か", "が", False), ("मोना", "मीना", False), ("김", "긴", False), ("มา", "ม้า", False),
        ("abc", "ＡＢＣ", True), ("%", "100", False), ("_", "a", False), (".", "a", False),
        ("", "anything", True), ("\u200b", "anything", True), ("علیرضا", "علی‌رضا", True),
        ("οδυσσευσ", "Οδυσσεύς", True),
    ],
)  # fmt: skip
def test_what_is_found(sought, text, found):
    assert occurs(sought, text) is found


def test_a_pattern_of_a_hundred_letters_is_one():
    assert len(pattern("s" * 100)) < 20_000
