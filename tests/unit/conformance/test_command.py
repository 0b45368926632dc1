from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from adapter.cli import main
from adapter.conformance.address import checked_url


class Half(BaseHTTPRequestHandler):
    """Says that it is Ollama, and no more; below /empty it has a list of no models as well."""

    BODIES: ClassVar = {
        "/": b"Ollama is running",
        "/api/version": b'{"version":"0.1.0"}',
        "/empty/": b"Ollama is running",
        "/empty/api/version": b'{"version":"0.1.0"}',
        "/empty/api/tags": b'{"models":[]}',
    }

    def do_GET(self) -> None:
        body = self.BODIES.get(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/plain" if self.path == "/" else "application/json")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def half() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Half)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_all_holds(half: str, capsys: pytest.CaptureFixture[str]):
    assert main(["conform", half, "--only", "HTTP-01"]) == 0
    out = capsys.readouterr().out
    assert "version 0.1.0" in out
    assert out.endswith("1 passed, 0 failed, 0 not applicable\n")


def test_some_does_not(half: str, capsys: pytest.CaptureFixture[str]):
    assert main(["conform", f"http://{half}", "--only", "HTTP-0", "--level", "core"]) == 1
    out = capsys.readouterr().out
    assert "FAILED HTTP-02 (core): HEAD / answers 200" in out
    assert "→ 501" in out
    assert "FAILED HTTP-01 " not in out


def test_json_alone_on_standard_output(half: str, capsys: pytest.CaptureFixture[str]):
    assert main(["conform", half, "--only", "HTTP-0", "--format", "json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["counts"]["passed"] >= 2
    assert err.endswith("not applicable\n")


def test_a_file(half: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "report.md"
    command = ["conform", half, "--only", "HTTP-01", "--format", "markdown", "--output", str(file)]
    assert main(command) == 0
    assert file.read_text("utf-8").startswith("# Ollama's API at http://127.0.0.1:")
    assert capsys.readouterr().out == "1 passed, 0 failed, 0 not applicable\n"


def test_a_file_that_can_not_be_written_is_told_of_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        url = f"127.0.0.1:{server.getsockname()[1]}"
        assert main(["conform", url, "--only", "HTTP-01", "--output", str(tmp_path)]) == 2
        with pytest.raises(BlockingIOError):
            server.accept()
    assert capsys.readouterr().err == f"error: can't write {tmp_path}: Is a directory\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full")
def test_a_disk_that_is_full(half: str, capsys: pytest.CaptureFixture[str]):
    assert main(["conform", half, "--only", "HTTP-01", "--output", "/dev/full"]) == 2
    assert capsys.readouterr().err == "error: can't write /dev/full: No space left on device\n"


def test_names_that_are_given(half: str, capsys: pytest.CaptureFixture[str]):
    assert main(["conform", half, "--only", "CHAT-12", "--plain", "tiny"]) == 1
    out = capsys.readouterr().out
    assert "models: plain = tiny" in out
    assert '{"model":"tiny",' in out
    assert main(["conform", half, "--only", "CHAT-12"]) == 0
    assert "0 passed, 0 failed, 1 not applicable" in capsys.readouterr().out


def test_a_name_that_the_server_does_not_know(half: str, capsys: pytest.CaptureFixture[str]):
    url = f"http://{half}/empty"
    assert main(["conform", url, "--only", "CHAT-12", "--plain", "nope", "--embed", "no"]) == 2
    said = f"error: {url} has no model nope, no: neither /api/tags nor /api/show knows of it\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("output", ["text", "markdown", "json"])
def test_a_password_is_not_printed(half: str, output: str, capsys: pytest.CaptureFixture[str]):
    url = f"http://me:secret@{half}"
    assert main(["conform", url, "--only", "HTTP-0", "--format", output]) == 1
    out, err = capsys.readouterr()
    assert f"http://{half}" in out
    assert "secret" not in out + err


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("ftp://me:secret@127.0.0.1", []),
        ("http://me:sec/ret@127.0.0.1", []),
        ("me:secret@127.0.0.1:x", []),
        ("http://me:secret@127.0.0.1/?a", []),
        ("http://me:secret@10.0.0.5", []),
        ("http://me:secret@127.0.0.1:9", []),
        ("http://me:secret@HALF/empty", ["--model", "nope"]),
    ],
)
def test_nor_where_something_is_wrong(
    half: str, url: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main(["conform", url.replace("HALF", half), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert not any(word in err for word in ("me:", "secret", "sec/ret", "@"))


def test_a_closed_port(capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert main(["conform", f"127.0.0.1:{port}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: http://127.0.0.1:{port}: no answer")


@pytest.mark.timeout(20)
def test_a_port_that_never_answers(capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"127.0.0.1:{silent.getsockname()[1]}"
        assert main(["conform", url, "--timeout", "0.2"]) == 2
    assert "no complete answer within 0.2 s" in capsys.readouterr().err


def test_a_prefix_of_nothing(half: str, capsys: pytest.CaptureFixture[str]):
    assert main(["conform", half, "--only", "XYZ"]) == 2
    assert "starts with XYZ" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["http://127.0.0.1", "--level", "most"],
        ["http://127.0.0.1", "--format", "pdf"],
        ["http://127.0.0.1", "--timeout", "0"],
        ["http://127.0.0.1", "--timeout", "nan"],
        ["http://127.0.0.1", "--timeout", "soon"],
    ],
)
def test_arguments_that_make_no_sense(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["conform", *arguments])
    assert ended.value.code == 2
    if "--timeout" in arguments:
        said = f"argument --timeout: {arguments[-1]} is no number of seconds above zero\n"
        assert capsys.readouterr().err.endswith(said)


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:x", "http://127.0.0.1/?a=b"],
)
def test_what_is_no_address(url: str, capsys: pytest.CaptureFixture[str]):
    assert main(["conform", url]) == 2
    assert "is no address of a server" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://10.0.0.5:11434", "https://example.com", "ollama:11434"])
def test_other_machines_only_if_meant(url: str, capsys: pytest.CaptureFixture[str]):
    assert main(["conform", url]) == 2
    assert "--allow-remote" in capsys.readouterr().err
    assert checked_url(url, allow_remote=True).endswith(url)
