"""Takes the bytes of one HTTP answer as they come, and judges it when it is over. Pure."""

from __future__ import annotations

import re

from tests.load import script
from tests.load.dialects import Dialect
from tests.load.script import Order

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_END = b"\r\n" + script.LAST_CHUNK


class Answer:
    """`tokens` are those received so far, `over` whether all has come.

    Until it is over, a read costs a search and a count: the client is no brake.
    """

    def __init__(self, dialect: Dialect, order: Order, stream: bool) -> None:
        self.order = order
        self.tokens = -dialect.silent
        self.over = False
        self._dialect = dialect
        self._stream = stream
        self._parts: list[bytes] = []
        self._tail = b""
        self._head = b""
        self._missing: int | None = None

    def feed(self, data: bytes) -> None:
        if not self._head:
            data = self._take_head(data)
            if not self._head:
                return
        self._parts.append(data)
        recent = self._tail + data
        if self._missing is not None:
            self._missing -= len(data)
            self.over = self._missing <= 0
        else:
            self.over = recent.endswith(_END)
        mark = self._dialect.token
        self.tokens += recent.count(mark) - self._tail.count(mark)
        self._tail = recent[-len(mark) - len(_END) :]

    def _take_head(self, data: bytes) -> bytes:
        self._tail += data
        head, found, rest = self._tail.partition(b"\r\n\r\n")
        if not found:
            return b""
        self._head, self._tail = head, b""
        if not _CHUNKED.search(head):
            length = _LENGTH.search(head)
            self._missing = int(length[1]) if length else 2**62  # until the connection ends
        return rest

    def lost(self) -> None:
        """The connection has ended; that may be the end of the answer."""
        if self._missing is not None and self._missing > 2**61:
            self.over = True

    def fault(self) -> str:
        """What is wrong with it: empty for the right text, else a short kind."""
        status = _STATUS.match(self._head)
        if status is None:
            return "no answer"
        if status[1] != b"200":
            return f"status {status[1].decode()}"
        if not self.over:
            return "cut"
        body = b"".join(self._parts)
        try:
            text = self._dialect.read(
                body if self._missing is not None else dechunked(body), self._stream
            )
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return "malformed"
        return "" if script.digest_of(text) == script.digest(self.order.tokens) else "wrong text"


def dechunked(body: bytes) -> bytes:
    """The body that was sent in HTTP chunks.

    Raises:
        ValueError: it is not framed rightly.
    """
    parts, at = [], 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].partition(b";")[0], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size
        if body[at : at + 2] != b"\r\n":
            raise ValueError("a chunk has another length than it says")
        at += 2
