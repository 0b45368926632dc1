"""Where the adapter listens, and who else does."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.errors import CannotRun

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 11434
SCHEME_PORTS = {"http": 80, "https": 443}
LISTENING = "0A"
HIGHEST = 65535
FOR_MAKE = ("OLLAMA_HOST", "choose another port: OLLAMA_HOST={host}:{port} make serve")
IN_AN_IMAGE = ("ENGINE_HOST", "choose another one: ENGINE_PORT={port}")
"""Where an address comes from: the variable that names its host, and how to take another port."""
FOR_ANSWERS = ("RAG_HOST", "choose another port: CHATQNA_PORT={port} make serve DOCS=...")
FOR_FILES = ("RAG_HOST", "choose another port: DATAPREP_PORT={port} make serve DOCS=...")
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    @property
    def url(self) -> str:
        """An address that a client on this machine can use."""
        host = reached(self)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def reached(address: Address) -> str:
    """The host under which this machine reaches what listens there."""
    return ANY.get(address.host, address.host)


def parse(ollama_host: str) -> Address:
    """OLLAMA_HOST as Ollama reads it: scheme, host and port are all optional."""
    text = ollama_host.strip().strip("\"'").strip()
    scheme, found, rest = text.partition("://")
    port = SCHEME_PORTS.get(scheme, DEFAULT_PORT) if found else DEFAULT_PORT
    text = (rest if found else text).partition("/")[0]
    host, colon, digits = text.rpartition(":")
    if text.endswith("]") or (text.count(":") > 1 and not text.startswith("[")):
        host, colon = text, ""  # an IPv6 address without a port
    if not colon:
        host = text
    elif (number := whole_number(digits)) is not None and number <= HIGHEST:
        port = number
    return Address(host.strip("[]") or DEFAULT_HOST, port)


def settled(address: Address) -> Address:
    """Port 0 means any free one; it is chosen here, so that it can be told."""
    return address if address.port else replace(address, port=free_port())


def whole_number(text: str) -> int | None:
    """Of ASCII digits alone: int() takes other scripts' too, and isdigit() more than int()."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def require_free(
    address: Address, source: tuple[str, str] = FOR_MAKE, proc: Path = Path("/proc")
) -> None:
    """Binds the address once, so that a taken port is an error before the long work."""
    try:
        family, kind, number, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise CannotRun(f"{source[0]} names no address: {address.host} ({error})") from error
    with socket.socket(family, kind, number) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
            probe.listen()
        except OSError as error:
            raise CannotRun(_refusal(address, error, proc, source[1])) from error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def owner(port: int, proc: Path = Path("/proc")) -> tuple[int, str] | None:
    """Process id and name of the program that listens on `port`, as far as we may see it."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    for folder in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            if any(str(link.readlink()) in wanted for link in (folder / "fd").iterdir()):
                name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return int(folder.name), name
        except OSError:  # gone in the meantime, or somebody else's
            continue
    return None


def _inodes(port: int, proc: Path) -> set[str]:
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            rows = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _refusal(address: Address, error: OSError, proc: Path, advice: str = FOR_MAKE[1]) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"can't listen on {address.host} port {address.port}: {error.strerror}"
    user = owner(address.port, proc)
    by = f"process {user[0]} ({user[1]})" if user else "another program"
    host = f"[{address.host}]" if ":" in address.host else address.host
    other = address.port + 1 if address.port < HIGHEST else address.port - 1
    other_way = advice.format(host=host, port=other)
    return f"port {address.port} is taken by {by}; stop it, or {other_way}"
