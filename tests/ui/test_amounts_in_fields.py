"""Every place that fills in an amount: what stands in the field is read back as the same amount, in every locale.

The currencies have no, two, three and four decimals; the amounts have digits that another mark would make a thousand
times as much.
"""

from dataclasses import asdict, replace
from urllib.parse import urlencode

import pytest

from bank_app.domain import money
from bank_app.lab.office import Config
from bank_app.services import drafts, preferences, unfinished
from bank_app.services.preferences import LOCALES, Preferences
from bank_app.ui import lab_setup, verifying
from bank_app.ui.pages.cash import DepositState, WithdrawState
from bank_app.ui.pages.move import MoveState
from bank_app.ui.pages.ops_account import OpsAccountState
from bank_app.ui.pages.transfer import TransferState
from bank_app.ui.palette import PaletteState
from tests.handlers import name_of

DEPOSIT, WITHDRAW = name_of(DepositState), name_of(WithdrawState)
TRANSFER, MOVE = name_of(TransferState), name_of(MoveState)
LIMITS = name_of(OpsAccountState)
PALETTE = name_of(PaletteState)
WHY = "Asked for by phone, twice"
CURRENCIES = ("JPY", "USD", "KWD", "CLF")
AMOUNTS = (1234, 1_234_567)
RICH = "9999999.9999"


@pytest.fixture(autouse=True)
def _as_it_was():
    yield
    money.write_as("en_US")


@pytest.fixture
def reads(db):
    """`reads(ada, "de-DE")`: from now on she reads amounts like people there."""

    def choose(person, locale):
        db.unit_of_work(lambda session: preferences.change(session, person, Preferences(locale=locale)))
        money.write_as(locale)

    return choose


@pytest.fixture
def at(client, cookie_of):
    def page(person, path, tab="tab-1"):
        cookie, shown = cookie_of(person), {}

        def send(event, /, **payload):
            answer = client.send(event, payload, cookie=cookie, path=path, tab=tab)
            shown.update(answer.vars)
            send.redirects, send.events = answer.redirects, answer.events
            return shown

        return send

    return page


@pytest.fixture
def rich(counter, ada):
    """One account of each currency, with more in it than any test takes."""
    return {
        code: counter.open(ada, RICH[: 8 + money.currency(code).digits].rstrip("."), currency=code)
        for code in CURRENCIES
    }


@pytest.fixture
def kept_draft(db, ada):
    def save(account, minor, **more):
        return db.unit_of_work(
            lambda session: drafts.save(
                session, ada, amount_minor=minor, currency=account.currency, from_account_id=account.id, **more
            )
        )

    return save


def filled(send):
    """What the browser is told to put into the field of the amount."""
    return next(event.payload["value"] for event in send.events if event.payload.get("ref") == "ref_amount")


# --- back from review ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
def test_back_from_review_the_field_holds_the_same_amount(at, reads, ada, db, rich, locale):
    reads(ada, locale)
    for code, account in rich.items():
        for minor in AMOUNTS:
            send = at(ada, "/move/withdraw")
            send(f"{WITHDRAW}.open")
            form = {"source": account.number, "amount": money.write(minor, code), "written": locale, "note": ""}
            shown = send(f"{WITHDRAW}.go_on", form=form)
            assert (shown["problems"], shown["reviewed"] != "") == ([], True), (code, minor)
            back = at(ada, f"/move/withdraw?draft={shown['reviewed']}")
            shown = back(f"{WITHDRAW}.open")
            assert money.read_typed(shown["amount_typed"], code).minor == minor
            assert shown["echo"] == money.display(minor, code)
            again = {**form, "amount": shown["amount_typed"]}
            shown = back(f"{WITHDRAW}.go_on", form=again)
            assert _draft_at(db, ada, shown["reviewed"]).amount_minor == minor


def _draft_at(db, actor, address):
    found = drafts_of(db, actor)
    return next(draft for draft in found if address.endswith(str(draft.id)))


def drafts_of(db, actor):
    return db.read(lambda session: drafts.newest(session, actor, limit=20))


