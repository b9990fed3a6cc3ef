"""What a database says about a statement reaches the log; what people typed must not go with it."""

import pytest
from sqlalchemy import text

from bank_app import errors


def test_an_error_of_the_database_does_not_repeat_what_was_written(db):
    statement = text("INSERT INTO users (id, email) VALUES (:id, :email)")
    with pytest.raises(errors.BooksBroken) as broken:
        db.unit_of_work(lambda session: session.execute(statement, {"id": b"1" * 16, "email": "ada@bank.test"}))
    assert "ada@bank.test" not in str(broken.value)
