"""In and out of the last days: other people's money only, each cent once."""

from datetime import UTC, datetime, timedelta

from bank_app import clock
from bank_app.services import flows

START = datetime(2030, 3, 1, 9, tzinfo=UTC)


def test_moves_between_own_accounts_and_what_is_older_are_left_out(db, counter, ada, ben):
    with clock.moved_to(START):
        hers, savings, his = counter.open(ada, "100.00"), counter.open(ada), counter.open(ben, "50.00")
        euros = counter.open(ada, "7.00", currency="EUR")
    with clock.moved_to(START + timedelta(hours=1)):
        counter.transfer(ada, hers, his, "30.00")
        counter.transfer(ada, hers, savings, "20.00")
        counter.transfer(ben, his, savings, "1.50")

    def flow(currency, since):
        found = db.read(lambda session: flows.flow(session, ada, currency=currency, since=since))
        return found.in_minor, found.out_minor

    assert flow("USD", START) == (10150, 3000)
    assert flow("USD", START + timedelta(minutes=1)) == (150, 3000)
    assert flow("EUR", START) == (700, 0)
    assert flow("JPY", START) == (0, 0)
    assert euros.currency == "EUR"
