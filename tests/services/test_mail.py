"""Letters: written with what they are about, handed to a real mail server, and none lost while it is away."""

import datetime as dt
import ipaddress
import random
import ssl
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from sqlmodel import col

from bank_app import clock, smtp
from bank_app.models import Mail
from bank_app.private_mysql import is_free
from bank_app.services import audit, audit_trail, auth, health, mail, vitals
from bank_app.settings import SettingsError, load

PASSWORD = "lantern-orchard-48-violin"


class Box:
    """What a mail server took, and how it answers."""

    def __init__(self):
        self.letters, self.refusing, self.clear = [], "", []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the name that the library calls
        if self.refusing:
            return self.refusing
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name that the library calls
        self.clear.append(server.transport.get_extra_info("ssl_object") is None)
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


def free_port():
    return next(port for port in iter(lambda: random.randrange(20_000, 32_000), None) if is_free(port))


@contextmanager
def serving(box, **options):
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()


@pytest.fixture
def box():
    return Box()


@pytest.fixture
def posting(db, box):
    """The bank with a mail server, looked through up to now."""
    with serving(box) as address:
        with_mail(db, f"smtp://{address}")
        mail.gather(db)
        yield db


def with_mail(db, url):
    """The settings of the same bank with a mail server; they remember what they were asked for."""
    kept = {"database_url": db.settings.url, "data": db.settings.data, "rate_limits": False}
    db.settings = load(
        **kept, smtp_url=url, mail_from="bank@bank.example", public_url="https://bank.example", self_service_cash=True
    )


def rows(db):
    return db.read(lambda session: session.execute(select(Mail).order_by(col(Mail.created_at))).scalars().all())


def post(db):
    audit_trail.seal(db)
    mail.gather(db)
    mail.deliver(db)


def subjects(box):
    return [letter["Subject"] for letter in box.letters]


def text(letter):
    return letter.get_content()


def test_what_happens_to_a_sign_in_is_written_about_once(posting, box, ada):
    def happens(session):
        audit.record(session, actor_id=None, action="second_step.reset", object=f"user {ada.user_id}")

    posting.unit_of_work(happens)
    for _ in range(3):
        post(posting)
    [letter] = box.letters
    assert (letter["To"], letter["Subject"]) == (ada.email, "The bank turned your two-step sign-in off")
    assert letter["From"] == "Rowan Street Bank <bank@bank.example>"
    assert "https://bank.example/settings/security" in text(letter)
    assert letter["Auto-Submitted"] == "auto-generated"
    [row] = rows(posting)
    assert (row.body, row.due_at, row.problem) == ("", None, None)
    assert row.sent_at


def test_what_was_before_the_mail_server_was_set_up_is_not_written_about(sqlite_db, db, box, ada):
    db.unit_of_work(
        lambda session: audit.record(session, actor_id=None, action="user.role", object=f"user {ada.user_id}")
    )
    audit_trail.seal(db)
    with serving(box) as address:
        with_mail(db, f"smtp://{address}")
        post(db)
    assert box.letters == []


def test_a_bank_without_a_mail_server_writes_nothing(sqlite_db, db, ada):
    assert not mail.is_set_up(db.settings)
    assert mail.deliver(db) == 0
    assert rows(db) == []


def test_only_a_device_that_is_new_is_written_about(sqlite_db, posting, box, ada):
    def signs_in(agent):
        auth.open_browser_session(posting, email=ada.email, password=PASSWORD, address="192.0.2.7", user_agent=agent)
        post(posting)

    for agent in ("Firefox on a ship", "Firefox on a ship"):
        signs_in(agent)
    assert box.letters == []
    signs_in("A phone\r\nBcc: everybody@bank.example")
    assert subjects(box) == ["A sign-in from a new device"]
    assert "A phone Bcc: everybody@bank.example" in text(box.letters[0])
    assert box.letters[0]["Bcc"] is None
    for agent in ("Firefox on a ship", "A phone\r\nBcc: everybody@bank.example"):
        signs_in(agent)
    assert len(box.letters) == 1


