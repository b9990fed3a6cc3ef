"""The pages of the bank's people about people: what they show, to whom, and what a press does."""

from datetime import timedelta
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import select

from bank_app import clock
from bank_app.domain.accounting import AccountStatus, Role
from bank_app.models import AuditRecord
from bank_app.services import auth, password_links, people, recovery, second_factor
from bank_app.services.right_now import Done
from bank_app.ui import audit_words, queue_words
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.helped import HelpedState
from bank_app.ui.pages.notifications import NotificationsState
from bank_app.ui.pages.ops_approvals import ApprovalsState, ApprovalState
from bank_app.ui.pages.ops_customer import RecordState
from bank_app.ui.pages.ops_customers import CustomersState
from bank_app.ui.pages.ops_queue import QueueState
from bank_app.ui.pages.ops_users import UsersState
from tests.handlers import name_of

QUEUE = name_of(QueueState)
CUSTOMERS = name_of(CustomersState)
RECORD = name_of(RecordState)
USERS = name_of(UsersState)
APPROVALS, APPROVAL = name_of(ApprovalsState), name_of(ApprovalState)
PASSWORD, WHY = "lantern-orchard-48-violin", "Phone was stolen, asked by the owner"


def record_of(client, person, cookie, **more):
    return client.send(f"{RECORD}.open", cookie=cookie, path=f"/ops/customers/{person.user_id}", **more)


@pytest.fixture
def cookie(cookie_of, teller):
    return cookie_of(teller)


def test_customers_reach_none_of_these_pages(client, ada, ben, cookie_of):
    theirs = cookie_of(ada)
    for name in ("open", "refresh"):
        for state in (QUEUE, CUSTOMERS, RECORD, USERS, APPROVALS, APPROVAL):
            answer = client.send(f"{state}.{name}", cookie=theirs, path=f"/ops/customers/{ben.user_id}", tab=state)
            assert "Ben" not in answer
            assert not {"rows", "person", "heading"} & set(answer.vars)


def test_the_queue_says_how_many_things_wait_and_shows_one_kind(client, cookie, counter, ada, ben, teller):
    source, target = counter.open(ada, "500.00"), counter.open(ben)
    counter.change(teller, target, status=AccountStatus.FROZEN, reason=WHY)
    counter.transfer(ada, source, target, "180.00")
    answer = client.send(f"{QUEUE}.open", cookie=cookie, path="/ops")
    assert answer.vars["heading"] == "One thing needs you"
    [row] = answer.vars["rows"]
    assert (row.title, row.amount, row.why.split(" since ")[0]) == (
        "Money arrived in a frozen account", "$180.00", "1 arrival",
    )  # fmt: skip
    assert row.address == f"/ops/accounts/{target.number}"
    assert [deed.did for deed in answer.vars["deeds"]] == [f"froze Ben Ito ••{target.number[-4:]}, “{WHY}”"]
    assert answer.vars["posted"] == 2


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "1 min"),
        (6, "6 min"),
        (60, "1 h"),
        (161, "2 h 41 min"),
        (303, "5 h 03 min"),
        (1680, "1 d 4 h"),
        (2880, "2 d"),
    ],
)
def test_how_long_something_waits_is_said_shortly(minutes, said):
    assert queue_words.age(timedelta(minutes=minutes)) == said


@pytest.mark.parametrize(
    ("total", "said"),
    [(0, "Nothing needs you"), (1, "One thing needs you"), (7, "Seven things need you"), (13, "13 things need you")],
)
def test_the_heading_counts_in_words(total, said):
    assert queue_words.heading(total) == said


@pytest.mark.parametrize("action", sorted({*audit_words.ACTIONS, "thing.never_seen"}))
def test_whatever_the_team_did_is_said_in_words(action):
    done = Done(UUID(int=7 << 76), clock.now(), "Olu Adeyemi", action, "Ben Ito", "", {}, 500, "USD")
    said = queue_words.deed(done).did
    assert said[0].islower()
    assert not {"_", "."} & set(said.replace("$5.00", ""))


def test_a_record_is_shown_and_the_look_recorded(client, bank, cookie, counter, ada, teller):
    account = counter.open(ada, "40.00")
    answer = record_of(client, ada, cookie)
    assert answer.vars["person"].name == "Ada Lindqvist"
    assert [one.address for one in answer.vars["accounts"]] == [f"/ops/accounts/{account.number}"]
    assert answer.vars["may_decide"] is True
    looked = select(AuditRecord.actor_id, AuditRecord.object).where(AuditRecord.action == people.LOOKED)
    trail = bank.db.read(lambda session: session.execute(looked).all())
    assert trail == [(teller.user_id, f"user {ada.user_id}")]


