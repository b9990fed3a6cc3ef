import threading
from urllib.parse import unquote

import httpx
import pytest
from starlette.responses import Response

from bank_app import demo, demo_town
from bank_app.errors import PasswordsBusy
from bank_app.services import auth, first_setup, passwords
from bank_app.settings import Settings
from bank_app.ui import cookies
from bank_app.ui.browser_routes import create_routes

PASSWORD = "lantern-orchard-48-violin"


@pytest.fixture
def browser(bank, web):
    return web(create_routes(bank.db, bank.settings))


def sign_in(browser, person, **more):
    return browser.post("/auth/login", data={"email": person.email, "password": PASSWORD, **more})


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(browser, bank, ada):
    answer = sign_in(browser, ada)
    assert (answer.status_code, answer.headers["location"]) == (303, "/home")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{cookies.name(bank.settings)}="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie


def test_over_tls_the_cookie_is_bound_to_the_host(bank, web, ada):
    settings = bank.settings.model_copy(update={"secure_cookies": True})
    answer = sign_in(web(create_routes(bank.db, settings)), ada)
    cookie = next(c for c in answer.headers.get_list("set-cookie") if "bank_session" in c)
    assert cookie.startswith("__Host-bank_session_")
    assert "Secure" in cookie


def test_over_tls_everything_that_a_browser_holds_is_bound_to_the_host(bank, web, ada):
    settings = bank.settings.model_copy(update={"secure_cookies": True})
    browser = web(create_routes(bank.db, settings))
    given = [
        *sign_in(browser, ada).headers.get_list("set-cookie"),
        *browser.post("/auth/login", data={"email": ada.email, "password": "wrong"}).headers.get_list("set-cookie"),
        *browser.post("/auth/logout").headers.get_list("set-cookie"),
    ]
    response = Response()
    cookies.set_half_session(response, settings, "half")
    given += response.headers.getlist("set-cookie")
    assert len({cookie.split("=")[0] for cookie in given}) >= 3
    for cookie in given:
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-bank_")
        assert {"httponly", "secure", "path=/", "samesite=strict"} <= parts
        assert not any(part.startswith("domain") for part in parts)


def test_two_banks_on_one_host_keep_apart_what_a_browser_holds_for_them(bank, web, ada, tmp_path):
    # A browser sends the cookies of a host to all of its ports.
    names = set()
    for change in (
        {}, {"secret_key": "another-key-of-another-bank-0123456789"}, {"public_url": "http://127.0.0.1:3001"},
        {"database_url": f"sqlite:///{tmp_path}/a-copy.sqlite3"},
    ):  # fmt: skip
        settings = Settings.model_validate({**bank.settings.model_dump(), **change})
        names |= {cookies.name(settings), cookies.half(settings), cookies.kept(settings)}
    assert len(names) == 4 * 3
    browser = web(create_routes(bank.db, bank.settings))
    sign_in(browser, ada)
    mine = dict(browser.cookies)
    neighbour = Settings.model_validate({**bank.settings.model_dump(), "public_url": "http://127.0.0.1:3001"})
    other = web(create_routes(bank.db, neighbour))
    other.cookies = browser.cookies
    sign_in(other, ada)
    other.post("/auth/login", data={"email": ada.email, "password": "wrong"})
    other.post("/auth/logout")
    assert {name: value for name, value in other.cookies.items() if name in mine} == mine


@pytest.mark.parametrize("email", ["ada@bank.test", "nobody@bank.test"])
def test_a_wrong_password_and_an_unknown_email_get_one_answer(browser, ada, email):
    answer = browser.post("/auth/login", data={"email": email, "password": "wrong wrong wrong"})
    assert answer.headers["location"] == "/sign-in?problem=invalid_credentials"
    assert "wrong" not in str(answer.headers)
    assert "bank_session_" not in str(answer.headers)


def test_in_a_demo_only_the_demo_people_are_entered_without_a_password(browser, bank, ada):
    demo_town.enroll(bank.db, [(demo.BEN.email, demo.BEN.name, demo.BEN.role)], passwords.hashed(demo.PASSWORD))
    assert browser.post("/auth/demo", data={"email": demo.BEN.email}).headers["location"] == "/home"
    somebody = browser.post("/auth/demo", data={"email": ada.email})
    assert "bank_session_" not in str(somebody.headers)


@pytest.mark.parametrize(
    "next_page",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\n/evil.example",
        "/\t/evil.example",
        "/auth/logout",
        "",
    ],
)
def test_nobody_is_sent_on_to_another_site(browser, ada, next_page):
    assert sign_in(browser, ada, next=next_page).headers["location"] == "/home"


def test_somebody_is_sent_back_to_the_page_they_wanted(browser, ada):
    assert sign_in(browser, ada, next="/accounts?x=1").headers["location"] == "/accounts?x=1"


