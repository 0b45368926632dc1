from __future__ import annotations

import itertools
import time

import pytest

from adapter.translate.verbatim import EVENT, LINE, Renaming, Verbatim

LINES = (
    b'{"model":"llava:7b","message":{"content":"\\"model\\":\\"llava:7b\\""},"done":false}\n'
    b'{"model":"llava:7b","message":{"tool_calls":[{"function":{"arguments":'
    b'{"model":"llava:7b"}}}]},"done":true}\n'
)
RENAMED = (
    b'{"model":"my eyes","message":{"content":"\\"model\\":\\"llava:7b\\""},"done":false}\n'
    b'{"model":"my eyes","message":{"tool_calls":[{"function":{"arguments":'
    b'{"model":"llava:7b"}}}]},"done":true}\n'
)
V1 = b'{"object":"list","data":[{"embedding":[1,2]}],"model":"llava:7b","usage":{}}'


def renamed(data: bytes, *cuts: int) -> bytes:
    renaming = Renaming("llava:7b", "my eyes")
    bounds = [0, *cuts, len(data)]
    parts = [data[start:end] for start, end in itertools.pairwise(bounds)]
    return b"".join(map(renaming.feed, parts)) + renaming.finish()


def test_the_first_in_each_line():
    assert renamed(LINES) == RENAMED
    assert renamed(V1) == V1.replace(b"llava:7b", b"my eyes")


@pytest.mark.parametrize("cut", range(len(LINES)))
def test_wherever_it_is_cut(cut: int):
    assert renamed(LINES, cut) == RENAMED
    assert renamed(LINES, cut, min(cut + 3, len(LINES))) == RENAMED


def test_byte_by_byte():
    assert renamed(LINES, *range(1, len(LINES))) == RENAMED


def test_what_is_not_the_name_is_not_kept_back():
    renaming = Renaming("llava:7b", "x")
    assert renaming.feed(b'{"mode') == b"{"
    assert renaming.feed(b'":1') == b'"mode":1'
    assert renaming.feed(b'"') == b""
    assert renaming.finish() == b'"'
    assert renaming.finish() == b""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (b'{"error":"model \'llava:7b\' not found"}', b'{"error":"model \'x\' not found"}'),
        (
            rb'{"error":"\"llava:7b\" does not support chat"}',
            rb'{"error":"\"x\" does not support chat"}',
        ),
        (b'{"error":"llava:7b is busy"}', b'{"error":"llava:7b is busy"}'),
    ],
)
def test_errors_name_what_was_asked_for(error: bytes, told: bytes):
    assert Renaming("llava:7b", "x").told(error) == told


def test_pieces_as_they_come():
    verbatim = Verbatim()
    assert verbatim.feed(b'{"a"') == [b'{"a"']
    assert verbatim.feed(b"") == []
    assert verbatim.finish() == []


def test_lines_are_pieces():
    verbatim = Verbatim(None, LINE)
    assert verbatim.feed(b'{"a":1}\n{"b"') == [b'{"a":1}\n']
    assert verbatim.feed(b":2}") == []
    assert verbatim.feed(b'\n{"c":3}\n') == [b'{"b":2}\n', b'{"c":3}\n']
    assert verbatim.feed(b"rest") == []
    assert verbatim.finish() == [b"rest"]


def test_events_are_whole():
    verbatim = Verbatim(None, EVENT)
    assert verbatim.feed(b"data: 1\n\ndata: 2\n\nda") == [b"data: 1\n\ndata: 2\n\n"]
    assert verbatim.feed(b"ta: 3\n") == []
    assert verbatim.feed(b"\n") == [b"data: 3\n\n"]
    assert verbatim.finish() == []


def test_a_line_without_an_end_is_not_kept_for_ever():
    verbatim = Verbatim(None, LINE)
    data = b"x" * (2**20 + 1)
    assert verbatim.feed(data) == [data]
    assert verbatim.finish() == []


@pytest.mark.parametrize("end", [LINE, EVENT])
def test_a_long_line_costs_no_more_than_its_bytes(end: bytes):
    """One of 1 MB in small reads: looked at from its beginning each time, it takes seconds."""
    verbatim = Verbatim(Renaming("llava:7b", "my eyes"), end)
    piece, count = b"x" * 60, 2**20 // 60
    began = time.process_time()
    for _ in range(count):
        assert verbatim.feed(piece) == []
    assert verbatim.feed(end) == [piece * count + end]
    assert time.process_time() - began < 1


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("end", [LINE, EVENT])
def test_the_same_however_it_is_cut(end: bytes, size: int):
    data = b"data: 1\n\n\n\ndata: 2\n\ndata: 3\n\n\nda"
    verbatim = Verbatim(None, end)
    reads = [data[at : at + size] for at in range(0, len(data), size)]
    pieces = [piece for read in reads for piece in verbatim.feed(read)]
    assert all(piece.endswith(end) for piece in pieces)
    assert b"".join([*pieces, *verbatim.finish()]) == data


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        (b'{"done":true,"prompt_eval_count":7,"eval_count":3}', (7, 3)),
        (b'{"prompt_eval_count":7,"prompt_eval_cached_count":5,"eval_count":3}', (7, 3)),
        (b'"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}', (5, 2)),
        (b'"usage":{"input_tokens":5,"output_tokens":2}', (5, 2)),
        (rb'{"content":"\"eval_count\":9"}', (0, 0)),
        (b"{}", (0, 0)),
    ],
)
def test_counts(data: bytes, counts: tuple[int, int]):
    verbatim = Verbatim(None, LINE)
    verbatim.feed(data)
    assert verbatim.counts == counts
