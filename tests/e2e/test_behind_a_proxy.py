"""The shipped configurations of nginx and Caddy, started for real with a bank behind them."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import websocket
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from bank_app import clock
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.models import SignIn
from bank_app.services import auth
from tests.e2e.conftest import PASSWORD, PATIENCE_SECONDS, PROJECT, free_port, served

DEPLOY = PROJECT / "docs" / "deploy"
EMAIL = "ada@bank.test"


@dataclass
class Front:
    """What stands in front, and the bank behind it."""

    name: str
    tls: int
    plain: int
    bank_port: int
    db: Database

    @property
    def url(self):
        return f"https://localhost:{self.tls}"


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def front(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    tls, plain = free_port(), free_port()
    settings = bank_settings.load(data=folder / "data", database_url="")
    db = Database(settings)
    db.upgrade_schema()
    auth.register(db, email=EMAIL, name="Ada Lindqvist", password=PASSWORD)
    _certificate(folder)
    environment = {"BANK_PUBLIC_URL": f"https://localhost:{tls}", "BANK_TRUSTED_PROXIES": "1"}
    with ExitStack() as stack:
        url = stack.enter_context(served(settings.data, "serve", **environment))
        found = Front(request.param, tls, plain, int(url.rpartition(":")[2]), db)
        stack.enter_context(_started(found, folder))
        yield found
    db.dispose()


def _certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = clock.now()
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1)).add_extension(
        x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
    )
    (folder / "fullchain.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(key.private_bytes(*private))


def _nginx(front, folder):
    """The shipped file with other names, ports and paths, inside the least that nginx needs."""
    text = re.sub(r"^ *listen \\[::\\].*\n", "", (DEPLOY / "nginx.conf").read_text(), flags=re.MULTILINE)
    for old, new in (
        ("bank.example.org", "localhost"), ("listen 443", f"listen 127.0.0.1:{front.tls}"),
        ("listen 80", f"listen 127.0.0.1:{front.plain}"), ("127.0.0.1:3000", f"127.0.0.1:{front.bank_port}"),
        ("/etc/ssl/bank", str(folder)), ("/var/log/nginx", str(folder)),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    (folder / "bank.conf").write_text(text)
    temporary = "".join(
        f"{what}_temp_path {folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "main.conf").write_text(
        f"user root; daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary} include {folder}/bank.conf; }}\n"
    )
    command = ["nginx", "-p", folder, "-e", "stderr", "-c", folder / "main.conf"]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert "[warn]" not in tried.stderr
    return command


def _caddy(front, folder):
    text = (DEPLOY / "Caddyfile").read_text()
    for old, new in (
        ("bank.example.org {", f"https://localhost:{front.tls} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"),
        ("admin off", f"admin off\n\thttp_port {front.plain}\n\thttps_port {front.tls}"),
        ("127.0.0.1:3000", f"127.0.0.1:{front.bank_port}"), ("/var/log/caddy", str(folder)),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    (folder / "Caddyfile").write_text(text)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]
    validate = ["caddy", "validate", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]
    tried = subprocess.run(validate, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    return command


@contextmanager
def _started(front, folder):
    assert shutil.which(front.name), (
        f"{front.name} is not here: `./bank test` brings it, or apt-get install {front.name}"
    )
    command = {"nginx": _nginx, "caddy": _caddy}[front.name](front, folder)
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    program = [shutil.which(front.name), *command[1:]]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(program, stdout=said, stderr=said, env=environment)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", front.tls), 1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "said").read_text()
                assert time.monotonic() < deadline, (folder / "said").read_text()
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def client(front):
    """A client on another address of loopback, so that it is not taken for the proxy."""
    transport = httpx.HTTPTransport(verify=False, local_address="127.0.0.2")
    with httpx.Client(base_url=front.url, transport=transport, timeout=PATIENCE_SECONDS) as one:
        yield one


def test_pages_programs_and_sockets_work_and_are_known_by_their_address(front, client):
    page = client.get("/sign-in")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "max-age" in page.headers["strict-transport-security"]
    forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    body = {"email": EMAIL, "password": PASSWORD}
    assert client.post("/api/v1/auth/login", json=body, headers=forged).status_code == 200
    newest = select(SignIn.address).order_by(SignIn.created_at.desc())
    assert front.db.read(lambda session: session.execute(newest).scalars().first()) == "127.0.0.2"
    where, trusting = f"{front.url.replace('https', 'wss')}/_event/?EIO=4&transport=websocket", {"cert_reqs": 0}
    line = websocket.create_connection(where, sslopt=trusting, origin=front.url, timeout=PATIENCE_SECONDS)
    assert line.recv().startswith("0{")
    line.close()
    with pytest.raises(websocket.WebSocketException):
        websocket.create_connection(where, sslopt=trusting, origin="https://evil.test", timeout=PATIENCE_SECONDS)


def test_what_is_not_for_the_public_is_not_there(front, client):
    assert client.get("/metrics").status_code == 404
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", front.tls), 10) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname="another.test")
    plain = httpx.get(f"http://localhost:{front.plain}/sign-in")
    assert (plain.status_code, plain.headers["location"].startswith("https://localhost")) == (308, True)


def test_half_sent_bodies_stay_outside(front, client):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    head = (
        f"POST /auth/login HTTP/1.1\r\nHost: localhost:{front.tls}\r\nContent-Length: 100\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\nemail="
    )
    with ExitStack() as stack:
        for _ in range(40):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", front.tls), 10))
            stack.enter_context(context.wrap_socket(raw, server_hostname="localhost")).sendall(head.encode())
        assert client.get("/sign-in").status_code == 200
        # Each would be a connection of its own; a few are kept open for the next requests.
        assert connections_to(front.bank_port) < 10


def connections_to(port):
    """How many are open to a port of this machine."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(one[1].endswith(f":{port:04X}") and one[3] == "01" for one in lines)


def test_the_unit_of_systemd_is_one():
    """`systemd-analyze verify` says more where there is systemd; what it must hold back is looked for everywhere."""
    text = (DEPLOY / "bank.service").read_text()
    keys = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    assert keys["ExecStart"].split()[1:4] == ["serve", "--workers", "4"]
    strict = {
        "ProtectSystem": "strict", "PrivateTmp": "true", "NoNewPrivileges": "true", "ProtectHome": "true",
        "UMask": "0077", "CapabilityBoundingSet": "", "MemoryMax": "4G", "LimitNOFILE": "65536",
    }  # fmt: skip
    assert strict.items() <= keys.items()
    if analyze := shutil.which("systemd-analyze"):
        unit = text.replace("/opt/bank_app", str(PROJECT))
        said = subprocess.run(
            [analyze, "verify", "--man=no", "/dev/stdin"], input=unit, capture_output=True, text=True, check=False
        )
        assert "Unknown" not in said.stderr, said.stderr