def test_an_auditor_has_no_button_and_is_refused_without_one(client, bank, ada, auditor, cookie_of):
    theirs = cookie_of(auditor)
    answer = record_of(client, ada, theirs)
    assert answer.vars["may_decide"] is False
    for press, payload in (
        ("disable", {"form": {"disable-reason": WHY}}), ("unlock", {}), ("sign_out", {"_form": {}}),
        ("end_second_step", {"form": {"second-step-reason": WHY}}),
        ("make_link", {"form": {"password-reason": WHY}}),
    ):  # fmt: skip
        refused = client.send(f"{RECORD}.{press}", payload, cookie=theirs, path=f"/ops/customers/{ada.user_id}")
        assert refused.vars.get("link", "") == ""
        assert refused.vars.get("code") == "forbidden", press
    noted = client.send(f"{RECORD}.add_note", {"form": {"note": "Hello"}}, cookie=theirs, path="/ops/customers/x")
    assert "look but not change" in noted.vars["note_error"]
    assert auth.open_browser_session(bank.db, email=ada.email, password=PASSWORD, address="", user_agent="")


def test_a_short_reason_disables_nobody_and_a_good_one_does(client, bank, cookie, ada):
    record_of(client, ada, cookie)
    path = f"/ops/customers/{ada.user_id}"
    answer = client.send(f"{RECORD}.disable", {"form": {"disable-reason": "short"}}, cookie=cookie, path=path)
    assert "at least 10 characters" in answer.vars["reason_error"]
    answer = client.send(f"{RECORD}.disable", {"form": {"disable-reason": WHY}}, cookie=cookie, path=path)
    assert answer.vars["person"].standing == "disabled"
    assert answer.vars["lock"].text.startswith("Sign-in is switched off since today")
    with pytest.raises(Exception, match="don't match"):
        auth.open_browser_session(bank.db, email=ada.email, password=PASSWORD, address="", user_agent="")


def test_two_step_sign_in_is_turned_off_for_who_lost_everything(client, bank, cookie, ada):
    second_factor.begin(bank.db, ada, password=PASSWORD)
    app = pyotp.TOTP(second_factor.enrolment(bank.db, ada).key.replace(" ", ""))
    second_factor.confirm(bank.db, ada, code=app.at(clock.now()))
    path, press = f"/ops/customers/{ada.user_id}", f"{RECORD}.end_second_step"
    assert record_of(client, ada, cookie).vars["person"].second_step

    def turned_off(reason):
        return client.send(press, {"form": {"second-step-reason": reason}}, cookie=cookie, path=path).vars

    assert "at least 10 characters" in turned_off("short")["reason_error"]
    assert "to 300 characters (now 350)" in turned_off("x" * 350)["reason_error"]
    assert record_of(client, ada, cookie).vars["person"].second_step
    assert not turned_off(WHY)["person"].second_step
    assert auth.open_browser_session(bank.db, email=ada.email, password=PASSWORD, address="", user_agent="")


def test_a_password_link_is_shown_once(client, cookie, ada):
    record_of(client, ada, cookie)
    path = f"/ops/customers/{ada.user_id}"
    # One teller alone at the bank: nobody could approve it.
    answer = client.send(f"{RECORD}.make_link", {"form": {"password-reason": WHY}}, cookie=cookie, path=path)
    assert "/reset#" in answer.vars["link"]
    assert record_of(client, ada, cookie).vars["link"] == ""


def test_of_a_code_each_of_two_is_shown_one_half_once(client, bank, cookie, ada, admin, cookie_of):
    record_of(client, ada, cookie)
    path, form = f"/ops/customers/{ada.user_id}", {"form": {"password-reason": WHY}}
    asked = client.send(f"{RECORD}.make_link", form, cookie=cookie, path=path).vars
    assert (asked["link"], len(asked["half"])) == ("", 14)
    theirs, where = cookie_of(admin), asked["approval"]
    waits = client.send(f"{QUEUE}.open", cookie=theirs, path="/ops", tab="admin").vars["rows"]
    assert [(row.title, row.address) for row in waits] == [("New password to approve", where)]
    # Whoever asked has no button, and is refused without one.
    mine = client.send(f"{APPROVAL}.open", cookie=cookie, path=where, tab="mine").vars["approval"]
    assert (mine.mine, mine.may_decide) == (True, False)
    press = {"digest": mine.digest}
    alone = client.send(f"{APPROVAL}.approve", press, cookie=cookie, path=where, tab="mine").vars
    assert "a colleague has to approve it" in alone["refused"]
    shown = client.send(f"{APPROVAL}.open", cookie=theirs, path=where, tab="admin").vars["approval"]
    assert shown.may_decide
    assert "Ada" in shown.happens
    done = client.send(f"{APPROVAL}.approve", press, cookie=theirs, path=where, tab="admin").vars
    assert len(done["half"]) == 14
    assert done["half"] != asked["half"]
    assert done["approval"].state == "done"
    again = client.send(f"{APPROVAL}.open", cookie=theirs, path=where, tab="admin").vars
    assert again["half"] == ""
    assert record_of(client, ada, cookie).vars["half"] == ""
    assert auth.open_browser_session(bank.db, email=ada.email, password=PASSWORD, address="", user_agent="")


