import pytest
from sqlalchemy import update

from bank_app.models import User
from bank_app.ui.pages.account import AccountState
from bank_app.ui.pages.account_ledger import LedgerState
from bank_app.ui.pages.accounts import OpenAccountState
from bank_app.ui.pages.home import HomeState
from tests.handlers import name_of

HOME = name_of(HomeState.open)
ACCOUNT = name_of(AccountState)
LEDGER = name_of(LedgerState)
OPEN_ACCOUNT = name_of(OpenAccountState.submit)
HYDRATE = "reflex___state____state.hydrate"


def test_nobody_reaches_a_customers_handler_without_signing_in(client, site):
    from bank_app.ui import guard

    for name, audience in guard.callable_handlers().items():
        if audience == guard.CUSTOMER:
            answer = client.send(name)
            assert answer.redirects == ["/sign-in?next=/home"], name
            assert set(answer.vars) <= {"is_hydrated"} or "available" not in answer.vars, name


def test_visitors_reach_only_what_is_meant_for_them(site):
    from bank_app.ui import guard

    public = {name.split("____")[-1] for name, who in guard.callable_handlers().items() if who == guard.PUBLIC}
    assert public == {
        "books_state.look", "notice_state.failed", "sign_in_state.open", "sign_up_state.open",
        "code_state.open", "reset_state.open", "reset_state.look", "setup_state.open",
    }  # fmt: skip


def test_everything_that_is_not_marked_is_gone(site):
    from reflex_base.registry import RegistrationContext

    from bank_app.ui import guard

    left = set(RegistrationContext.get().event_handlers)
    assert left <= guard.FRAMEWORK | set(guard.callable_handlers())
    assert not [name for name in left if name.endswith((".setvar", "._show", "._welcome"))]


def test_an_unmarked_handler_does_not_run_even_when_it_is_registered_later(client, ada, cookie_of):
    answer = client.send(f"{ACCOUNT}.setvar", {"var_name": "available", "value": "1"}, cookie=cookie_of(ada))
    assert "available" not in answer.vars


def test_the_owner_sees_the_money(client, ada, counter, cookie_of):
    counter.open(ada, "1240.00")
    answer = client.send(HOME, cookie=cookie_of(ada))
    assert answer.vars["current"] == "$1,240.00"
    assert answer.vars["first_name"] == "Ada"


def test_a_stolen_tab_token_shows_nothing_of_its_owner(client, ada, eve, counter, cookie_of):
    counter.open(ada, "1240.00")
    client.send(HOME, cookie=cookie_of(ada), tab="adas-tab")
    for thief in ("", cookie_of(eve)):
        answer = client.send(HYDRATE, cookie=thief, tab="adas-tab")
        assert "1,240" not in answer
        assert "Ada" not in answer


def test_signing_out_ends_a_tab_that_is_still_open(client, bank, ada, counter, cookie_of):
    from bank_app.services import auth

    counter.open(ada, "1240.00")
    cookie = cookie_of(ada)
    client.send(HOME, cookie=cookie)
    auth.close_browser_session(bank.db, cookie.split("=", 1)[1])
    answer = client.send(HOME, cookie=cookie)
    assert answer.redirects == ["/sign-in?ended=self"]
    assert "1,240" not in answer


def test_another_customers_account_answers_like_one_that_does_not_exist(client, ada, eve, counter, cookie_of):
    account = counter.open(ada, "1240.00")
    # The total of the books is public; it must not happen to be what Ada has.
    counter.open(ada, "5.00")
    cookie = cookie_of(eve)
    theirs = client.send(f"{ACCOUNT}.open", cookie=cookie, path=f"/accounts/{account.number}")
    nobodys = client.send(f"{ACCOUNT}.open", cookie=cookie, path="/accounts/1234567802", tab="tab-2")
    assert theirs.vars["missing"] == account.number
    assert nobodys.vars["missing"] == "1234567802"
    assert "1,240" not in theirs
    # Nor do the other handlers of the page work on an account that was never loaded.
    account_events = (
        ("prove", {}),
        ("refresh", {}),
        ("ask", {"form": {"at": "2026-01-01"}}),
        ("choose_range", {"days": "all"}),
    )
    events = [(f"{ACCOUNT}.{name}", payload) for name, payload in account_events]
    for name, payload in (*events, *((f"{LEDGER}.{name}", {}) for name in ("load_more", "refresh", "show_fresh"))):
        assert "1,240" not in client.send(name, payload, cookie=cookie)


@pytest.mark.parametrize("value", ["abc", None, [1], {"x": 1}, 1.9, True, 10**30, "x" * 10_000])
def test_wrong_types_do_nothing(client, ada, bank, cookie_of, value):
    from bank_app.services import accounts

    cookie = cookie_of(ada)
    client.send(f"{ACCOUNT}.choose_range", {"days": value}, cookie=cookie)
    client.send(f"{LEDGER}.search", {"form": value}, cookie=cookie)
    client.send(OPEN_ACCOUNT, {"form": {"nickname": value, "kind": value}}, cookie=cookie)
    for account in bank.db.read(lambda session: accounts.own_accounts(session, ada)):
        assert len(account.title) <= 40


def test_a_burst_is_let_through_and_a_flood_is_not():
    from bank_app.ui.guard import Buckets

    now = [0.0]
    buckets = Buckets(burst=5, rate=2, clock=lambda: now[0])
    assert [buckets.take("tab") for _ in range(7)] == [True] * 5 + [False] * 2
    assert buckets.take("another tab")
    now[0] = 1.0
    assert [buckets.take("tab") for _ in range(3)] == [True, True, False]


def test_a_broken_handler_says_so_without_details(client, ada, cookie_of, monkeypatch, caplog):
    from bank_app.services import accounts

    def broken(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(accounts, "own_accounts", broken)
    answer = client.send(HOME, cookie=cookie_of(ada))
    assert answer.vars["text"].startswith("Something failed on our side.")
    assert "secret" not in answer


def test_with_another_role_a_tab_that_is_still_open_begins_anew(client, bank, teller, ada, counter, cookie_of):
    account = counter.open(ada, "1240.00")
    cookie, path = cookie_of(teller), f"/accounts/{account.number}"
    assert "1,240" in client.send(f"{ACCOUNT}.open", cookie=cookie, path=path)
    demotion = update(User).where(User.id == teller.user_id).values(role="customer")
    bank.db.unit_of_work(lambda session: session.execute(demotion))
    for name in (f"{ACCOUNT}.prove", HYDRATE, f"{ACCOUNT}.open"):
        answer = client.send(name, cookie=cookie, path=path)
        # The total of the books of a demo is everybody's.
        answer.vars = {name: value for name, value in answer.vars.items() if name not in ("lines", "debit", "credit")}
        assert "1,240" not in answer, name
        assert "Ada" not in answer, name