@pytest.mark.parametrize("locale", LOCALES)
def test_a_transfer_from_a_draft_or_again_holds_the_same_amount(at, reads, counter, ada, ben, rich, kept_draft, locale):
    reads(ada, locale)
    for code, account in rich.items():
        his = counter.open(ben, currency=code)
        for minor in AMOUNTS:
            draft = kept_draft(account, minor, kind="transfer", to_account_id=his.id)
            sent = counter.transfer(ada, account, his, money.to_text(minor, code)).transaction
            for query in ({"draft": draft.id}, {"again": sent.id}):
                shown = at(ada, f"/move/transfer?{urlencode(query)}")(f"{TRANSFER}.open")
                assert money.read_typed(shown["amount_typed"], code).minor == minor, (locale, code, query)
                assert shown["echo"] == money.display(minor, code)


# --- from an address -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
def test_an_amount_in_an_address_has_the_form_of_the_api_whatever_the_reader_writes(at, reads, ada, rich, locale):
    reads(ada, locale)
    for code, account in rich.items():
        for minor in AMOUNTS:
            asked = {"from": account.number, "amount": money.to_text(minor, code)}
            shown = at(ada, f"/move/transfer?{urlencode(asked)}")(f"{TRANSFER}.open")
            assert (shown["amount_typed"], shown["echo"]) == (money.write(minor, code), money.display(minor, code))


@pytest.mark.parametrize("asked", ["1.234", "1,234", "1e3", "0", "-5", "lots", "9" * 30])
def test_what_is_no_amount_in_an_address_is_said_and_not_guessed(at, reads, ada, rich, asked):
    for locale in ("en-US", "de-DE"):
        reads(ada, locale)
        path = f"/move/transfer?{urlencode({'from': rich['USD'].number, 'amount': asked})}"
        shown = at(ada, path)(f"{TRANSFER}.open")
        assert (shown["amount_typed"], shown["echo"]) == ("", "")
        assert "no amount of US dollars" in shown["errors"]["amount"]


def test_the_search_sends_in_the_currency_that_the_payee_has(at, reads, counter, ada, ben, rich):
    for code, account in rich.items():
        counter.transfer(ada, account, counter.open(ben, currency=code), "1")
    reads(ada, "de-DE")
    shown = at(ada, "/home")(f"{PALETTE}.search", typed="send 25 to Ben")
    forms = [hit for hit in shown["hits"] if hit.kind == "Form"]
    assert {hit.title.split(" to ")[0] for hit in forms} == {
        f"Send {money.display(25 * money.currency(code).unit, code)}" for code in CURRENCIES
    }
    for hit in forms:
        shown = at(ada, hit.address)(f"{TRANSFER}.open")
        assert f"Send {shown['echo']} to" in hit.title


# --- limits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
def test_limits_are_shown_and_saved_again_in_the_currency_of_the_account(at, reads, counter, teller, rich, locale):
    reads(teller, locale)
    names = ("overdraft_limit", "transfer_limit", "daily_limit")
    for code, account in rich.items():
        wanted = (1234, 1_234_567, 0)
        counter.change(
            teller, account, **{name: money.to_text(minor, code) for name, minor in zip(names, wanted, strict=True)}
        )
        send = at(teller, f"/ops/accounts/{account.number}")
        file = send(f"{LIMITS}.open")["file"]
        typed = (file.overdraft_typed, file.at_once_typed, file.daily_typed)
        assert file.unit == money.currency(code).name
        form = {**dict(zip(names, typed, strict=True)), "written": file.written, "limits-reason": WHY}
        assert send(f"{LIMITS}.set_limits", form=form)["problems"] == []
        found = counter.account(account)
        assert (found.overdraft_limit_minor, found.transfer_limit_minor, found.daily_limit_minor) == wanted


def test_a_limit_of_a_thousand_yen_is_set_in_a_bank_that_counts_in_dollars(at, counter, teller, rich):
    for code, typed, minor in (("JPY", "1000", 1000), ("JPY", "¥1,000", 1000), ("KWD", "1.250", 1250)):
        send = at(teller, f"/ops/accounts/{rich[code].number}")
        send(f"{LIMITS}.open")
        shown = send(f"{LIMITS}.set_limits", form={"transfer_limit": typed, "limits-reason": WHY})
        assert (shown["problems"], counter.account(rich[code]).transfer_limit_minor) == ([], minor)
    shown = send(f"{LIMITS}.set_limits", form={"transfer_limit": "1,000", "limits-reason": WHY})
    assert [problem.text for problem in shown["problems"]] == [
        "Did you mean KWD\u00a01,000.000? If not, write the decimals after “.”."
    ]


