from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.sse import Begun, EventSplitter
from tests.support.recordings import recording
from tests.unit.strategies import cuts

# What came over the wire, and the payloads in it.
CASES = {
    "one": (b'data: {"a":1}\n\n', [b'{"a":1}']),
    "no blank after the colon": (b"data:x\n\n", [b"x"]),
    "only one blank goes": (b"data:  x\n\n", [b" x"]),
    "two": (b"data: 1\n\ndata: 2\n\n", [b"1", b"2"]),
    "crlf": (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [b"1", b"2"]),
    "mixed ends": (b"data: 1\n\r\ndata: 2\r\n\n", [b"1", b"2"]),
    "comment": (b": keep-alive\n\n: keep-alive\n\ndata: 1\n\n", [b"1"]),
    "comment inside an event": (b": hello\ndata: 1\n\n", [b"1"]),
    "other fields": (b"event: delta\nid: 7\nretry: 1\ndata: 1\n\n", [b"1"]),
    "two data lines": (b"data: 1\ndata: 2\n\n", [b"1\n2"]),
    "empty payload": (b"data:\n\ndata: \n\n", []),
    "blank lines": (b"\n\n\n\ndata: 1\n\n\n\n", [b"1"]),
    "done": (b"data: [DONE]\n\n", [b"[DONE]"]),
    "separators of other sorts": (
        "data: a\u2028b\u2029c\x85d\x0be\x0cf\n\n".encode(),
        ["a\u2028b\u2029c\x85d\x0be\x0cf".encode()],
    ),
    "nothing": (b"", []),
}


def split(reads: list[bytes]) -> list[bytes]:
    splitter = EventSplitter()
    return [payload for data in reads for payload in splitter.feed(data)]


@pytest.mark.parametrize(("wire", "payloads"), CASES.values(), ids=CASES)
def test_payloads_however_the_reads_fall(wire: bytes, payloads: list[bytes]):
    assert split([wire]) == payloads
    assert split([wire[i : i + 1] for i in range(len(wire))]) == payloads
    for i in range(len(wire) + 1):
        assert split([wire[:i], wire[i:]]) == payloads


@pytest.mark.parametrize("name", ["chat_stream_usage", "stream_keepalive", "q3_reason_end_stream"])
def test_recorded_streams(name: str):
    events = recording(name).events
    payloads = [event[6:-2] for event in events if event.startswith(b"data: ")]
    assert split([b"".join(events)]) == payloads
    assert split(events) == payloads


@given(st.data(), st.lists(st.binary(min_size=1, max_size=6), max_size=4))
def test_any_payloads_in_any_cuts(data: st.DataObject, texts: list[bytes]):
    payloads = [b"[" + text.replace(b"\n", b"").replace(b"\r", b"") + b"]" for text in texts]
    wire = b"".join(b"data: " + payload + b"\n\n" for payload in payloads)
    assert split(data.draw(cuts(wire))) == payloads


def test_an_event_without_its_blank_line_comes_with_the_flush():
    splitter = EventSplitter()
    assert splitter.empty
    assert splitter.feed(b"data: 1\n\ndata: 2") == [b"1"]
    assert not splitter.empty
    assert splitter.flush() == [b"2"]
    assert splitter.flush() == []


class Looked(bytes):
    """Counts the bytes that are looked at."""

    total = 0

    def __contains__(self, part: object) -> bool:
        Looked.total += len(self)
        return super().__contains__(part)  # type: ignore[operator]


def test_an_event_in_many_reads_is_looked_at_once():
    """Not again with each read: an event of megabytes would cost the square of them."""
    begun = Begun()
    begun.keep(b"data")
    begun.join(b": ")
    kept = begun._data
    for _ in range(1000):
        assert begun.join(Looked(b"x" * 100)) == b""
    assert Looked.total == 2 * 1000 * 100  # for both kinds of blank lines
    assert begun._data is kept  # which grew, and was not copied
    assert begun.join(b"\n") == b""
    assert begun.join(b"\r\nd") == b"data: " + b"x" * 100_000 + b"\n\r\nd"
    assert not begun


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n\r\n", b"\n\r\n", b"\r\n\n"])
def test_a_large_event_in_any_reads(blank: bytes):
    wire = b"data: " + b"x" * 100_000 + blank + b"data: 2" + blank
    for size in (1, 2, 3, 1000, 65536):
        reads = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert split(reads) == [b"x" * 100_000, b"2"]
