"""Documents in pieces are the same bytes as documents written at once."""

import json

import pytest

from bank_app.domain import json_file

NESTED = {"text": 'a "quote",\nan end of line: ",\n  "', "none": None, "more": {"list": [1, [], {}], "ü": "日本"}}


@pytest.mark.parametrize("pages", [[], [[]], [[NESTED]], [[], [NESTED, 1], [], ["x", NESTED]], [[{}], [[]]]])
@pytest.mark.parametrize("before", [{}, {"who": NESTED, "when": "now"}])
@pytest.mark.parametrize("after", [{}, {"hash": "00", "end": [NESTED]}])
@pytest.mark.parametrize("indent", [1, 2])
def test_pieces_put_together_are_the_document(pages, before, after, indent):
    whole = {**before, "items": [item for page in pages for item in page], **after}
    written = list(json_file.pieces(before, "items", iter(pages), after, indent=indent))
    assert "".join(written) == json.dumps(whole, ensure_ascii=False, indent=indent)
    assert len(written) == len(pages) + 1
