"""Several keys: what one writes all of them read, and none goes while somebody needs it."""

from datetime import timedelta

import jwt
import pyotp
import pytest
from sqlalchemy import insert, select, update
from typer.testing import CliRunner

from bank_app import backup, cli, clock, errors, keys
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.keys import Ring
from bank_app.models import AuditRecord, RecoveryCode, User
from bank_app.services import auth, codes, key_care, second_factor, tokens

PASSWORD = "lantern-orchard-48-violin"
FIRST, SECOND = "0123456789abcdef" * 4, "fedcba9876543210" * 4
WHENCE = {"address": "192.0.2.1", "user_agent": "test"}


def set_up(db, person):
    """Two steps a minute ago: the app, and the recovery codes."""
    with clock.moved_to(clock.now() - timedelta(minutes=2)):
        second_factor.begin(db, person, password=PASSWORD)
        app = pyotp.TOTP(second_factor.enrolment(db, person).key.replace(" ", ""))
        return app, second_factor.confirm(db, person, code=app.at(clock.now()))


def sign_in(db, person, code):
    with pytest.raises(errors.SecondFactorRequired) as half:
        auth.open_browser_session(db, email=person.email, password=PASSWORD, **WHENCE)
    return auth.complete_browser_session(db, half_session=half.value.half_session, code=code, **WHENCE)


def add_key(settings):
    with keys.changing(settings.key_file) as ring:
        ring.insert(0, keys.fresh())


def kept(db):
    return db.read(lambda session: session.execute(select(User.totp_secret)).scalar_one())


def without_names(db, key):
    """As everything was kept before keys had names: secrets without one, and short codes whose digests take a key."""

    def operation(session):
        user = session.execute(select(User).where(User.totp_secret.is_not(None))).scalar_one()
        user.totp_secret = user.totp_secret.rpartition(".")[2]
        codes.forget_recovery_codes(session, user.id)
        session.execute(
            insert(RecoveryCode).values(
                digest=codes._keyed_digest(key, user.id, "abcdefghjk"), user_id=user.id, created_at=clock.now()
            )
        )

    db.unit_of_work(operation)


def test_a_running_worker_reads_with_a_key_that_another_added_this_moment(db, another, ada):
    app, _ = set_up(db, ada)
    there = another()
    before = there.settings.ring.newest.id
    first = auth.tokens.half_session(db.settings, ada.user_id, "mark")
    add_key(db.settings)
    db.settings.__dict__.pop("ring", None)
    assert key_care.reseal(db) == 1
    assert kept(db).startswith(db.settings.ring.newest.id)
    assert db.settings.ring.newest.id != before
    assert sign_in(there, ada, app.at(clock.now())).token
    assert tokens.holder_of_half_session(there.settings, first)
    assert tokens.holder_of_half_session(there.settings, tokens.half_session(db.settings, ada.user_id, "m"))


def test_a_token_says_which_key_and_one_that_is_out_counts_no_more(db, ada):
    db.settings.__dict__["ring"] = Ring([FIRST])
    pair = auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.1")
    assert jwt.get_unverified_header(pair.access_token)["kid"] == db.settings.ring.newest.id
    assert tokens.sign_in_of_access_token(db.settings, pair.access_token)
    db.settings.__dict__["ring"] = Ring([SECOND, FIRST])
    assert tokens.sign_in_of_access_token(db.settings, pair.access_token)
    db.settings.__dict__["ring"] = Ring([SECOND])
    with pytest.raises(errors.NotSignedIn):
        tokens.sign_in_of_access_token(db.settings, pair.access_token)
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    for kid in ("", "nonsense", keys.Key.of(FIRST).id):
        forged = jwt.encode(claims, FIRST, algorithm="HS256", headers={"typ": "at+jwt", "kid": kid})
        with pytest.raises(errors.NotSignedIn):
            tokens.sign_in_of_access_token(db.settings, forged)


