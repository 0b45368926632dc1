"""The first lines of an answer of HTTP/1.1."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from email.utils import formatdate
from http.client import responses

LAST_CHUNK = b"0\r\n\r\n"
BODILESS = frozenset({204, 304})
"""Statuses of answers that have no body, and so no word of its size."""
_CHUNKED = "Transfer-Encoding: chunked\r\n"


def head(status: int, headers: Mapping[str, str], length: int | None, *, lasts: bool) -> bytes:
    """The head of an answer of `length` bytes, None: in chunks, after which the connection lasts
    or does not."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    sized = _CHUNKED if length is None else f"Content-Length: {length}\r\n"
    if status in BODILESS:
        sized = ""
    ends = "" if lasts else "Connection: close\r\n"
    date = _date(int(time.time()))
    return f"{_first_line(status)}{lines}{sized}{ends}{date}\r\n".encode("utf-8", "surrogateescape")


@functools.lru_cache(1000)  # there are no more of three digits
def _first_line(status: int) -> str:
    return f"HTTP/1.1 {status} {responses.get(status, '')}\r\n"


@functools.lru_cache(2)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n"