def test_money_that_arrives_is_written_about_to_whoever_wants_it(posting, box, ada, ben, counter):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    counter.transfer(ada, hers, his, "1.00")
    post(posting)
    assert box.letters == []
    posting.unit_of_work(lambda session: mail.want_money(session, ben, wanted=True))
    assert posting.read(lambda session: mail.wants_money(session, ben.user_id))
    counter.transfer(ada, hers, his, "2.50")
    counter.transfer(ben, his, hers, "1.25")
    for _ in range(2):
        post(posting)
    [letter] = box.letters
    assert (letter["To"], letter["Subject"]) == (ben.email, "Money arrived")
    assert f"2.50 USD arrived in your account ending in {str(his.id)[-4:]}" in text(letter)
    posting.unit_of_work(lambda session: mail.want_money(session, ben, wanted=False))
    counter.transfer(ada, hers, his, "3.00")
    post(posting)
    assert len(box.letters) == 1


def test_nothing_is_lost_while_the_server_is_away(sqlite_db, db, box, ada):
    with_mail(db, f"smtp://127.0.0.1:{free_port()}")
    mail.gather(db)
    db.unit_of_work(
        lambda session: mail.put(session, user_id=ada.user_id, about="a test", subject="Hello", body="Later.")
    )
    assert mail.deliver(db) == 0
    [row] = rows(db)
    assert (row.tries, row.problem, row.sent_at, row.body) == (1, "ConnectionRefusedError", None, "Later.")
    # Not at once again, and less and less often.
    assert mail.deliver(db) == 0
    assert rows(db)[0].tries == 1
    with serving(box) as address:
        with_mail(db, f"smtp://{address}")
        with clock.moved_to(clock.now() + timedelta(seconds=31)):
            assert mail.deliver(db) == 1
    assert subjects(box) == ["Hello"]
    assert rows(db)[0].sent_at


@pytest.mark.parametrize(
    ("answer", "again"), [("451 busy", True), ("550 nobody of that name", False), ("421 closing", True)]
)
def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(sqlite_db, posting, box, ada, answer, again):
    box.refusing = answer
    posting.unit_of_work(
        lambda session: mail.put(session, user_id=ada.user_id, about="a test", subject="Hello", body="Text.")
    )
    assert mail.deliver(posting) == 0
    [row] = rows(posting)
    assert (row.due_at is not None, row.sent_at, answer[:3] in row.problem) == (again, None, True)
    box.refusing = ""
    with clock.moved_to(clock.now() + timedelta(hours=2)):
        assert mail.deliver(posting) == (1 if again else 0)


def test_one_address_that_is_refused_keeps_no_other_letter_waiting(sqlite_db, posting, box, ada, ben):
    async def only_ben(server, session, envelope, address, options):
        if address != ben.email:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    box.handle_RCPT = only_ben
    for person in (ada, ben):
        posting.unit_of_work(
            lambda session, who=person: mail.put(
                session, user_id=who.user_id, about=who.email, subject="Hello", body="Text."
            )
        )
    assert mail.deliver(posting) == 1
    assert [letter["To"] for letter in box.letters] == [ben.email]


def test_a_letter_that_came_too_late_is_not_sent(sqlite_db, posting, box, ada):
    posting.unit_of_work(
        lambda session: mail.put(
            session, user_id=ada.user_id, about="a test", subject="Hello", body="Soon.", lasts=timedelta(minutes=30)
        )
    )
    with clock.moved_to(clock.now() + timedelta(minutes=31)):
        assert mail.deliver(posting) == 0
    assert box.letters == []
    assert [(row.body, row.due_at, row.problem) for row in rows(posting)] == [("", None, "too late")]


def test_a_letter_that_a_killed_worker_had_is_sent_by_another(posting, box, ada):
    posting.unit_of_work(
        lambda session: mail.put(session, user_id=ada.user_id, about="a test", subject="Hello", body="Text.")
    )
    [row] = rows(posting)
    assert posting.unit_of_work(lambda session: mail._claim(session, row.id)) is not None
    assert mail.deliver(posting) == 0
    with clock.moved_to(clock.now() + timedelta(minutes=6)):
        assert mail.deliver(posting) == 1
    assert subjects(box) == ["Hello"]


