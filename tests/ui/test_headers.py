import pytest
from starlette.responses import PlainTextResponse

from bank_app.ui import calls, cookies, site
from bank_app.ui.headers import PageGate, SecurityHeaders, inline_script_hashes


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "sign-in").mkdir()
    (tmp_path / "sign-in" / "index.html").write_text("<script>hello()</script><script src=/x.js></script>")
    return tmp_path


async def page(scope, receive, send):
    await PlainTextResponse(scope["path"])(scope, receive, send)


def test_the_policy_names_inline_scripts_by_hash_and_allows_no_evaluated_code(pages, bank, web):
    app = SecurityHeaders(page, folder=pages)
    answer = web(app).get("/home")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["script-src"] == "'self' " + inline_script_hashes(pages)[0]
    assert "unsafe-eval" not in str(policy)
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("path", "caching"),
    [
        ("/assets/x-1234.js", "public, max-age=31536000, immutable"),
        ("/home", "no-cache"),
        ("/api/v1/accounts", "no-store"),
        ("/auth/login", "no-store"),
    ],
)
def test_only_what_never_changes_is_kept_by_browsers(pages, bank, web, path, caching):
    app = SecurityHeaders(page, folder=pages)
    assert web(app).get(path).headers["cache-control"] == caching


@pytest.mark.parametrize("path", ["/" + "x" * 5_000, "/%00", "/..%2f..%2fetc", "/%ff"])
def test_an_address_that_is_none_of_a_page_is_not_looked_for(pages, bank, web, path):
    assert web(SecurityHeaders(page, folder=pages)).get(path).status_code == 200


def test_a_page_is_found_without_its_slash(pages, bank, web):
    assert web(SecurityHeaders(page, folder=pages)).get("/sign-in").text == "/sign-in/"


@pytest.fixture
def gate(bank, web):
    app = PageGate(
        page,
        db=bank.db,
        settings=bank.settings,
        protected=("/home", "/accounts"),
        staff="/ops",
        welcome=("/", "/sign-in"),
    )
    return web(app)


def test_pages_are_not_served_to_visitors(gate):
    for path in ("/home", "/accounts", "/accounts/1234567802?q=coffee"):
        answer = gate.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=/")
    assert gate.get("/sign-in").text == "/sign-in"
    assert gate.get("/homework").text == "/homework"


def test_people_signed_in_go_where_they_belong(gate, ada, teller, cookie_of):
    customer, staff = {"cookie": cookie_of(ada)}, {"cookie": cookie_of(teller)}
    assert gate.get("/sign-in", headers=customer).headers["location"] == "/home"
    assert gate.get("/home", headers=customer).text == "/home"
    assert gate.get("/ops/audit", headers=customer).text == "/there-is-no-such-page"
    assert gate.get("/", headers=staff).headers["location"] == "/ops"


def test_the_laboratory_is_for_everybody_in_a_demo_and_else_for_the_banks_people(bank, web, ada, teller, cookie_of):
    for demo, shown in ((True, "/lab/run"), (False, "/there-is-no-such-page")):
        settings = bank.settings.model_copy(update={"demo": demo, "lab": True})
        calls.connect(bank.db, settings)
        gate = web(PageGate(page, db=bank.db, settings=settings, protected=("/lab",), staff="/ops", welcome=()))
        assert gate.get("/lab/run", headers={"cookie": cookie_of(ada)}).text == shown
        assert gate.get("/lab/run", headers={"cookie": cookie_of(teller)}).text == "/lab/run"
        assert gate.get("/lab").status_code == 303


def test_a_cookie_that_ended_is_said_to_have_ended(bank, gate):
    answer = gate.get("/home", headers={"cookie": f"{cookies.name(bank.settings)}=gone"})
    assert answer.headers["location"] == "/sign-in?ended=unknown&next=/home"


@pytest.mark.parametrize(
    "path", ["/home", "/accounts/1234567802", "/ops/books", "/settings/security", "/move/transfer"]
)
def test_pages_of_people_signed_in_are_kept_by_no_browser(web, bank, tmp_path, path):
    front = web(SecurityHeaders(page, folder=tmp_path, personal=(*site.PROTECTED, site.STAFF)))
    assert front.get(path).headers["cache-control"] == "no-store"
    assert front.get("/sign-in").headers["cache-control"] == "no-cache"
