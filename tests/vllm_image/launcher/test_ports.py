from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from launcher import ports
from launcher.errors import CannotRun
from launcher.ports import Address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("", "127.0.0.1", 11434),
        ("0.0.0.0", "0.0.0.0", 11434),
        ("1.2.3.4:", "1.2.3.4", 11434),
        (":1234", "127.0.0.1", 1234),
        ("example.com:56789", "example.com", 56789),
        ("http://1.2.3.4", "1.2.3.4", 80),
        ("https://1.2.3.4", "1.2.3.4", 443),
        ("http://localhost:1234/path", "localhost", 1234),
        ("[::1]", "::1", 11434),
        ("[::1]:1337", "::1", 1337),
        ("::1", "::1", 11434),
        ("  '1.2.3.4:99999' ", "1.2.3.4", 11434),
        ("1.2.3.4:x", "1.2.3.4", 11434),
        ("1.2.3.4:\N{SUPERSCRIPT TWO}", "1.2.3.4", 11434),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(text: str, host: str, port: int) -> None:
    assert ports.parse(text) == Address(host, port)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("example.com", "http://example.com:1"),
    ],
)
def test_the_url_is_one_a_client_can_use(host: str, url: str) -> None:
    assert Address(host, 1).url == url


def test_a_taken_port_names_the_program_that_has_it() -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        mine.listen()
        port = mine.getsockname()[1]
        with pytest.raises(CannotRun, match=rf"port {port} is taken by process {os.getpid()} \("):
            ports.require_free(Address("127.0.0.1", port))


def test_a_free_port_is_free() -> None:
    ports.require_free(Address("127.0.0.1", ports.free_port()))


def test_an_address_of_another_machine_is_refused_in_one_line() -> None:
    with pytest.raises(CannotRun, match=r"can't listen on 192\.0\.2\.1"):
        ports.require_free(Address("192.0.2.1", 11434))


def test_the_owner_is_found_through_the_sockets_inode(tmp_path: Path) -> None:
    table = tmp_path / "net" / "tcp6"
    table.parent.mkdir()
    row = "0: 0000:2CAA 0000:0000 {state} 0:0 0:0 0 0 0 {inode} 1 0 100"
    established = row.format(state="01", inode=7)
    table.write_text(f"heading\n{established}\n{row.format(state='0A', inode=8)}\n")
    for pid, inode in ((41, 7), (42, 8)):
        (tmp_path / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
        (tmp_path / str(pid) / "comm").write_text(f"ollama{pid}\n")
    assert ports.owner(0x2CAA, tmp_path) == (42, "ollama42")
    assert ports.owner(1, tmp_path) is None


@pytest.mark.parametrize(
    ("host", "port", "hint"),
    [
        ("127.0.0.1", 11434, "127.0.0.1:11435"),
        ("::1", 11903, "[::1]:11904"),
        ("127.0.0.1", 65535, "127.0.0.1:65534"),
    ],
)
def test_another_port_is_proposed(host: str, port: int, hint: str, tmp_path: Path) -> None:
    taken = OSError(errno.EADDRINUSE, "Address already in use")
    text = ports._refusal(Address(host, port), taken, tmp_path)
    assert text.startswith(f"port {port} is taken by another program; ")
    assert f"OLLAMA_HOST={hint} make serve" in text


def test_a_host_that_cannot_be_a_name() -> None:
    with pytest.raises(CannotRun, match=r"names no address: a\.\.b"):
        ports.require_free(Address("a..b", 11434))