def test_workers_at_once_send_a_letter_once(posting, box, ada, at_once):
    posting.unit_of_work(
        lambda session: mail.put(session, user_id=ada.user_id, about="a test", subject="Hello", body="Text.")
    )
    assert sum(at_once(lambda _: mail.deliver(posting), 4)) == 1
    assert subjects(box) == ["Hello"]


def test_nobody_is_written_to_all_day(sqlite_db, posting, ada):
    def many(session):
        return [
            mail.put(session, user_id=ada.user_id, about=f"test {number}", subject="Hello", body="Text.")
            for number in range(30)
        ]

    assert sum(posting.unit_of_work(many)) == 20


def test_health_says_how_the_post_is_doing(sqlite_db, db, ada, teller):
    vitals.of(db).sample(db)
    assert "mail" not in {tile.key for tile in health.report(db, teller).tiles}
    with_mail(db, f"smtp://127.0.0.1:{free_port()}")
    db.unit_of_work(
        lambda session: mail.put(session, user_id=ada.user_id, about="a test", subject="Hello", body="Text.")
    )

    def tile():
        vitals.of(db).sample(db)
        return next(tile for tile in health.report(db, teller).tiles if tile.key == "mail")

    assert (tile().state, tile().value) == (health.State.GOOD, "1 waiting")
    with clock.moved_to(clock.now() + timedelta(minutes=20)):
        assert tile().state is health.State.WATCH
    with clock.moved_to(clock.now() + timedelta(hours=3)):
        assert tile().state is health.State.ACT


# --- encryption ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself: the file with it, and what a server needs."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority, both = folder / "ca.pem", folder / "server.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    both.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + authority.read_bytes()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return authority, context


def letter():
    message = mail.EmailMessage()
    message["From"], message["To"], message["Subject"] = "bank@bank.example", "ada@bank.example", "Hello"
    message.set_content("Text.")
    return message


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # It was encrypted from the first byte.
@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_the_password_is_told_to_an_encrypted_server_only(box, certified, scheme):
    authority, context = certified
    tls = {"ssl_context": context} if scheme == "smtps" else {"tls_context": context, "require_starttls": True}

    def who(server, session, envelope, mechanism, data):
        return AuthResult(handled=False, success=(data.login, data.password) == (b"bank", b"p@ss:word"))

    options = {**tls, "authenticator": who, "auth_required": True, "auth_require_tls": scheme == "smtp"}
    with serving(box, **options) as address:
        url = f"{scheme}://bank:p%40ss%3Aword@{address}"
        known = smtp.server_of(f"{url}?ca={authority}&starttls", loopback=True)
        with smtp.Line(known) as line:
            line.send(letter())
        stranger = smtp.server_of(f"{url}?starttls", loopback=True)
        with smtp.Line(stranger) as line, pytest.raises(smtp.Unreachable, match="SSLCertVerificationError"):
            line.send(letter())
        wrong = smtp.server_of(f"{scheme}://bank:wrong@{address}?ca={authority}&starttls", loopback=True)
        with smtp.Line(wrong) as line, pytest.raises(smtp.Unreachable, match="535"):
            line.send(letter())
    assert (subjects(box), box.clear) == (["Hello"], [False])


def test_a_server_elsewhere_that_offers_no_encryption_gets_nothing(box):
    with serving(box) as address:
        elsewhere = smtp.server_of(f"smtp://bank:word@{address}", loopback=False)
        with smtp.Line(elsewhere) as line, pytest.raises(smtp.Unreachable, match="SMTPNotSupportedError"):
            line.send(letter())
    assert box.letters == []


@pytest.mark.parametrize("url", ["http://mail.example", "smtp:", "smtp://mail.example/inbox", "smtps://x?tls=no"])
def test_an_address_of_no_server_is_named_without_its_password(url):
    with pytest.raises(SettingsError, match="BANK_SMTP_URL: must be smtps://") as refused:
        load(smtp_url=url.replace("://", "://user:hunter2@"))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("sender", ["nobody", "a@b\nBcc: c@d", "Bank <a@b>"])
def test_a_sender_is_one_address(sender):
    with pytest.raises(SettingsError, match="BANK_MAIL_FROM: must be one email address"):
        load(mail_from=sender)
