"""Which tabs are told of what, and that an event which the bank sends to a tab is one of that tab's person."""

import asyncio
import dataclasses
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from bank_app import clock
from bank_app.domain.accounting import AccountStatus, Role
from bank_app.domain.identifiers import new_id
from bank_app.services import auth, changes, notices
from bank_app.services.actor import Actor
from bank_app.ui.live import LiveState
from bank_app.ui.pages.notifications import NotificationsState
from tests.conftest import PASSWORD
from tests.handlers import name_of

LIVE = name_of(LiveState)


@pytest.fixture
def live(site):
    """The room, with nobody in it before and after."""
    from bank_app.ui import live

    live.WATCH.keep_only(())
    yield live
    live.WATCH.keep_only(())


def person(role=Role.CUSTOMER):
    return Actor(new_id(), "a@bank.test", "Somebody", role, new_id())


def tokens(tabs):
    return sorted(tab.token for tab in tabs)


def test_only_tabs_that_show_a_changed_account_are_concerned(live):
    watch = live.Watch()
    watch.begin("a", person(), "/home", {1: (1,), 2: (1,)})
    watch.begin("b", person(), "/home", {2: (1,)})
    watch.begin("c", person(), "/home", {3: (1,)})
    assert watch.accounts() == {1, 2, 3}
    assert watch.compare({1: (1,), 2: (1,), 3: (1,)}) == []
    assert tokens(watch.compare({1: (1,), 2: (2,), 3: (1,)})) == ["a", "b"]
    assert watch.compare({1: (1,), 2: (2,), 3: (1,)}) == []


def test_a_tab_that_comes_later_hides_no_change_from_the_others(live):
    watch = live.Watch()
    watch.begin("a", person(), "/home", {1: (1,)})
    watch.begin("b", person(), "/home", {1: (2,)})
    assert tokens(watch.compare({1: (2,)})) == ["a", "b"]


def test_an_answer_about_an_account_that_nobody_shows_any_more_is_forgotten(live):
    watch = live.Watch()
    watch.begin("a", person(), "/home", {1: (1,)})
    watch.keep_only(())
    assert watch.compare({1: (2,)}) == []
    assert watch.accounts() == set()


def test_another_page_of_a_tab_shows_other_accounts(live):
    watch, somebody = live.Watch(), person()
    watch.begin("a", somebody, "/home", {1: (1,)})
    watch.also("a", {7: (1,)})
    assert tokens(watch.compare({7: (2,)})) == ["a"]
    watch.begin("a", somebody, "/accounts", {1: (1,)})
    assert watch.compare({7: (3,)}) == []
    watch.also("nobody", {8: (1,)})
    assert 8 not in watch.accounts()


def test_records_concern_the_person_the_account_and_the_staff(live):
    watch, ada = live.Watch(), person()
    watch.begin("a", ada, "/home", {1234567802: (1,)})
    watch.begin("b", person(), "/home", {})
    watch.begin("t", person(Role.TELLER), "/ops", {})
    assert tokens(watch.about({f"user {ada.user_id}"})) == ["a", "t"]
    assert tokens(watch.about({"account 1234567802"})) == ["a", "t"]
    assert watch.about(set()) == []
    assert tokens(watch.of_staff()) == ["t"]


def test_tabs_of_a_sign_in_that_is_over_are_found(live):
    watch, ada, ben = live.Watch(), person(), person()
    watch.begin("a", ada, "/home", {})
    watch.begin("b", ben, "/home", {})
    assert tokens(watch.signed_out({ben.sign_in_id})) == ["a"]
    assert watch.sign_ins() == {ada.sign_in_id, ben.sign_in_id}


def test_a_page_watches_what_its_person_may_see(client, live, ada, ben, teller, counter, cookie_of):
    mine, theirs = counter.open(ada, "10.00"), counter.open(ben, "10.00")
    client.send(f"{LIVE}.watch", cookie=cookie_of(ada), tab="a", path=f"/accounts/{theirs.number}")
    client.send(f"{LIVE}.watch", cookie=cookie_of(teller), tab="t", path=f"/ops/accounts/{theirs.number}")
    assert live.WATCH.tabs["a"].accounts == {mine.id}
    assert live.WATCH.tabs["t"].accounts == {theirs.id}
    assert live.WATCH.tabs["t"].is_staff
    client.send(f"{LIVE}.watch", cookie="", tab="n")
    assert "n" not in live.WATCH.tabs