def test_what_is_used_is_sealed_with_the_newest_key(db, ada):
    db.settings.__dict__["ring"] = Ring([FIRST])
    app, _ = set_up(db, ada)
    db.settings.__dict__["ring"] = Ring([SECOND, FIRST])
    sign_in(db, ada, app.at(clock.now()))
    assert kept(db).startswith(keys.Key.of(SECOND).id)


def test_what_is_from_before_keys_had_names_still_opens_and_is_counted(db, ada):
    db.settings.__dict__["ring"] = Ring([FIRST])
    app, _ = set_up(db, ada)
    without_names(db, keys.Key.of(FIRST))
    assert key_care.reseal(db) == 1
    db.settings.__dict__["ring"] = Ring([SECOND, FIRST])
    assert [(use.second_steps, use.recovery_codes) for use in key_care.uses(db)] == [(0, 0), (1, 1)]
    assert "second steps of 1" in key_care.in_words(key_care.uses(db)[1])
    assert key_care.reseal(db) == 1
    assert key_care.reseal(db) == 0
    assert [(use.second_steps, use.recovery_codes) for use in key_care.uses(db)] == [(1, 0), (0, 1)]
    # With the older key gone only its recovery codes are, which is said and not counted as a guess.
    db.settings.__dict__["ring"] = Ring([SECOND])
    assert [use.key_id for use in key_care.missing(db)] == [keys.Key.of(FIRST).id]
    for _ in range(7):
        with pytest.raises(errors.SecondFactorUnreadable):
            sign_in(db, ada, "abcde-fghjk")
    db.settings.__dict__["ring"] = Ring([SECOND, FIRST])
    assert sign_in(db, ada, "abcde-fghjk").token
    assert sign_in(db, ada, app.at(clock.now())).token


def test_a_key_that_is_lost_is_said_at_the_start_and_who_depends_on_it(db, ada):
    set_up(db, ada)
    without_names(db, db.settings.ring.newest)
    db.settings.__dict__["ring"] = Ring([SECOND])
    [lost] = key_care.missing(db)
    assert (lost.key_id, lost.second_steps) == (key_care.UNKNOWN, 1)
    assert "./bank user reset-second-step" in key_care.in_words(lost)


def test_a_secret_that_changes_meanwhile_is_left_as_it_is(db, ada, monkeypatch):
    db.settings.__dict__["ring"] = Ring([FIRST])
    set_up(db, ada)
    db.settings.__dict__["ring"] = Ring([SECOND, FIRST])
    before = codes.resealed

    def meanwhile(settings, user):
        db.unit_of_work(lambda session: session.execute(update(User).values(totp_secret=None, totp_since=None)))
        return before(settings, user)

    monkeypatch.setattr(codes, "resealed", meanwhile)
    assert key_care.reseal(db) == 0
    assert kept(db) is None


# --- the commands ------------------------------------------------------------------------------------------


