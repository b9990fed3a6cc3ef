"""What is written out by hand must be, byte for byte, what the ordinary statements of the library write and read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, MetaData, String, Table, bindparam, event, insert, select, text, update
from sqlalchemy.orm import Session

from bank_app import bulk
from bank_app.columns import Ascii, Digest, Identifier, Json, Moment
from bank_app.errors import BooksBroken


def columns():
    return [
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("number", BigInteger),
        Column("words", String(300)),
        Column("code", Ascii(255)),
        Column("document", Json),
        Column("digest", Digest),
        Column("identifier", Identifier),
        Column("moment", Moment),
    ]


SCHEMA = MetaData()
BY_HAND, USUAL = (Table(name, SCHEMA, *columns()) for name in ("by_hand", "usual"))
STRANGE = [
    "", " ", "'", '"', "\\", "\\'", "\\\\'", "''", "%", "%s", "%(a)s", ":a", "\0", "a\0b", "\x1a", "\r\n", "\n",
    "';\nDELETE FROM by_hand; -- ", "/* ", "*/", "#", "`", "NULL", "🙂", "🇩🇪", "\u202eabc", "\u200f", "é", "e\u0301",
    "\uffff", "\U0010ffff", "{}", "null", "[1]", "x'41'",
]  # fmt: skip
WHOLE = st.integers(-(2**63), 2**63 - 1)
WORDS = st.one_of(st.sampled_from(STRANGE), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
CODES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EARLIEST, LATEST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1971, 2300))
MOMENTS = st.datetimes(EARLIEST, LATEST, timezones=ZONES)
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), WHOLE, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)


def maybe(strategy):
    return st.one_of(st.none(), strategy)


CHANGES = {
    "number": maybe(WHOLE), "words": maybe(WORDS), "digest": maybe(st.binary(min_size=32, max_size=32)),
    "identifier": maybe(st.uuids()), "moment": maybe(MOMENTS),
}  # fmt: skip
ROWS = st.lists(st.fixed_dictionaries({**CHANGES, "code": maybe(CODES), "document": DOCUMENTS}), min_size=1, max_size=6)


def numbered(rows):
    return [{"id": index, **row} for index, row in enumerate(rows)]


@pytest.fixture
def tables(db):
    """The two tables, which are none of the bank's."""
    with db.writing.connect() as connection:
        SCHEMA.create_all(connection)
        connection.commit()
    yield BY_HAND, USUAL
    with db.writing.connect() as connection:
        SCHEMA.drop_all(connection)
        connection.commit()


def empty(session):
    for table in (BY_HAND, USUAL):
        session.execute(table.delete())


def raw(session, table):
    """What the table holds, with nothing of our own types between."""
    names = [column.name for column in table.columns]
    texts = "words", "code", "document", "digest", "identifier"
    whole = "BLOB" if session.get_bind().dialect.name == "sqlite" else "BINARY"
    shown = [f"HEX(CAST({name} AS {whole}))" if name in texts else name for name in names]
    return session.execute(text(f"SELECT {', '.join(shown)} FROM {table.name} ORDER BY id")).all()


def everything(table):
    return select(table).where(table.c.id.in_(bindparam("ids", expanding=True))).order_by(table.c.id)


def check_inserted(db, rows):
    def operation(session):
        empty(session)
        bulk.insert_rows(session, BY_HAND, rows)
        session.connection().execute(insert(USUAL), rows)
        assert raw(session, BY_HAND) == raw(session, USUAL)
        ids = [row["id"] for row in rows]
        [read] = bulk.ask(session, [bulk.Question(everything(BY_HAND), "ids", ids)])
        assert [tuple(row) for row in read] == [
            tuple(row) for row in session.execute(everything(BY_HAND), {"ids": ids}).all()
        ]
        assert [row.words for row in read] == [row["words"] for row in rows]

    db.unit_of_work(operation)


def check_updated(db, rows, changes):
    def operation(session):
        empty(session)
        for table in (BY_HAND, USUAL):
            session.connection().execute(insert(table), rows)
        writes = bulk.Writes(session)
        writes.update(BY_HAND, changes)
        writes.send()
        for change in changes:
            values = {name: value for name, value in change.items() if name != "id"}
            session.connection().execute(update(USUAL).where(USUAL.c.id == change["id"]).values(values))
        assert raw(session, BY_HAND) == raw(session, USUAL)

    db.unit_of_work(operation)


quietly = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@examples(max_examples=60, suppress_health_check=quietly)
@given(rows=ROWS)
def test_rows_are_inserted_and_read_as_usual_on_a_server(mariadb_db, tables, rows):
    check_inserted(mariadb_db, numbered(rows))


@examples(max_examples=20, suppress_health_check=quietly)
@given(rows=ROWS)
def test_rows_are_inserted_and_read_as_usual_on_the_embedded_engine(sqlite_db, tables, rows):
    check_inserted(sqlite_db, numbered(rows))


@examples(max_examples=40, suppress_health_check=quietly)
@given(rows=ROWS, data=st.data())
def test_rows_are_updated_as_usual_on_a_server(mariadb_db, tables, rows, data):
    check_updated(mariadb_db, numbered(rows), data.draw(some_changes(len(rows))))


