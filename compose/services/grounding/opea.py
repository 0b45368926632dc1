"""Text → what OPEA's user interface reads in a stream: each event is Python's repr of bytes.

The page takes off `b'` and `'`, and then: where there is a `\\xHH`, it reads these and nothing else
of the event; where there is none, it makes `\\n` a line feed and leaves all other escapes as they
are. So an event holds either `\\xHH` alone, which backslashes and tabs are written as, too, or what
needs no escape but `\\n`; and not both kinds of quotes, one of which repr would escape.
"""

from __future__ import annotations

import re

from services.grounding.sse import event

_RUNS = re.compile(r"""([^\n -\[\]-~]+)|[\n !#-\[\]-~]+|[\n -&(-\[\]-~]+""")
"""What is written as `\\xHH`; the rest without double quotes; without single ones."""


def pieces(text: str) -> list[bytes]:
    """The events of a text, none if it is empty."""
    return [event(_told(run).encode()) for run in _RUNS.finditer(text)]


def _told(run: re.Match[str]) -> str:
    data = run[0].encode()
    if run[1] is None:
        return repr(data)
    return "b'" + "".join(f"\\x{byte:02x}" for byte in data) + "'"


def failed(payload: bytes) -> bytes:
    """An event in place of an end: the page shows that it failed and is ready again."""
    return b"event: error\n" + event(payload)