@pytest.fixture
def command(sqlite_db, monkeypatch):
    """`command("keys", "rotate")` on this bank: how it ended, and what it said."""
    monkeypatch.setenv("DATABASE_URL", sqlite_db.settings.database_url)

    def run(*words, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        said = []
        monkeypatch.setattr(cli.err, "print", lambda text, **_: said.append(text))
        result = CliRunner().invoke(cli.app, [*words, "--data", str(sqlite_db.settings.data)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output + " ".join(said)

    monkeypatch.setattr(cli.out, "file", None)
    return run


def reread(db):
    return Database(bank_settings.load(database_url=db.settings.database_url, data=db.settings.data, demo=True))


def test_keys_are_rotated_and_retired_while_people_sign_in(command, sqlite_db, ada):
    app, _ = set_up(sqlite_db, ada)
    old = sqlite_db.settings.ring.newest.id
    assert command("keys")[0] == 0
    assert command("keys", "retire", old)[0] == 1
    code, _ = command("keys", "rotate")
    assert code == 0
    [newest, older] = reread(sqlite_db).settings.ring.keys
    assert older.id == old
    assert kept(sqlite_db).startswith(newest.id)
    assert sign_in(sqlite_db, ada, app.at(clock.now())).token
    assert command("keys", "retire", newest.id)[0] == 1
    assert command("keys", "retire", old)[0] == 0
    assert [key.id for key in reread(sqlite_db).settings.ring.keys] == [newest.id]


def test_a_key_that_is_needed_is_not_retired_and_it_is_said_by_how_many(command, sqlite_db, ada):
    set_up(sqlite_db, ada)
    old = sqlite_db.settings.ring.newest
    without_names(sqlite_db, old)
    command("keys", "rotate")
    code, said = command("keys", "retire", old.id)
    assert (code, "recovery codes of before of 1" in said) == (1, True)
    assert len(reread(sqlite_db).settings.ring.keys) == 2


def test_a_rotation_that_was_interrupted_is_finished_without_another_key(command, sqlite_db, ada):
    set_up(sqlite_db, ada)
    add_key(sqlite_db.settings)
    assert command("keys", "rotate")[0] == 0
    assert len(reread(sqlite_db).settings.ring.keys) == 2
    assert kept(sqlite_db).startswith(reread(sqlite_db).settings.ring.newest.id)


def test_keys_that_are_given_are_printed_and_sealed_with_once_they_are_set(command, sqlite_db, ada):
    given = {"BANK_SECRET_KEY": FIRST}
    sqlite_db.settings.__dict__["ring"] = Ring([FIRST])
    set_up(sqlite_db, ada)
    code, said = command("keys", "rotate", **given)
    wanted = next(word for word in said.split() if word.startswith("BANK_SECRET_KEYS=")).partition("=")[2]
    assert (code, wanted.split(",")[1]) == (0, FIRST)
    assert kept(sqlite_db).startswith(keys.Key.of(FIRST).id)
    assert command("keys", "rotate", BANK_SECRET_KEY="", BANK_SECRET_KEYS=wanted)[0] == 0
    assert kept(sqlite_db).startswith(keys.Key.of(wanted.split(",")[0]).id)


def test_whoever_runs_the_server_resets_a_second_step_and_it_is_recorded(command, sqlite_db, ada):
    set_up(sqlite_db, ada)
    assert command("user", "reset-second-step", "nobody@bank.test")[0] == 1
    assert command("user", "reset-second-step", ada.email, "--reason", "Lost the telephone on a train")[0] == 0
    assert auth.open_browser_session(sqlite_db, email=ada.email, password=PASSWORD, **WHENCE)
    rows = select(AuditRecord.actor_id, AuditRecord.reason).where(AuditRecord.action == "second_step.reset")
    assert sqlite_db.read(lambda session: session.execute(rows).all()) == [(None, "Lost the telephone on a train")]


def test_a_backup_has_every_key(sqlite_db, ada, tmp_path):
    app, _ = set_up(sqlite_db, ada)
    add_key(sqlite_db.settings)
    sqlite_db.settings.__dict__.pop("ring", None)
    backup.back_up(sqlite_db, tmp_path / "bank.backup")
    folder = tmp_path / "elsewhere"
    elsewhere = bank_settings.load(data=folder, database_url=f"sqlite:///{folder / 'bank.sqlite3'}", demo=True)
    backup.restore(elsewhere, tmp_path / "bank.backup", replace=False)
    restored = Database(elsewhere)
    assert [key.id for key in restored.settings.ring.keys] == [key.id for key in sqlite_db.settings.ring.keys]
    assert sign_in(restored, ada, app.at(clock.now())).token
    restored.dispose()


@pytest.mark.parametrize(
    "given",
    [
        {"secret_keys": "short"}, {"secret_keys": f"{FIRST},changeme-{SECOND}"}, {"secret_keys": f"{FIRST} {FIRST}"},
        {"secret_keys": FIRST, "secret_key": SECOND},
    ],
)  # fmt: skip
def test_keys_that_are_none_or_contradict_each_other_stop_the_start(given):
    with pytest.raises(bank_settings.SettingsError):
        bank_settings.load(**given)
    assert bank_settings.load(secret_keys=f"{SECOND},\n{FIRST}").signing_key == SECOND