def test_what_came_in_is_said_once_to_the_person_it_came_to(client, live, ada, ben, counter, cookie_of):
    mine, theirs = counter.open(ada, "10.00"), counter.open(ben, "100.00")
    a, b = cookie_of(ada), cookie_of(ben)
    client.send(f"{LIVE}.watch", cookie=a, tab="a")
    client.send(f"{LIVE}.watch", cookie=b, tab="b")
    counter.transfer(ben, theirs, mine, "25.00")
    heard = client.send(f"{LIVE}.arrived", cookie=a, tab="a")
    assert heard.vars["said"] == "Everyday now $35.00, $25.00 in from Ben Ito."
    assert heard.vars["text"] == "Ben Ito sent you $25.00. Everyday is now $35.00."
    assert heard.vars["unread"] == 1
    assert "said" not in client.send(f"{LIVE}.arrived", cookie=a, tab="a").vars
    assert "$" not in repr(client.send(f"{LIVE}.arrived", cookie=b, tab="b").vars)


def test_several_at_once_are_one_sentence(client, live, ada, ben, counter, cookie_of):
    mine, theirs = counter.open(ada, "10.00"), counter.open(ben, "100.00")
    cookie = cookie_of(ada)
    client.send(f"{LIVE}.watch", cookie=cookie, tab="a")
    for _ in range(3):
        counter.transfer(ben, theirs, mine, "5.00")
    heard = client.send(f"{LIVE}.arrived", cookie=cookie, tab="a")
    assert heard.vars["said"] == "Everyday now $25.00, 3 entries."
    assert heard.vars["text"].endswith("And 2 more.")


def test_a_freeze_is_said_and_security_interrupts(client, live, bank, ada, teller, counter, cookie_of):
    account = counter.open(ada, "10.00")
    cookie = cookie_of(ada)
    client.send(f"{LIVE}.watch", cookie=cookie, tab="a")
    counter.change(teller, account, status=AccountStatus.FROZEN)
    heard = client.send(f"{LIVE}.arrived", cookie=cookie, tab="a")
    assert heard.vars["said"] == "Everyday is frozen."
    assert "Money can arrive but can't leave" in heard.vars["text"]
    auth.open_browser_session(bank.db, email=ada.email, password=PASSWORD, address="::1", user_agent="Firefox/1 Linux")
    heard = client.send(f"{LIVE}.arrived", cookie=cookie, tab="a")
    assert (heard.vars["said"], heard.vars["urgent"]) == ("", "New sign-in to your account.")


def test_what_the_bank_sends_keeps_nobody_signed_in(client, live, bank, ada, cookie_of):
    cookie = cookie_of(ada)
    client.send(f"{LIVE}.watch", cookie=cookie, tab="a")
    sign_in = live.WATCH.tabs["a"].sign_in_id
    late = clock.now() + timedelta(minutes=bank.settings.session_idle_minutes - 1)
    after = late + timedelta(minutes=2)

    def is_over(handler):
        with clock.moved_to(late):
            client.send(f"{LIVE}.{handler}", cookie=cookie, tab="a")
        with clock.moved_to(after):
            return not changes.still_signed_in(bank.db, [sign_in])

    assert is_over("arrived")
    assert not is_over("watch")


def test_marking_all_read_silences_the_bell(client, live, bank, ada, ben, counter, cookie_of):
    mine, theirs = counter.open(ada, "10.00"), counter.open(ben, "100.00")
    for _ in range(2):
        counter.transfer(ben, theirs, mine, "5.00")
    page = name_of(NotificationsState)
    cookie = cookie_of(ada)
    client.send(f"{LIVE}.watch", cookie=cookie, tab="a", path="/notifications")
    shown = client.send(f"{page}.open", cookie=cookie, tab="a", path="/notifications")
    assert shown.vars["unread"] is True
    answer = client.send(f"{page}.mark_all_read", cookie=cookie, tab="a", path="/notifications")
    assert answer.vars["said"] == "2 marked as read."
    assert bank.db.read(lambda session: notices.unread(session, ada)) == 0


# --- the rounds --------------------------------------------------------------------------------------


@dataclasses.dataclass
class Recorder:
    """Stands for the application: knows which tabs are connected, and keeps what was sent to each."""

    connected: set
    sent: list = dataclasses.field(default_factory=list)

    @property
    def event_namespace(self):
        return SimpleNamespace(token_to_sid=dict.fromkeys(self.connected, "sid"))

    @property
    def event_processor(self):
        return self

    async def enqueue_many(self, token, *events):
        self.sent += [(token, event.name.rpartition(".")[2]) for event in events]

        async def nothing():
            return None

        return [SimpleNamespace(wait_all=nothing) for _ in events]