# --- what was begun -------------------------------------------------------------------------------------------


def keep(db, actor, kind, **fields):
    form_id = drafts.new_id()
    db.unit_of_work(lambda session: unfinished.keep(session, actor, form_id, kind=kind, fields=fields))
    return form_id


@pytest.mark.parametrize("after", LOCALES)
@pytest.mark.parametrize("before", ["en-US", "de-DE"])
def test_a_form_that_was_begun_in_one_locale_shows_the_same_amount_in_another(at, reads, db, ada, rich, before, after):
    for code, account in rich.items():
        for minor in AMOUNTS:
            money.write_as(before)
            fields = {"source": account.number, "amount": money.write(minor, code), "written": before}
            kept = {kind: keep(db, ada, kind, **fields) for kind in unfinished.KINDS}
            reads(ada, after)
            for kind, state in (("deposit", DEPOSIT), ("withdraw", WITHDRAW), ("transfer", TRANSFER)):
                shown = at(ada, f"/move/{kind}?form={kept[kind]}")(f"{state}.open")
                assert money.read_typed(shown["amount_typed"], code).minor == minor, (code, kind)
                assert shown["echo"] == money.display(minor, code)


def test_an_open_page_writes_its_amount_anew_when_other_marks_are_chosen_elsewhere(at, reads, ada, rich):
    reads(ada, "de-DE")
    send = at(ada, f"/move/withdraw?from={rich['KWD'].number}")
    send(f"{WITHDRAW}.open")
    assert send(f"{WITHDRAW}.read", text="1,234")["echo"] == "1,234\u00a0KWD"
    reads(ada, "en-US")
    shown = send(f"{WITHDRAW}.refresh")
    assert (shown["echo"], shown["written"]) == ("KWD\u00a01.234", "en-US")
    assert filled(send) == "1.234"
    # Sent before the page heard of it: it is read as it was written.
    form = {"source": rich["KWD"].number, "amount": "1,234", "written": "de-DE", "note": ""}
    assert send(f"{WITHDRAW}.go_on", form=form)["problems"] == []
    assert send(f"{WITHDRAW}.read", text="1,234")["suggestion"] == "KWD\u00a01,234.000"


def test_what_was_begun_is_listed_in_the_currency_of_its_account(at, reads, db, ada, rich):
    keep(db, ada, "withdraw", source=rich["KWD"].number, amount="1,234", written="de-DE")
    keep(db, ada, "deposit", source=rich["JPY"].number, amount="1,234", written="en-US")
    keep(db, ada, "transfer", amount="25", name="Ben")
    titles = {one.title for one in at(ada, "/move")(f"{MOVE}.open")["begun"]}
    # Nobody can say what the 25 are of before an account is chosen.
    assert titles == {"Continue: take out KWD\u00a01.234", "Continue: add ¥1,234", "Continue: a payment to Ben"}


def test_a_form_of_somebody_with_one_currency_is_listed_in_it(at, db, counter, ben):
    counter.open(ben, currency="EUR")
    counter.open(ben, currency="EUR")
    keep(db, ben, "transfer", amount="25", name="Ada")
    assert [one.title for one in at(ben, "/move")(f"{MOVE}.open")["begun"]] == ["Continue: €25.00 to Ada"]


# --- while somebody types --------------------------------------------------------------------------------------


def test_an_account_of_another_currency_reads_the_same_text_anew(at, ada, rich):
    send = at(ada, f"/move/withdraw?from={rich['USD'].number}")
    send(f"{WITHDRAW}.open")
    assert send(f"{WITHDRAW}.read", text="10.00")["echo"] == "$10.00"
    shown = send(f"{WITHDRAW}.choose", number=rich["KWD"].number)
    assert (shown["echo"], shown["lines"][1].amount) == ("KWD\u00a010.000", "−KWD\u00a010.000")
    shown = send(f"{WITHDRAW}.choose", number=rich["JPY"].number)
    assert (shown["echo"], len(shown["lines"]), "no decimals" in shown["errors"]["amount"]) == ("", 1, True)


