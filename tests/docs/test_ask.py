"""`make ask` and the small program behind it, before a server that answers in literal bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support import machine

PROGRAM = machine.ROOT / "docs" / "tutorial" / "ask.py"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n"
LINES = (
    b'{"model":"chatqna:latest","message":{"role":"assistant","content":"Hand in hand [1]."},'
    b'"done":false}\n'
    b'{"model":"chatqna:latest","message":{"role":"assistant","content":"\\n\\nSources:\\n[1] '
    b'a.md"},"done":false}\n'
    b'{"model":"chatqna:latest","message":{"role":"assistant","content":""},"done":true,'
    b'"sources":[{"id":1,"file":"a.md"}]}\n'
)
MISSING = b'{"error":"model \'chatqna:latest\' not found"}'


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def asked(host: str, question: str = "Why?") -> subprocess.CompletedProcess[str]:
    env = machine.clean_environ(OLLAMA_HOST=host)
    command = [sys.executable, str(PROGRAM), question]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)


def test_the_answer_with_its_sources() -> None:
    with answering(HEAD % len(LINES) + LINES) as host:
        done = asked(host)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Hand in hand [1].\n\nSources:\n[1] a.md\n"


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (HEAD % (len(LINES) + 9) + LINES, "error: peer closed connection"),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(MISSING) + MISSING,
            "error: model 'chatqna:latest' not found (status code: 404)",
        ),
    ],
)
def test_what_goes_wrong_is_a_sentence(reply: bytes, text: str) -> None:
    with answering(reply) as host:
        done = asked(host)
    assert done.returncode == 1
    assert done.stderr.startswith(text)
    assert done.stderr.count("\n") == 1


def test_nobody_there() -> None:
    done = asked(f"127.0.0.1:{machine.free_port()}")
    assert done.stderr.startswith("error: nobody listens there: is make serve DOCS=folder ready")
    assert done.stderr.count("\n") == 1


def test_no_question() -> None:
    assert asked("127.0.0.1:1", " ").stderr == 'error: ask what? make ask Q="..."\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Where what is asked is printed."""
    shutil.copy(machine.ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "services" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    python.chmod(0o755)
    return tmp_path


QUESTION = """Is it "5 $" or $(x), `y` isn't; {z}?"""


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_make_hands_a_question_on_as_it_is(checkout: Path, how: str) -> None:
    given = [f"Q={QUESTION}"] if how == "argument" else []
    env = machine.clean_environ(**({} if given else {"Q": QUESTION}))
    command = ["make", "ask", *given]
    done = subprocess.run(
        command, cwd=checkout, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"<docs/tutorial/ask.py><{QUESTION}>"


def test_make_ask_before_there_is_anything(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    done = subprocess.run(
        ["make", "ask", "Q=x"],
        cwd=checkout,
        env=machine.clean_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.startswith("error: nothing to ask yet, start it: make serve DOCS=folder\n")
