"""A row that somebody else holds delays nobody who did not name it, however small the table and long the list."""

import pytest
from sqlalchemy import event, select

from bank_app.models import Account
from bank_app.services import ledger


@pytest.mark.parametrize("named", [2, 10, 30])
def test_a_list_of_accounts_does_not_wait_for_a_row_that_is_not_in_it(mariadb_db, another, counter, ada, named):
    accounts = sorted((counter.open(ada) for _ in range(31)), key=lambda account: account.id)
    held = accounts.pop(15)
    impatient = another(lock_timeout=1)

    def operation(session):
        session.execute(select(Account.id).where(Account.id == held.id).with_for_update()).one()
        wanted = [account.id for account in accounts[-named:]]
        return list(impatient.unit_of_work(lambda other: ledger.lock(other, wanted))) == wanted

    assert mariadb_db.unit_of_work(operation)


def test_the_server_is_told_to_look_each_row_up(mariadb_db, ada, counter):
    """Left to choose, MySQL 9.7 reads 36 accounts from end to end to lock 17 of them."""
    seen = []

    def on_execute(connection, cursor, statement, parameters, context, executemany):
        seen.append(" ".join(statement.split()))

    event.listen(mariadb_db.writing, "before_cursor_execute", on_execute)
    counter.open(ada, "1.00")
    event.remove(mariadb_db.writing, "before_cursor_execute", on_execute)
    locking = [statement for statement in seen if statement.endswith("FOR UPDATE")]
    assert locking
    assert all("FROM accounts FORCE INDEX (PRIMARY) WHERE" in statement for statement in locking)
