import pytest

from bank_app.ui.books import BooksState
from tests.handlers import name_of

LOOK = name_of(BooksState.look)


@pytest.fixture
def open_to_all(bank, ada, counter):
    """A bank with money in it: `open_to_all(demo=True)`."""
    from bank_app.ui import calls

    counter.open(ada, "1240.00")

    def one(*, demo):
        calls.connect(bank.db, bank.settings.model_copy(update={"demo": demo}))

    return one


def test_in_a_demo_everybody_sees_what_is_in_the_books(client, open_to_all):
    open_to_all(demo=True)
    assert client.send(LOOK).vars["debit"] == "$1,240.00"


def test_elsewhere_a_visitor_learns_only_whether_the_books_balance(client, open_to_all, eve, cookie_of):
    open_to_all(demo=False)
    for cookie in ("", cookie_of(eve)):
        answer = client.send(LOOK, cookie=cookie, tab=cookie or "visitor")
        assert answer.vars["balance"] is True
        assert "1,240" not in answer
        assert answer.vars.get("lines", []) == []
        assert "posting" not in answer


def test_a_visitor_makes_nobody_add_up_the_accounts(client, open_to_all, monkeypatch):
    from bank_app.services import integrity

    open_to_all(demo=False)
    monkeypatch.delattr(integrity, "trial_balance")
    assert client.send(LOOK).vars["balance"] is True


def test_the_banks_people_see_the_totals(client, open_to_all, auditor, cookie_of):
    open_to_all(demo=False)
    assert client.send(LOOK, cookie=cookie_of(auditor)).vars["debit"] == "$1,240.00"


def test_totals_do_not_stay_in_a_tab_after_signing_out(client, bank, open_to_all, auditor, cookie_of):
    from bank_app.services import auth

    open_to_all(demo=False)
    cookie = cookie_of(auditor)
    client.send(LOOK, cookie=cookie)
    auth.close_browser_session(bank.db, cookie.split("=", 1)[1])
    assert "1,240" not in client.send("reflex___state____state.hydrate", cookie=cookie)