@examples(max_examples=15, suppress_health_check=quietly)
@given(rows=ROWS, data=st.data())
def test_rows_are_updated_as_usual_on_the_embedded_engine(sqlite_db, tables, rows, data):
    check_updated(sqlite_db, numbered(rows), data.draw(some_changes(len(rows))))


@st.composite
def some_changes(draw, count):
    names = draw(st.lists(st.sampled_from(list(CHANGES)), min_size=1, unique=True))
    ids = draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True))
    return [{"id": index, **{name: draw(CHANGES[name]) for name in names}} for index in ids]


@pytest.mark.parametrize("words", STRANGE)
def test_strange_words_come_back_as_they_are_in_every_column_that_holds_words(db, tables, words):
    row = {
        "id": 1, "number": 0, "words": words, "code": None, "document": {words: [words, {}, [], None]},
        "digest": b"\0" * 32, "identifier": None, "moment": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    check_inserted(db, [row])
    check_updated(db, [row], [{"id": 1, "words": words[::-1]}])


@pytest.mark.parametrize("words", STRANGE)
def test_a_server_that_takes_a_backslash_for_a_backslash_is_told_the_same(mariadb_db, tables, words):
    def operation(session):
        session.execute(text("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')"))
        bulk.insert_rows(session, BY_HAND, [{"id": 1, "words": words, "document": [words]}])
        writes = bulk.Writes(session)
        writes.update(BY_HAND, [{"id": 1, "words": words + "!"}])
        writes.send()
        [[row]] = bulk.ask(session, [bulk.Question(everything(BY_HAND), "ids", [1])])
        # Nothing is kept: the connection, with its mode, is thrown away.
        session.connection().invalidate()
        return row.words, row.document

    with Session(mariadb_db.writing) as session:
        assert operation(session) == (words + "!", [words])


# --- pieces and packets -------------------------------------------------------------------------------


def test_long_lists_are_sent_in_statements_and_packets_of_bounded_length(mariadb_db, tables):
    rows = [{"id": index, "words": "'" * 300} for index in range(8000)]
    sent = []

    def on_execute(connection, cursor, statement, parameters, context, executemany):
        sent.append(statement)

    def operation(session):
        event.listen(mariadb_db.writing, "before_cursor_execute", on_execute)
        bulk.insert_rows(session, BY_HAND, rows)
        event.remove(mariadb_db.writing, "before_cursor_execute", on_execute)
        return raw(session, BY_HAND)

    written = mariadb_db.unit_of_work(operation)
    assert [(row[0], row[2]) for row in written] == [(row["id"], "27" * 300) for row in rows]
    statements = [statement for packet in sent for statement in packet.split(bulk.SEPARATOR)]
    assert len(sent) > 1
    assert len(statements) >= sum(map(len, sent)) // bulk._LONGEST_STATEMENT
    assert max(map(len, statements)) < bulk._LONGEST_STATEMENT + 20_000
    assert max(map(len, sent)) < bulk._LONGEST_PACKET + 20_000


def test_every_row_is_in_one_piece_however_short_the_pieces(mariadb_db, tables, monkeypatch):
    rows = [{"id": index, "words": "x" * (index % 120)} for index in range(200)]
    monkeypatch.setattr(bulk, "_LONGEST_STATEMENT", 100)
    monkeypatch.setattr(bulk, "_LONGEST_PACKET", 300)
    check_inserted(mariadb_db, rows)


def test_nothing_is_sent_for_nothing(db, tables):
    def operation(session):
        bulk.insert_rows(session, BY_HAND, [])
        writes = bulk.Writes(session)
        writes.update(BY_HAND, [])
        writes.send()
        return bulk.ask(session, [bulk.Question(everything(BY_HAND), "ids", [])])

    assert db.unit_of_work(operation) == [()]


def test_a_row_that_is_not_there_to_be_updated_is_noticed(db, tables):
    def operation(session):
        bulk.insert_rows(session, BY_HAND, [{"id": 1, "number": 1}])
        writes = bulk.Writes(session)
        writes.update(BY_HAND, [{"id": 1, "number": 2}, {"id": 2, "number": 2}])
        writes.send()

    with pytest.raises(BooksBroken):
        db.unit_of_work(operation)


def test_a_row_that_is_updated_to_what_it_was_is_found(db, tables):
    def operation(session):
        bulk.insert_rows(session, BY_HAND, [{"id": 1, "number": 1}])
        writes = bulk.Writes(session)
        writes.update(BY_HAND, [{"id": 1, "number": 1}])
        writes.send()
        return raw(session, BY_HAND)[0][1]

    assert db.unit_of_work(operation) == 1


def test_questions_of_one_packet_are_answered_each_by_itself(db, tables):
    def operation(session):
        rows = [{"id": index, "code": f"k{index}", "words": "it's"} for index in range(3)]
        bulk.insert_rows(session, BY_HAND, rows)
        by_code = select(BY_HAND.c.id).where(BY_HAND.c.code.in_(bindparam("codes", expanding=True)))
        questions = [
            bulk.Question(everything(BY_HAND), "ids", [2, 0]),
            bulk.Question(by_code, "codes", []),
            bulk.Question(by_code, "codes", ["k1", "no'such"]),
            bulk.Question(everything(BY_HAND), "ids", [9]),
        ]
        return [[row.id for row in rows] for rows in bulk.ask(session, questions)]

    assert db.unit_of_work(operation) == [[0, 2], [], [1], []]
