"""Passwords whose letters a keyboard may spell in several ways: the same at every entrance, and so are old ones."""

import unicodedata

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from bank_app import cli, errors
from bank_app.models import User
from bank_app.services import auth, password_links, passwords, second_factor

# An accent, a Hangul syllable, a letter of its own that decomposes, and a space that is none of ASCII's.
PASSWORD = "Zürich \u00c5ngström 각도 déjà\u00a0vu"
FORMS = [unicodedata.normalize(form, PASSWORD) for form in ("NFC", "NFD")] + [PASSWORD.replace("\u00a0", "\u2003")]
WHENCE = {"address": "192.0.2.1", "user_agent": "test"}


def in_by_browser(db, email, password):
    return auth.open_browser_session(db, email=email, password=password, **WHENCE)


def in_by_program(db, email, password):
    return auth.issue_tokens(db, email=email, password=password, **WHENCE)


WAYS_IN = [in_by_browser, in_by_program]


def stored(db, email):
    return db.read(lambda session: session.execute(select(User.password_hash).where(User.email == email)).scalar_one())


def keep(db, email, kept):
    db.unit_of_work(lambda session: session.execute(update(User).where(User.email == email).values(password_hash=kept)))


@pytest.mark.parametrize("chosen", FORMS, ids=ascii)
def test_a_password_opens_however_its_letters_are_spelt(sqlite_db, chosen):
    auth.register(sqlite_db, email="zoe@bank.test", name="Zoe", password=chosen)
    for enter in WAYS_IN:
        for typed in FORMS:
            enter(sqlite_db, "zoe@bank.test", typed)


@pytest.mark.parametrize("enter", WAYS_IN)
@pytest.mark.parametrize("wrong", [PASSWORD.upper(), PASSWORD.replace("ü", "u"), PASSWORD + " ", "\ud800" * 12, ""])
def test_only_the_spelling_is_the_keyboards(sqlite_db, enter, wrong):
    auth.register(sqlite_db, email="zoe@bank.test", name="Zoe", password=PASSWORD)
    with pytest.raises(errors.CredentialsDoNotMatch):
        enter(sqlite_db, "zoe@bank.test", wrong)


@pytest.mark.parametrize("once", FORMS, ids=ascii)
@pytest.mark.parametrize("enter", WAYS_IN)
def test_a_password_that_was_kept_as_it_was_typed_opens_and_is_kept_anew(sqlite_db, once, enter):
    auth.register(sqlite_db, email="zoe@bank.test", name="Zoe", password=PASSWORD)
    as_typed = passwords._hasher.hash(once)
    keep(sqlite_db, "zoe@bank.test", as_typed)
    enter(sqlite_db, "zoe@bank.test", once)
    renewed = stored(sqlite_db, "zoe@bank.test")
    assert passwords._hasher.verify(renewed, passwords.prepared(once))
    for typed in FORMS:
        enter(sqlite_db, "zoe@bank.test", typed)
    assert stored(sqlite_db, "zoe@bank.test") == renewed


def test_a_password_of_a_mac_opens_from_a_pc_even_if_it_was_kept_long_ago(sqlite_db):
    auth.register(sqlite_db, email="zoe@bank.test", name="Zoe", password=PASSWORD)
    typed = "Zürich Ångström 각도"
    keep(sqlite_db, "zoe@bank.test", passwords._hasher.hash(unicodedata.normalize("NFD", typed)))
    in_by_browser(sqlite_db, "zoe@bank.test", unicodedata.normalize("NFC", typed))


def test_changing_proving_and_choosing_with_a_link_read_it_alike(sqlite_db, two, ada, teller):
    new, again = "naïve café lanterns", unicodedata.normalize("NFD", "naïve café lanterns")
    password_links.change_password(sqlite_db, ada, old="lantern-orchard-48-violin", new=again)
    in_by_browser(sqlite_db, ada.email, new)
    with pytest.raises(errors.Invalid, match="the password you have"):
        password_links.change_password(sqlite_db, ada, old=again, new=new)
    second_factor.begin(sqlite_db, ada, password=again)
    auth.prove(sqlite_db, ada, new)
    password_links.use(sqlite_db, two.link(teller, ada), FORMS[1])
    in_by_program(sqlite_db, ada.email, FORMS[0])


def test_a_person_made_on_the_command_line_signs_in_from_any_keyboard(db, settings, monkeypatch):
    monkeypatch.setattr(cli, "_load", lambda _data: settings)
    arguments = ["user", "add", "--email", "zoe@bank.test", "--name", "علی‌رضا"]
    done = CliRunner().invoke(cli.app, arguments, input=FORMS[1] + "\n")
    assert done.exit_code == 0, done.output
    for typed in FORMS:
        in_by_program(db, "zoe@bank.test", typed)


def test_its_length_is_that_of_the_spelling_that_is_kept():
    assert passwords.problem("la\u0308ngste fo\u0308hre", "") is None
    decomposed = unicodedata.normalize("NFD", "èéêëēĕė")
    assert len(decomposed) > 12
    assert passwords.problem(decomposed, "")["code"] == "PASSWORD_SHORT"
    assert passwords.problem("\ud800" * 14, "")["code"] == "PASSWORD_INVALID"


OF_ADA = {"email": "ada.lindqvist@example.org", "name": "Ada Lindqvist", "bank": "Rowan Street Bank"}


@pytest.mark.parametrize(
    "easy",
    [
        "rowanstreetbank", "rowanstreetbank1", "RowanStreetBank!", "bankbankbank", "administrator1", "customer1234",
        "adalindqvist2026", "LINDQVIST-ada-1", "rowanstreet2026", "moneymoneymoney", "iloveyou1234", "mnbvcxz12345",
        "jesucristoesmifortaleza", "monkey1234567", "qwertyuiop123", "123456789012", "            ",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_no_password_at_any_entrance(sqlite_db, two, ada, teller, easy):
    assert passwords.problem(easy, **OF_ADA)["code"] == "PASSWORD_COMMON"
    token = two.link(teller, ada)
    for entrance in (
        lambda: auth.register(sqlite_db, email=OF_ADA["email"], name=OF_ADA["name"], password=easy),
        lambda: password_links.change_password(sqlite_db, ada, old="lantern-orchard-48-violin", new=easy),
        lambda: password_links.use(sqlite_db, token, easy),
    ):
        with pytest.raises(errors.Invalid) as refused:
            entrance()
        assert refused.value.details["errors"][0]["code"] == "PASSWORD_COMMON"


@pytest.mark.parametrize(
    "good",
    [
        "pretend money only", "lantern-orchard-48-violin", "violet harbour seven lamps", PASSWORD,
        "my bank is by the sea 7", "canada goose lantern", "ada keeps nine beetles", "k9#vTq2!mZp4",
    ],
)  # fmt: skip
def test_some_words_of_ones_own_are_a_password(good):
    assert passwords.problem(good, **OF_ADA) is None


def test_the_list_of_common_passwords_is_whole_and_in_order():
    known = passwords._common()
    parts = [known[at : at + 4] for at in range(0, len(known), 4)]
    assert len(parts) > 400_000
    assert parts == sorted(set(parts))