@pytest.fixture
def rounds(live, bank, monkeypatch):
    """`rounds(app, step, step)`: one round, and then one after each step; what was sent after each."""
    monkeypatch.setattr(live, "_PAUSE", 0)
    monkeypatch.setattr(live, "_SELDOM", 2)

    def run(app, *steps):
        async def walk():
            walking, told = live.Rounds(app, live.WATCH), []
            for step in (lambda: None, *steps):
                step()
                for _ in range(2):
                    await walking._once()
                    await asyncio.sleep(0.02)
                told.append(app.sent[:])
                app.sent.clear()
            return told[1:]

        return asyncio.run(walk())

    return run


def test_a_change_reaches_the_page_that_shows_it_and_no_other(rounds, client, live, ada, ben, eve, counter, cookie_of):
    mine, theirs = counter.open(ada, "10.00"), counter.open(ben, "100.00")
    counter.open(eve, "5.00")
    for somebody in (ada, ben, eve):
        client.send(f"{LIVE}.watch", cookie=cookie_of(somebody), tab=somebody.name[0], path="/notifications")
    told, nothing = rounds(
        Recorder({"A", "B", "E"}), lambda: counter.transfer(ben, theirs, mine, "25.00"), lambda: None
    )
    assert sorted(set(told)) == [("A", "arrived"), ("A", "refresh"), ("B", "arrived"), ("B", "refresh")]
    assert nothing == []


def test_a_tab_whose_sign_in_is_over_is_told_once(rounds, client, live, bank, ada, cookie_of):
    cookie = cookie_of(ada)
    client.send(f"{LIVE}.watch", cookie=cookie, tab="A")
    ends = lambda: auth.close_browser_session(bank.db, cookie.split("=", 1)[1])  # noqa: E731
    assert rounds(Recorder({"A"}), ends, lambda: None) == [[("A", "arrived")], []]
    answer = client.send(f"{LIVE}.arrived", cookie=cookie, tab="A")
    assert answer.redirects == ["/sign-in?ended=self"]


def test_staff_hear_of_money_wherever_it_moves(rounds, client, live, ada, ben, teller, counter, cookie_of):
    mine, theirs = counter.open(ada, "50.00"), counter.open(ben)
    client.send(f"{LIVE}.watch", cookie=cookie_of(teller), tab="T", path="/ops")
    told, nothing = rounds(Recorder({"T"}), lambda: counter.transfer(ada, mine, theirs, "1.00"), lambda: None)
    assert ("T", "arrived") in told
    assert nothing == []


def test_the_state_of_an_open_page_is_kept(rounds, client, live, ada, cookie_of, monkeypatch):
    monkeypatch.setattr(live, "_KEEPING", 1)
    client.send(f"{LIVE}.watch", cookie=cookie_of(ada), tab="A")
    app, kept = Recorder({"A"}), []

    async def get_state(token):
        kept.append(token.ident)

    app.state_manager = SimpleNamespace(get_state=get_state)
    rounds(app, lambda: None)
    assert set(kept) == {"A"}


def test_a_worker_without_tabs_asks_nothing(rounds, client, live, ada, cookie_of, monkeypatch):
    client.send(f"{LIVE}.watch", cookie=cookie_of(ada), tab="A")
    monkeypatch.setattr(changes, "marks", lambda *_: pytest.fail("asked"))
    assert rounds(Recorder(set()), lambda: None) == [[]]
    assert live.WATCH.tabs == {}


def test_a_database_that_is_away_pauses_and_ends_nothing(live, bank, client, ada, cookie_of, monkeypatch):
    from bank_app.errors import DatabaseUnavailable

    client.send(f"{LIVE}.watch", cookie=cookie_of(ada), tab="A")
    asked, often = [], threading.Event()

    def away(*_):
        asked.append(1)
        if len(asked) == 3:
            often.set()
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(changes, "marks", away)
    monkeypatch.setattr(live, "_EVERY", 0.01)

    async def a_moment():
        task = asyncio.create_task(live.Rounds(Recorder({"A"}), live.WATCH).run())
        assert await asyncio.to_thread(often.wait, 60)
        assert not task.done()
        task.cancel()

    asyncio.run(a_moment())