@pytest.mark.parametrize(
    ("code", "typed", "said"),
    [
        ("JPY", "1.234", "Did you mean ¥1,234? If not, use no decimals."),
        ("USD", "1.234", "Did you mean $1,234.00? If not, use at most 2 decimals."),
        ("KWD", "1,234", "Did you mean KWD\u00a01,234.000? If not, write the decimals after “.”."),
        ("JPY", "12.5", "Amounts in Japanese yen have no decimals."),
        ("KWD", "1.2345", "Amounts in Kuwaiti dinars have at most 3 decimals."),
    ],
)
def test_what_is_wrong_with_the_decimals_is_a_sentence_in_every_currency(at, ada, rich, code, typed, said):
    send = at(ada, f"/move/withdraw?from={rich[code].number}")
    send(f"{WITHDRAW}.open")
    send(f"{WITHDRAW}.choose", number=rich[code].number)
    assert send(f"{WITHDRAW}.read", text=typed)["errors"]["amount"] == said


def test_before_an_account_is_chosen_the_form_reads_what_its_label_says(at, counter, ben):
    counter.open(ben, "100", currency="JPY")
    counter.open(ben, "100", currency="JPY")
    send = at(ben, "/move/withdraw")
    assert send(f"{WITHDRAW}.open")["unit"] == "Japanese yen"
    assert send(f"{WITHDRAW}.read", text="50")["echo"] == "¥50"


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("hidden", [False, True])
def test_everything_available_and_what_was_proposed_are_filled_in_unambiguously(
    at, reads, db, counter, ada, hidden, locale
):
    reads(ada, locale)
    for code, minor in (("JPY", 1234), ("USD", 123456), ("KWD", 1234), ("KWD", 1_234_567), ("CLF", 12345)):
        account = counter.open(ada, money.to_text(minor, code), currency=code)
        db.unit_of_work(lambda session: preferences.keep(session, ada, "hidden", hidden))
        send = at(ada, f"/move/withdraw?from={account.number}")
        send(f"{WITHDRAW}.open")
        send(f"{WITHDRAW}.take_all")
        assert filled(send) == money.write(minor, code), (code, minor)
        send(f"{WITHDRAW}.read", text=money.write(minor + 1, code))
        send(f"{WITHDRAW}.take_suggestion")
        assert filled(send) == money.write(minor, code), (code, minor)


# --- from other keyboards --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("123 456 789", "Account numbers have 10 digits. You entered 9."),
        ("12345678O2", "Account numbers have 10 digits. You entered “O” among them."),
        ("1234.5678.89", "Account numbers have 10 digits. You entered “.” among them."),
        ("1234567802", "That number has a typo — its last two digits don't fit the rest."),
        ("\u200b12345\u206067899", "That number has a typo — its last two digits don't fit the rest."),
        ("1234567889", ""),
        ("\ufeff1234–5678–89", ""),
        ("１２３４　５６７８　８９", ""),
        ("١٢٣٤٥٦٧٨٨٩", ""),
    ],
)
def test_a_number_is_understood_or_what_is_wrong_with_it_is_named(at, ada, rich, typed, said):
    send = at(ada, "/move/transfer")
    send(f"{TRANSFER}.open")
    shown = send(f"{TRANSFER}.check_number", text=typed)
    assert (shown["errors"]["number"], shown.get("number_fits", False)) == (said, said == "")


def test_the_search_finds_an_account_by_its_number_as_it_was_pasted(at, ada, rich):
    number = rich["USD"].number
    for typed in (f"\u200b{number}", f"{number[:4]}‑{number[4:8]}‑{number[8:]}", _full_width(number)):
        shown = at(ada, "/home")(f"{PALETTE}.search", typed=typed)
        assert [hit.address for hit in shown["hits"] if hit.kind == "Account"] == [f"/accounts/{number}"], typed


def _full_width(text):
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


# --- the laboratory, which counts in dollars -----------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
def test_the_settings_of_a_run_are_read_as_they_were_filled_in(locale):
    money.write_as(locale)
    for opening, largest in ((100_000, 5_000), (123_456, 1_05), (100_000_00, 999_99)):
        config = replace(Config(), opening_minor=opening, largest_minor=largest)
        form = {**asdict(lab_setup.setup_of(config)), "strategy": config.strategy}
        assert lab_setup.read(form) == (config, [])


@pytest.mark.parametrize("typed", ["1,234", "1.234", "1 234", "１２３４", "\u200b1234"])
def test_numbers_of_records_and_of_a_run_are_read_however_they_are_grouped(typed):
    assert verifying._number({"start": typed}, "start") == 1234