def test_who_is_quicker_than_the_page_is_sent_back_as_well(browser, ada):
    """Its form has no such field yet, but stands at an address that says so; one of elsewhere leads nowhere else."""
    for wanted, led in (("/move", "/move"), ("//evil.example", "/home"), ("/auth/logout", "/home")):
        browser.headers["referer"] = f"http://bank.test/sign-in?next={wanted}"
        assert sign_in(browser, ada, next="").headers["location"] == led
    assert sign_in(browser, ada, next="/accounts").headers["location"] == "/accounts"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ""}, {"origin": "http://["},
        {"origin": "http://bank.test.evil.example"}, {"origin": "http://x@bank.test"}, {"sec-fetch-site": "cross-site"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["login", "register", "demo", "logout"])
def test_forms_of_other_sites_are_refused(browser, ada, headers, form):
    answer = browser.post(f"/auth/{form}", data={"email": ada.email, "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_huge_form_is_refused(browser):
    assert browser.post("/auth/login", data={"email": "x" * 20_000}).status_code == 413


def test_signing_out_makes_the_cookie_worthless(browser, bank, ada):
    token = sign_in(browser, ada).cookies[cookies.name(bank.settings)]
    assert auth.actor_of_cookie(bank.db, token)
    assert browser.post("/auth/logout").headers["location"] == "/sign-in?ended=self"
    assert auth.actor_of_cookie(bank.db, token) is None


def test_a_new_customer_begins_with_one_account_at_zero(browser, bank):
    from bank_app.services import accounts, auth

    answer = browser.post("/auth/register", data={"name": "Nia New", "email": "nia@bank.test", "password": PASSWORD})
    assert answer.headers["location"] == "/home"
    actor = auth.actor_of_cookie(bank.db, answer.cookies[cookies.name(bank.settings)])
    [account] = bank.db.read(lambda session: accounts.own_accounts(session, actor))
    assert account.balance_minor == 0


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"name": "", "email": "nia@bank.test", "password": PASSWORD}, "NAME_REQUIRED"),
        ({"name": "Nia", "email": "nia", "password": PASSWORD}, "EMAIL_INVALID"),
        ({"name": "Nia", "email": "nia@demo.test", "password": PASSWORD}, "EMAIL_RESERVED"),
        ({"name": "Nia", "email": "nia@bank.test", "password": "short"}, "PASSWORD_SHORT"),
        ({"name": "Nia", "email": "ada@bank.test", "password": PASSWORD}, "email_taken"),
    ],
)
def test_a_refused_sign_up_says_why(browser, ada, form, problem):
    answer = browser.post("/auth/register", data=form)
    assert answer.headers["location"] == f"/sign-up?problem={problem}"


def test_an_invite_only_bank_takes_no_sign_ups(bank, web):
    bank.db.settings = settings = bank.settings.model_copy(update={"sign_up": False})
    form = {"name": "N", "email": "n@bank.test", "password": PASSWORD}
    answer = web(create_routes(bank.db, settings)).post("/auth/register", data=form)
    assert answer.headers["location"] == "/sign-up?problem=SIGNUP_DISABLED"


def test_nobody_signs_up_at_a_bank_that_nobody_runs(browser, bank):
    first_setup.prepare(bank.db, demo_allowed=False)
    answer = browser.post("/auth/register", data={"name": "N", "email": "boss@bank.test", "password": PASSWORD})
    assert answer.headers["location"] == "/sign-up?problem=SIGNUP_NOT_YET"


def test_the_token_of_the_set_up_is_kept_nowhere(browser, bank):
    token = first_setup.prepare(bank.db, demo_allowed=False)
    form = {"token": token, "email": "kim@bank.test", "name": "", "bank_name": "Elm", "password": PASSWORD}
    answer = browser.post("/auth/setup", data=form)
    assert answer.headers["location"].startswith("/setup?problem=")
    assert "kim@bank.test" in unquote(unquote(str(answer.headers)))
    assert token not in unquote(unquote(str(answer.headers)))


def test_the_ledger_can_be_downloaded_with_its_filters(browser, ada, counter):
    account = counter.open(ada, "100.00")
    sign_in(browser, ada)
    everything = browser.get(f"/accounts/{account.number}/export.csv")
    assert everything.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in everything.headers["content-disposition"]
    assert len(everything.text.splitlines()) == 2
    forever = browser.get(f"/accounts/{account.number}/export.csv", params={"until": "9999-12-31"})
    assert len(forever.text.splitlines()) == 2
    nothing = browser.get(f"/accounts/{account.number}/export.csv", params={"direction": "debit"})
    assert len(nothing.text.splitlines()) == 1


def test_nobody_downloads_the_ledger_of_another(browser, ada, eve, counter):
    account = counter.open(ada, "100.00")
    assert browser.get(f"/accounts/{account.number}/export.csv").headers["location"].startswith("/sign-in")
    sign_in(browser, eve)
    theirs = browser.get(f"/accounts/{account.number}/export.csv")
    nobodys = browser.get("/accounts/1234567802/export.csv")
    assert theirs.status_code == nobodys.status_code == 404
    assert isinstance(theirs, httpx.Response)
    assert "100.00" not in theirs.text


