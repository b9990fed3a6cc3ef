"""The README's session, pasted into a shell, on both engines."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

PROJECT = Path(__file__).resolve().parent.parent


def session_of_the_readme():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\n(api=.*?)```", text, re.DOTALL)
    return block


@pytest.fixture
def served(db, settings):
    """The API of the test's own bank, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": settings.url, "BANK_DATA": str(settings.data), "BANK_DEMO": "on"}
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port), "bank_app.api.asgi:api"]
    server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    try:
        transport = httpx.HTTPTransport(retries=10)
        with httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            assert client.get("/readyz").status_code == 200
        yield port
    finally:
        server.terminate()
        server.wait(20)


def test_the_session_works_when_pasted(served):
    script = session_of_the_readme().replace("127.0.0.1:3000", f"127.0.0.1:{served}")
    shell = ["bash", "-euo", "pipefail"]
    told = subprocess.run(shell, check=False, input=script, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert '"role":"customer"' in told.stdout.replace(" ", "")
    assert "idempotency-replayed: true" in told.stdout.lower()
    assert "insufficient_funds" in told.stdout
    assert '"balance_after":"75.00"' in told.stdout.replace(" ", "")
