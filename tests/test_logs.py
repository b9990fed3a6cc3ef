"""What is in the log and what must never be."""

import subprocess
import sys

import pytest

# What is said is put together, because from Python 3.13 on a traceback shows lines of such a program, too: code is no
# value.
FAILS = """
import logging, sys, structlog
from bank_app import logs, settings
logs.configure(settings.load(log_format=sys.argv[1]))

def sign_in(password):
    raise RuntimeError("the database" + " is away")

try:
    sign_in("lantern-" + "orchard")
except RuntimeError:
    structlog.get_logger().exception("first")
    logging.getLogger("library").exception("second")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_in_the_log_shows_no_values(form):
    done = subprocess.run([sys.executable, "-c", FAILS, form], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count("the database is away") == 2
    assert "first" in done.stderr
    assert "second" in done.stderr
    assert "lantern-orchard" not in done.stderr


GONE = """
import sys, structlog
from bank_app import logs, settings
logs.configure(settings.load(log_format="text"))
log = structlog.get_logger()
log.info("while somebody reads")
sys.stderr.close()
log.info("when nobody reads any more")
sys.stderr = sys.stdout
log.info("where it leads now")
"""


def test_a_line_that_cannot_be_written_refuses_nothing():
    done = subprocess.run([sys.executable, "-c", GONE], capture_output=True, text=True, check=True, timeout=60)
    assert "while somebody reads" in done.stderr
    assert "where it leads now" in done.stdout


SAYS = """
import structlog
from bank_app import logs, settings
logs.configure(settings.load(log_format="text"))
said = {"said": 'a "b" = c', "forged": "x\\nlevel=error \\x1b[2J"}
structlog.get_logger().info("request", route="/a/{id}", status=201, actor=None, **said)
"""


def test_a_line_of_text_is_one_line_whatever_is_said():
    done = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True, timeout=60)
    time, rest = done.stderr.split(" ", 1)
    assert time.startswith("timestamp=20")
    assert rest == (
        'level=info event=request route=/a/{id} status=201 actor= said="a \\"b\\" = c" '
        'forged="x\\nlevel=error \\u001b[2J"\n'
    )


HOSTILE = """
import logging, structlog, sys
from bank_app import logs, settings
logs.configure(settings.load(log_format=sys.argv[1]))
word = "a" + chr(0x202e) + chr(0x9b) + chr(0x2028) + chr(0x200b) + chr(0x7f) + chr(0xe9)
structlog.get_logger().info("request", said=word)
logging.getLogger("library").warning("it says %s", word)
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_character_of_others_turns_a_line_around_or_commands_a_terminal(form):
    done = subprocess.run([sys.executable, "-c", HOSTILE, form], capture_output=True, check=True, timeout=60)
    lines = done.stderr.decode()
    assert lines.count("\n") == 2
    assert not set(lines) & set("\u202e\x9b\u2028\u200b\x7f")
    assert lines.count("\\u202e") == lines.count("\\u009b") == 2
