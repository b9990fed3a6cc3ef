"""What others wrote, where a page puts it into a sentence or a line of its own."""

import re

import pytest

from bank_app.ui import behind, words
from bank_app.ui.messages import say

ARABIC, HEBREW = "سارة خوري", "שרה כהן"


@pytest.mark.parametrize("name", [ARABIC, HEBREW, "Ada שרה"])
def test_a_name_from_right_to_left_turns_no_amount_around(name):
    said = say("TRANSFER_POSTED", amount="$25.00", to=name)
    assert f"\u2068{name}\u2069" in said
    assert "$25.00" in said
    assert words.named(name, "1234567889") == f"\u2068{name}\u2069 ••7889"


@pytest.mark.parametrize("hostile", ["Ada\u202e", "\u2067Ada", "Ada\x00\x1b[2J\n", "A\u200bda"])
def test_what_was_written_before_is_shown_without_what_nobody_sees(hostile):
    said = say("TRANSFER_POSTED", amount="$25.00", to=hostile)
    assert not re.search("[\x00-\x1f\u200b\u202a-\u202e\u2066-\u2069]", said)


def test_isolation_ends_where_the_name_ends():
    said = say("TRANSFER_POSTED", amount="$25.00", to=f"{ARABIC}\u2069\u2069\u202e")
    assert said.count("\u2068") == said.count("\u2069") == 1


def test_a_name_from_left_to_right_is_shown_as_it_is():
    assert say("TRANSFER_POSTED", amount="$25.00", to="José Ünal") == say(
        "TRANSFER_POSTED", amount="$25.00", to="José Ünal"
    ).replace("\u2068", "")


def test_the_answer_behind_a_page_spells_out_what_nobody_sees():
    assert behind._readable('{"metadata": {"note": "a\u202eb"}}').count("⟨U+202E⟩") == 1
    assert "\n" in behind._readable('{"a": 1}')
