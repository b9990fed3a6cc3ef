from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.services import auth, preferences
from bank_app.services.accounts import PayeeCheck
from bank_app.services.history import Step
from bank_app.settings import PROJECT
from bank_app.ui import charts, forms, messages, recipients, words
from bank_app.ui.filters import Filters

NOW = datetime(2026, 11, 20, 14, 3, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    yield
    money.write_as("en-US")


def test_every_code_of_the_bank_has_a_sentence():
    # Only programs meet these two: a page has no operation under a key of its own choosing and no currency code.
    assert {error.code for error in errors.leaves()} - set(messages.CATALOGUE) == set()


def test_what_the_browser_says_by_itself_is_in_the_catalogue():
    said = (PROJECT / "assets" / "browser" / "bank.jsx").read_text(encoding="utf-8")
    assert f'"{messages.say("OFFLINE_SEND_BLOCKED")}"' in said


def test_every_message_is_said_somewhere():
    rooms = [path for path in (PROJECT / "bank_app").rglob("*.py") if path.name != "messages.py"]
    spoken = "\n".join(path.read_text(encoding="utf-8") for path in rooms)
    # The limits by the name of the limit, the holds beside a refusal, and what the browser says by itself; an amount
    # that can be read in two ways is said where the others are.
    elsewhere = {
        "LIMIT_TRANSFER",
        "LIMIT_DAILY",
        "LIMIT_CASH",
        "COOLING_NEW_PAYEE",
        "COOLING_TOOK_PART",
        "COOLING_LIMIT",
        "HELD_BY_HOLDS",
        "OFFLINE_SEND_BLOCKED",
        "AMOUNT_EITHER",
    }
    # Each way in which a session ends has its own; test_ends.py says which is said.
    elsewhere |= {f"ENDED_{end.value.upper()}" for end in auth.End}
    assert {key for key in messages.CATALOGUE if key.isupper() and key not in spoken} == elsewhere


def test_every_refusal_of_money_says_where_the_money_is():
    for code in ("insufficient_funds", "account_frozen", "account_closed", "limit_exceeded", "lock_timeout"):
        assert messages.SAFE in messages.CATALOGUE[code]


def test_a_refusal_fills_in_what_the_error_knows():
    error = errors.InsufficientFunds(available="412.50", shortfall="87.50", currency="USD")
    found = messages.refusal(error, account="Everyday ••4821", needed="$500.00")
    assert found.text == (
        "Not enough money. Everyday ••4821 has $412.50 available; this needs $500.00. No money has moved."
    )
    assert found.code == "insufficient_funds"


def test_a_refusal_says_what_is_set_aside_and_until_when():
    hold = {"id": "h", "amount": "60.00", "expires_at": "2026-11-27T14:03:12.000000Z"}
    error = errors.InsufficientFunds(
        available="30.00", shortfall="10.00", balance="100.00", held="70.00", currency="USD", holds=[hold]
    )
    assert messages.refusal(error, account="Everyday ••4821", needed="$40.00").text == (
        "Not enough money. Everyday ••4821 has $30.00 available; this needs $40.00. No money has moved."
        " Of its balance of $100.00, $70.00 is set aside; the largest part, $60.00, until Fri, Nov 27."
    )


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ("transfer", "Rent may pay $50.00 at once at most. No money has moved. Rowan can change the limit."),
        ("daily", "Rent may pay $50.00 in a day (UTC): $0.00 has left it today, so $50.00 can. No money has moved."),
        (None, "That is more than this bank can record in one entry. No money has moved."),
    ],
)
def test_a_refusal_names_the_limit_that_is_in_the_way(limit, sentence):
    facts = {"limit": limit, "limit_amount": "50.00", "used": "0.00", "remaining": "50.00", "currency": "USD"}
    error = errors.LimitExceeded(**facts) if limit else errors.LimitExceeded()
    found = messages.refusal(error, account="Rent", bank="Rowan")
    assert (found.text, found.code) == (sentence, "limit_exceeded")


def test_an_amount_below_zero_is_shown_with_its_sign():
    error = errors.InsufficientFunds(balance="-60.00", held="10.00", currency="USD", available="0.00", holds=[])
    assert "$0.00 available" in messages.refusal(error, needed="$1.00").text


def test_times_are_written_as_people_read_them():
    assert words.when(NOW) == "Today, 14:03"
    assert words.when(NOW - timedelta(days=1)) == "Thu, Nov 19"
    assert words.day_heading(NOW) == "Today, Fri, Nov 20"
    assert words.full_moment(NOW) == "Nov 20, 2026, 14:03:12 UTC"
    assert words.day(NOW.replace(year=2025)) == "Nov 20, 2025"


@pytest.mark.parametrize(
    ("locale", "day", "heading", "month", "full"),
    [
        ("en-US", "Nov 20", "Today, Fri, Nov 20", "November 2025", "Friday, November 20, 2026"),
        ("en-GB", "20 Nov", "Today, Fri 20 Nov", "November 2025", "Friday, 20 November 2026"),
        ("de-DE", "20. Nov.", "Today, Fr., 20. Nov.", "November 2025", "Freitag, 20. November 2026"),
        ("fr-FR", "20 nov.", "Today, ven. 20 nov.", "novembre 2025", "vendredi 20 novembre 2026"),
        ("ja-JP", "11月20日", "Today, 11月20日(金)", "2025年11月", "2026年11月20日金曜日"),
    ],
)
def test_dates_follow_the_locale_of_the_reader(locale, day, heading, month, full):
    money.write_as(locale)
    last_year = NOW.replace(year=2025)
    assert (words.day(NOW), words.day_heading(NOW), words.long_day(NOW)) == (day, heading, full)
    assert words.month_and_year(last_year) == words.month(last_year) == month
    assert words.full_moment(NOW).endswith(", 14:03:12 UTC")