def test_a_request_is_refused_with_a_reason_or_taken_back(client, cookie, two, ada, teller, admin, cookie_of):
    first, theirs = two.ask(teller, ada, "unlock"), cookie_of(admin)
    where = f"/ops/approvals/{first.id}"
    client.send(f"{APPROVAL}.open", cookie=theirs, path=where, tab="admin")
    short = client.send(f"{APPROVAL}.refuse", {"form": {"refuse-reason": "no"}}, cookie=theirs, path=where, tab="admin")
    assert "at least 10 characters" in short.vars["reason_error"]
    form = {"form": {"refuse-reason": "That was not the customer"}}
    refused = client.send(f"{APPROVAL}.refuse", form, cookie=theirs, path=where, tab="admin").vars["approval"]
    assert (refused.state, refused.answer) == ("refused", "That was not the customer")
    second = two.ask(teller, ada, "unlock")
    where = f"/ops/approvals/{second.id}"
    client.send(f"{APPROVAL}.open", cookie=cookie, path=where)
    assert client.send(f"{APPROVAL}.withdraw", cookie=cookie, path=where).vars["approval"].state == "withdrawn"
    listed = client.send(f"{APPROVALS}.open", cookie=cookie, path="/ops/approvals").vars
    assert listed["waiting"] == []
    assert [one.state for one in listed["decided"]] == ["withdrawn", "refused"]


def test_a_colleague_is_invited_by_an_admin_only(client, admin, teller, cookie_of):
    form = {"form": {"invite-name": "New Colleague", "invite-email": "new@bank.test", "role": "auditor"}}
    desk = cookie_of(teller)
    # The first answer to a tab has the variables of all pages, many of the same name.
    client.send(f"{USERS}.open", cookie=desk, path="/ops/users")
    refused = client.send(f"{USERS}.invite", form, cookie=desk, path="/ops/users")
    assert refused.vars["problems"]
    assert refused.vars.get("link", "") == ""
    theirs = cookie_of(admin)
    client.send(f"{USERS}.open", cookie=theirs, path="/ops/users", tab="admin")
    wrong = client.send(
        f"{USERS}.invite", {"form": {"invite-email": "no", "role": "customer"}}, cookie=theirs, path="/ops/users",
        tab="admin",
    )  # fmt: skip
    assert wrong.vars["problems"]
    answer = client.send(f"{USERS}.invite", form, cookie=theirs, path="/ops/users", tab="admin")
    assert "/reset#" in answer.vars["link"]
    [row] = [row for row in answer.vars["rows"] if row.name == "New Colleague"]
    assert (row.role_word, row.standing) == ("Auditor", "invited")


# --- another role -------------------------------------------------------------------------------------------


def role_form(visitor, cookie, person, **changes):
    form = {"user": str(person.user_id), "role": "teller", "reason": WHY, "password": PASSWORD, **changes}
    return visitor.post("/auth/role", data=form, headers={"cookie": cookie}).headers["location"]


def role_of(bank, person):
    return bank.db.read(lambda session: auth.find(session, person.email)).role


def test_a_role_is_changed_with_reason_and_own_password(web, bank, ada, admin, teller, cookie_of):
    theirs, page = cookie_of(admin), f"/ops/users/{ada.user_id}"
    visitor = web(create_routes(bank.db, bank.settings))
    for changes, problem in (
        ({"password": "not mine at all"}, "PASSWORD_NOT_YOURS"),
        ({"reason": "short"}, "REASON_REQUIRED"),
        ({"role": "king"}, "ROLE_REQUIRED"),
    ):
        assert role_form(visitor, theirs, ada, **changes) == f"{page}?problem={problem}"
    assert role_form(visitor, cookie_of(teller), ada) == f"{page}?problem=forbidden"
    assert role_form(visitor, "", ada).startswith("/sign-in")
    assert role_of(bank, ada) is Role.CUSTOMER
    assert role_form(visitor, theirs, ada) == "/ops/users?done=ROLE_CHANGED"
    assert role_of(bank, ada) is Role.TELLER
    assert role_form(visitor, theirs, admin) == f"/ops/users/{admin.user_id}?problem=last_admin"


NOTICES = name_of(NotificationsState)
HELPED = name_of(HelpedState)


def test_who_was_helped_back_in_is_told_until_he_has_read_it_and_it_is_over(client, bank, two, ada, teller, cookie_of):
    password_links.use(bank.db, two.link(teller, ada), PASSWORD)
    hers = cookie_of(ada)
    told = client.send(f"{HELPED}.look", cookie=hers, path="/home").vars
    assert told["unread_help"] is True
    [one] = told["helped"]
    assert "Olu Adeyemi" in one.text
    assert "nobody else to approve it" in one.text
    assert told["guarded_limit"] == bank.settings.recovery_limit
    client.send(f"{NOTICES}.mark_all_read", cookie=hers, path="/home")
    assert client.send(f"{HELPED}.look", cookie=hers, path="/home", tab="another").vars["unread_help"] is True
    read = client.send(f"{HELPED}.read", cookie=hers, path="/home", tab="another").vars
    assert read["unread_help"] is False
    # What is guarded goes on being told.
    assert client.send(f"{HELPED}.look", cookie=hers, path="/home", tab="third").vars["helped"]
    with clock.moved_to(clock.now() + timedelta(hours=bank.settings.recovery_alone_hours + 1)):
        assert bank.db.read(lambda session: recovery.helped(session, ada.user_id)) == []
