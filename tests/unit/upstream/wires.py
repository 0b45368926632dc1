"""What stands around a connection in these tests: its transport, and one who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from adapter.upstream.connection import Connection


class Wire(asyncio.Transport):
    """A transport that keeps what is written; what the engine does is done by hand."""

    def __init__(self, connection: Connection, later: list[Callable[[], None]]) -> None:
        super().__init__()
        self.sent = b""
        self.unsent = 0
        """Bytes that the engine has not taken yet."""
        self.reads = True
        self.aborted = 0
        self._connection = connection
        self._later = later
        connection.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        for data in list_of_data:
            self.write(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.aborted > 0

    def abort(self) -> None:
        self.aborted += 1

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    # the engine's side

    def comes(self, *reads: bytes) -> None:
        """Bytes of the engine, a read for each; none reach one who has hung up.

        In between, there is time for what was put off.
        """
        for data in reads:
            if not self.aborted:
                assert self.reads, "it reads on"
                self._connection.data_received(data)
            while self._later:
                self._later.pop()()

    def closes(self, error: Exception | None = None) -> None:
        """The engine closes the connection, or breaks it with an error."""
        if error is None and not self.aborted:
            assert not self._connection.eof_received()
        self.lost(error)

    def lost(self, error: Exception | None = None) -> None:
        """The loop says that the connection is gone: once, after it was closed by either side."""
        self._connection.connection_lost(error)


class Heard:
    """Notes what a listener is told, in its order."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def headed(self, status: int, headers: dict[str, str]) -> None:
        self.calls.append(("headed", status, dict(headers)))

    def take(self, data: bytes) -> None:
        self.calls.append(("take", data))

    def over(self, error: Exception | None) -> None:
        self.calls.append(("over", type(error)))

    @property
    def body(self) -> bytes:
        return b"".join(call[1] for call in self.calls if isinstance(call[1], bytes))

    @property
    def told(self) -> list[tuple[object, ...]]:
        """The calls, with the body in one."""
        takes = [number for number, call in enumerate(self.calls) if call[0] == "take"]
        if not takes:
            return self.calls
        first, last = takes[0], takes[-1]
        assert len(takes) == last - first + 1, "the body comes in a row"
        return [*self.calls[:first], ("take", self.body), *self.calls[last + 1 :]]


class Desk:
    """A connection that is up and has been asked, with all that stands around it."""

    def __init__(self, *, asked: bool = True) -> None:
        self.idle: list[Connection] = []
        self.gone: list[Connection] = []
        self.later: list[Callable[[], None]] = []
        self.connection = Connection(self.idle.append, self.gone.append, self.later.append)
        self.wire = Wire(self.connection, self.later)
        self.heard = Heard()
        if asked:
            self.connection.ask(b"GET / HTTP/1.1\r\n\r\n", (), self.heard)