@pytest.fixture
def throttled(bank, web):
    """A bank that counts tries, asked from an address of its own: `throttled("10.0.0.1")`."""
    settings = bank.settings.model_copy(update={"rate_limits": True, "trusted_proxies": 1})

    def one(address):
        browser = web(create_routes(bank.db, settings))
        browser.headers = {"x-forwarded-for": f"10.9.9.9, {address}"}
        return browser

    return one


@pytest.mark.parametrize("form", ["login", "register"])
def test_one_address_cannot_make_the_bank_hash_without_end(throttled, ada, monkeypatch, form):
    from bank_app.services import passwords

    passwords.nobodys_hash()  # Made once, and not by what stands in for hashing here.
    hashed = []
    monkeypatch.setattr(passwords, "fits", lambda *_: hashed.append(1))
    monkeypatch.setattr(passwords, "hashed", lambda *_: hashed.append(1) or "no hash")
    flooder = throttled(f"10.1.0.{len(form)}")
    for number in range(35):
        email = f"nobody{number}@bank.test"
        answer = flooder.post(f"/auth/{form}", data={"email": email, "password": "wrong wrong wrong", "name": "x"})
    assert answer.headers["location"].startswith(f"/sign-{'in' if form == 'login' else 'up'}?problem=too_many_requests")
    assert len(hashed) <= 60
    monkeypatch.undo()
    # Nobody else has to wait.
    assert sign_in(throttled("10.1.0.99"), ada).headers["location"] == "/home"


def test_nobody_takes_files_away_without_end(throttled, ada, eve, counter):
    account = counter.open(ada, "100.00")
    hers = throttled("10.3.0.1")
    sign_in(hers, ada)
    file = f"/accounts/{account.number}/export.csv"
    answers = [hers.get(file) for _ in range(32)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429] * 2
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    statement = hers.get(f"/accounts/{account.number}/statement.csv", params={"month": "2026-09"})
    assert statement.status_code == 429
    other = throttled("10.3.0.1")
    sign_in(other, eve)
    assert other.get(file).status_code == 404


def test_whoever_signs_in_waits_for_nobody_who_reads_much(browser, bank, ada):
    go_on = threading.Event()
    reading = [bank.apart.submit(go_on.wait, 120) for _ in range(8)]
    try:
        assert sign_in(browser, ada).headers["location"] == "/home"
        assert not any(one.done() for one in reading)
    finally:
        go_on.set()


def test_a_session_remembers_who_the_proxy_saw_and_not_what_the_client_says(throttled, bank, ada):
    from sqlmodel import col, select

    from bank_app.models import SignIn

    sign_in(throttled("10.2.0.1"), ada)
    addresses = bank.db.read(lambda session: session.execute(select(col(SignIn.address))).scalars().all())
    assert addresses == ["10.2.0.1"]


def test_without_a_proxy_the_header_is_not_believed(browser, bank, ada):
    from sqlmodel import col, select

    from bank_app.models import SignIn

    browser.headers = {"x-forwarded-for": "6.6.6.6"}
    sign_in(browser, ada)
    addresses = bank.db.read(lambda session: session.execute(select(col(SignIn.address))).scalars().all())
    assert addresses == ["127.0.0.1"]


def test_every_route_says_what_it_answers(bank, web):
    routes = create_routes(bank.db, bank.settings)
    browser = web(routes)
    addresses = {}
    for route in routes.routes:
        addresses.setdefault(route.path, set()).update(route.methods)
    assert len(addresses) > 15
    for address, methods in addresses.items():
        allowed = ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
        told = browser.request("OPTIONS", address)
        assert (told.status_code, told.headers["allow"]) == (204, allowed)
        refused = browser.request("PUT", address)
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed)


def test_a_file_can_be_looked_for_before_it_is_fetched(browser, bank, counter, ada):
    account = counter.open(ada, "1.00")
    sign_in(browser, ada)
    path = f"/accounts/{account.number}/export.csv"
    get, head = browser.get(path), browser.request("HEAD", path)
    assert (get.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert browser.request("HEAD", "/auth/login").status_code == 405


@pytest.mark.parametrize("form", ["login", "register", "password"])
def test_while_too_many_hash_a_form_is_answered_503_and_leads_back(browser, ada, monkeypatch, form):
    def full():
        raise PasswordsBusy("Many.", retry_after=3)

    monkeypatch.setattr("bank_app.ui.native_forms.desk.require_room", full)
    answer = browser.post(f"/auth/{form}", data={"email": ada.email, "password": PASSWORD})
    page = {"login": "/sign-in", "register": "/sign-up", "password": "/settings/security"}[form]
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert answer.headers["refresh"] == f"0; url={page}?problem=passwords_busy"
    assert f'href="{page}?problem=passwords_busy"' in answer.text
    monkeypatch.undo()
    monkeypatch.setattr("bank_app.ui.native_forms.desk.require_room", lambda: None)
    monkeypatch.setattr("bank_app.ui.calls.desk.run", lambda *_, **__: full())
    answer = browser.post(f"/auth/{form}", data={"email": ada.email, "password": PASSWORD, "name": "Ada"})
    assert answer.status_code == (503 if form != "password" else 303)
