"""Text → what OPEA's user interface reads in a stream: each event is Python's repr of bytes.

The page takes off `b'` and `'`, and then: where there is a `\\xHH`, it reads these and nothing else
of the event; where there is none, it makes `\\n` a line feed and leaves all other escapes as they
are. So an event holds either what repr writes with `\\x` or what it doesn't, and not both kinds of
quotes, one of which repr would escape.
"""

from __future__ import annotations

import re

from services.grounding.sse import event

_RUNS = re.compile(r"""[^\n\r\t -~]+|[\n\r\t !#-~]+|[\n\r\t -&(-~]+""")
"""What has an `\\x`; the rest of ASCII without double quotes; without single ones."""


def pieces(text: str) -> list[bytes]:
    """The events of a text, none if it is empty."""
    return [event(repr(run.encode()).encode()) for run in _RUNS.findall(text)]


def failed(payload: bytes) -> bytes:
    """An event in place of an end: the page shows that it failed and is ready again."""
    return b"event: error\n" + event(payload)