@pytest.mark.parametrize("locale", preferences.LOCALES)
def test_every_locale_that_can_be_chosen_has_all_forms_of_a_date(locale):
    money.write_as(locale)
    for write in (words.day, words.day_and_year, words.month, words.month_and_year, words.weekday, words.long_day):
        assert write(NOW)
        assert write(NOW.replace(year=2025))


@pytest.mark.parametrize(
    ("minor", "code", "parts"),
    [(1170980, "USD", ("$11,709", ".80")), (-5, "USD", ("−$0", ".05")), (500, "JPY", ("¥500", ""))],
)
def test_a_large_figure_has_small_decimals(minor, code, parts):
    assert words.figure(minor, code) == words.Figure(*parts)


@pytest.mark.parametrize("value", [None, 5, [1], {"a": 1}, True])
def test_what_is_not_text_is_nothing(value):
    assert forms.text(value) == ""
    assert forms.field(value, "x") == ""
    assert forms.identifier(value) is None
    assert forms.local_path(value) == "/home"


def test_text_loses_control_characters_and_what_is_too_long():
    assert forms.text("  a\x00b\x1b[31m  ") == "ab[31m"
    assert len(forms.text("x" * 10_000, 140)) == 140


def test_filters_survive_the_address_and_nonsense_is_named():
    asked = {"q": "rent", "type": "transfer", "direction": "sideways", "min": "1,000", "since": "2026-02-30"}
    nonsense = Filters.of(asked)
    assert nonsense.problems.keys() == {"direction", "since"}
    assert "sideways" in nonsense.wrong
    # An address keeps it, so that a file of the page is refused as well.
    assert Filters.of(dict(parse_qsl(nonsense.address("/a").partition("?")[2]))).problems == nonsense.problems
    with pytest.raises(errors.Invalid):
        nonsense.require()
    wanted = Filters.of({"q": "rent", "type": "transfer", "min": "1,000"})
    assert wanted == Filters(q="rent", type="transfer", min="1000.00")
    assert wanted.address("/accounts/1") == "/accounts/1?q=rent&type=transfer&min=1000.00"
    chip = wanted.chips("/accounts/1")[0]
    assert (chip.words, chip.without) == ("“rent”", "/accounts/1?type=transfer&min=1000.00")


def test_the_last_day_of_a_filter_counts_to_its_end():
    wanted = Filters.of({"since": "2026-11-01", "until": "2026-11-20"}).to_history()
    assert wanted.from_ == datetime(2026, 11, 1, tzinfo=UTC)
    assert wanted.to == datetime(2026, 11, 21, tzinfo=UTC)


def steps(*balances):
    return [Step(NOW - timedelta(days=len(balances) - number), minor) for number, minor in enumerate(balances)]


def test_a_chart_is_a_staircase_and_says_what_it_shows():
    chart = charts.balance_chart(steps(90000, 21210, 124000), "USD")
    assert chart.line.count("V") == 2
    assert "L" not in chart.line
    assert chart.beginning + chart.ending + chart.lowest == (
        "From $900.00 on Nov 17 to $1,240.00 today; lowest $212.10 on Nov 18."
    )
    assert [mark.label for mark in chart.vertical] == ["$0", "$500", "$1k", "$1.5k"]
    assert [point.balance for point in chart.table] == ["$1,240.00", "$212.10", "$900.00"]


def test_a_chart_needs_two_moments():
    assert charts.balance_chart([], "USD") == charts.Chart()
    assert charts.balance_chart([Step(NOW, 1)], "USD") == charts.Chart()
    assert charts.spark([Step(NOW, 1)]) == ""


@pytest.mark.parametrize("code", ["USD", "JPY", "BHD"])
def test_charts_work_for_every_kind_of_currency_and_for_debt(code):
    for balances in ((0, 0), (-500, 700), (1, 10**15)):
        chart = charts.balance_chart(steps(*balances), code)
        assert len(chart.vertical) == 4
        assert "nan" not in chart.line


@pytest.mark.parametrize(
    ("found", "ticked", "seen", "outcome", "unanswered"),
    [
        (PayeeCheck("match"), False, False, "", False),
        (PayeeCheck("close", "Ben Ito"), True, True, "close", False),
        (PayeeCheck("none"), False, False, "none", False),
        (PayeeCheck("none"), True, False, "none", False),
        (PayeeCheck("none"), False, True, "none", True),
        (PayeeCheck("none"), True, True, "", False),
        (None, False, False, "fail", False),
        (None, False, True, "", False),
    ],
)
def test_a_name_that_does_not_fit_wants_an_answer(found, ticked, seen, outcome, unanswered):
    came = recipients.verdict(found, "Ben Itoh", {"checked": ticked}, seen=seen)
    assert (came.outcome, bool(came.unanswered), bool(came.said)) == (outcome, unanswered, bool(outcome))
    assert came.suggestion == ("Ben Ito" if outcome == "close" else "")
