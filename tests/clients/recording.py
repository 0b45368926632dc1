"""Writes down what older clients send: `python -m tests.clients.recording [FAMILY …]`.

A family's script (sessions/record_FAMILY.py) drives the client, step by step, against a relay that
stands before an adapter with scripted engines. What goes through is kept byte for byte in
tests/recordings/clients/, a request on a line; README.md there tells the form.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.clients import environments
from tests.clients.running import SESSIONS, title
from tests.support import machine
from tests.support.theatre import TINY, theatre

FOLDER = machine.ROOT / "tests" / "recordings" / "clients"
FAMILIES = ("langchain-community", "ollama-python-03", "ollama-python-04", "raw-http")
STEP = "/step/"
"""`GET /step/NAME` begins a step; it is no part of the recording."""
HOST = "127.0.0.1:11434"
"""Written in place of the relay's, whose port is another each time."""


@dataclass
class Relay:
    """Hands on what a client sends, one request after the other, and keeps it."""

    onto: str
    rows: list[dict[str, object]] = field(default_factory=list)
    step: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while head := await a_head(reader):
                await self._one(head, reader, writer)
        writer.close()

    async def _one(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        length = {name.lower(): value for name, value in headers.items()}.get("content-length", "0")
        body = await reader.readexactly(int(length))
        if path.startswith(STEP):
            self.step = path.removeprefix(STEP)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        text = body.decode() if body else None
        headers = {name: HOST if name == "Host" else value for name, value in headers.items()}
        row = {"step": self.step, "method": method, "path": path, "headers": headers, "body": text}
        self.rows.append(row)
        await self._hand_on(head + body, writer)

    async def _hand_on(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        """The answer ends with its connection: so every request has one of its own."""
        url = urlsplit(self.onto)
        source, sink = await asyncio.open_connection(url.hostname, url.port)
        first, _, rest = request.partition(b"\r\n")
        sink.write(first + b"\r\nConnection: close\r\n" + without_connection(rest))
        try:
            while data := await source.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            sink.close()
            writer.close()


def without_connection(rest: bytes) -> bytes:
    """The rest of a request less its own word on whether the connection stays."""
    head, mark, body = rest.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join(lines) + mark + body


async def a_head(reader: asyncio.StreamReader) -> bytes:
    """The request line and headers; nothing when the client has left."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def file_of(family: str) -> str:
    """The recording's name: the family's first package and its version."""
    name, _, version = environments.FAMILIES["python"][family][0].partition("==")
    return f"{'raw-http' if family == 'raw-http' else name + '-' + version}.jsonl"


async def record(family: str) -> None:
    python = await asyncio.to_thread(environments.python, family)
    script = SESSIONS / f"record_{family.replace('-', '_')}.py"
    async with theatre(TINY) as house:
        relay = Relay(house.url)
        async with await asyncio.start_server(relay.serve, "127.0.0.1", 0) as server:
            host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            command = [python, str(script), host]
            await asyncio.to_thread(
                subprocess.run, command, check=True, timeout=120, env=machine.clean_environ()
            )
    rows = [{"client": title(family)}, *relay.rows]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (FOLDER / file_of(family)).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or FAMILIES:
        asyncio.run(record(chosen))
