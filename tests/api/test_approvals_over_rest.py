"""What takes two of the bank's people, for programs."""

import pytest

from bank_app.api.app import create_api
from bank_app.domain.accounting import Role
from bank_app.services import auth, password_links

PASSWORD, NEW = "lantern-orchard-48-violin", "quiet meadow under nine clocks"
WHY = "Showed a passport at the desk"


@pytest.fixture
def colleague(register):
    return register("Ama Boateng", Role.TELLER)


def test_one_asks_another_approves_and_each_has_one_half(caller, db, ada, ben, teller, colleague):
    his, hers, not_theirs = caller(teller), caller(colleague), caller(ben)
    wish = {"kind": "password_link", "subject": f"user {ada.user_id}", "reason": WHY}
    assert not_theirs.post("/approvals", json=wish).status_code == 403
    asked = his.post("/approvals", json=wish)
    assert (asked.status_code, asked.json()["state"], asked.json()["token"]) == (201, "pending", None)
    where = f"/approvals/{asked.json()['id']}"
    shown = hers.get(where).json()
    assert (shown["may_decide"], shown["before"]["email"]) == (True, ada.email)
    assert [one["id"] for one in hers.get("/approvals?state=pending").json()["items"]] == [shown["id"]]
    exactly = {"digest": shown["digest"]}
    for program, status in ((his, 403), (not_theirs, 403)):
        assert program.post(f"{where}/approve", json=exactly).status_code == status
    done = hers.post(f"{where}/approve", json=exactly)
    assert done.status_code == 200
    again = hers.post(f"{where}/approve", json=exactly)
    assert (again.status_code, again.json()["half"]) == (200, None)
    refused = his.post(f"{where}/withdraw")
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "approval_not_open", "done")
    password_links.use(db, asked.json()["half"] + done.json()["half"], NEW)
    assert auth.issue_tokens(db, email=ada.email, password=NEW, address="192.0.2.1")


def test_what_the_settings_name_takes_two(serve, another, counter, ada, teller, colleague, token_of):
    hers = counter.open(ada, "5000.00")
    paid = counter.withdraw(teller, hers, "2000.00").transaction.id
    demanding = another(approvals="recovery,roles,limits,reversals")
    strict = serve(create_api(demanding, demanding.settings))

    def ask(person, method, path, body):
        headers = {"Authorization": f"Bearer {token_of(person)}"}
        return strict.request(method, f"/api/v1{path}", json=body, headers=headers)

    lowered = ask(teller, "PATCH", f"/accounts/{hers.number}", {"daily_limit": "100.00", "reason": WHY})
    assert lowered.status_code == 200
    wider = {"daily_limit": "900.00", "reason": WHY}
    for path, method, body, kind in (
        (f"/accounts/{hers.number}", "PATCH", wider, "limits"),
        (f"/transactions/{paid}/reverse", "POST", {"reason": WHY}, "reversal"),
    ):
        alone = ask(teller, method, path, body)
        assert (alone.status_code, alone.json()["code"], alone.json()["kind"]) == (409, "approval_required", kind)
        more = {"daily_limit": "900.00"} if kind == "limits" else {}
        wish = {"kind": kind, "subject": alone.json()["subject"], "reason": WHY, **more}
        asked = ask(teller, "POST", "/approvals", wish).json()
        assert asked["state"] == "pending"
        shown = ask(colleague, "GET", f"/approvals/{asked['id']}", None).json()
        done = ask(colleague, "POST", f"/approvals/{asked['id']}/approve", {"digest": shown["digest"]})
        assert done.status_code == 200, done.text
    assert counter.account(hers).daily_limit_minor == 900_00
    assert counter.balance(hers) == "5000.00"
