from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadRequest
from adapter.translate.stops import ENGINE_LIMIT, StopScanner, share_out

STOPS = st.lists(st.text("ab ", min_size=1, max_size=4), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("stops", "engine", "own"),
    [
        ([], [], ()),
        (["", ""], [], ()),
        (["a", "", "b"], ["a", "b"], ()),
        (["a", "a", "b"], ["a", "b"], ()),
        (["a", "b", "c", "d"], ["a", "b", "c", "d"], ()),
        (["a", "b", "c", "d", "e", "e", "f"], ["a", "b", "c", "d"], ("e", "f")),
    ],
)
def test_the_engine_gets_as_many_as_it_takes(stops, engine, own):
    assert share_out(stops) == (engine, own)
    assert len(engine) <= ENGINE_LIMIT


def scan(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    scanner = StopScanner(stops)
    shown = "".join(scanner.feed(piece) for piece in pieces) + scanner.flush()
    return shown, scanner.hit


@pytest.mark.parametrize(
    ("pieces", "stops", "shown", "hit"),
    [
        (["hello"], ["x"], "hello", False),
        (["hello"], ["l"], "he", True),
        (["he", "llo"], ["el"], "h", True),
        (["he", "l", "lo"], ["elx"], "hello", False),
        (["a", "a", "a", "b"], ["aab"], "a", True),
        (["one END two"], ["END", "two"], "one ", True),
        (["one END two"], ["two", "END"], "one ", True),
        (["END"], ["END"], "", True),
        (["EN"], ["END"], "EN", False),
        (["a\U0001f642b"], ["\U0001f642"], "a", True),
    ],
)
def test_what_is_shown(pieces, stops, shown, hit):
    assert scan(pieces, stops) == (shown, hit)


def test_nothing_is_shown_after_a_hit():
    scanner = StopScanner(["x"])
    assert (scanner.feed("ax"), scanner.feed("bc"), scanner.flush()) == ("a", "", "")


def test_only_what_may_become_a_stop_is_held():
    scanner = StopScanner(["<end>", "</s>"])
    assert scanner.feed("a<") == "a"
    assert scanner.feed("e") == ""
    assert scanner.feed("x") == "<ex"


def naive(text: str, stops: list[str]) -> tuple[str, bool]:
    """What a reader of single characters does: it stops when the first stop string is whole."""
    for end in range(1, len(text) + 1):
        whole = [stop for stop in stops if text[:end].endswith(stop)]
        if whole:
            return text[: end - max(map(len, whole))], True
    return text, False


@given(st.text("ab ", max_size=14), STOPS, st.data())
def test_against_a_naive_reader_whatever_the_cuts(text: str, stops: list[str], data):
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    assert scan(pieces, stops) == naive(text, stops)


@pytest.mark.parametrize("stops", [[str(n) for n in range(65)], ["a" * 1025]])
def test_more_than_can_be_looked_for_is_refused(stops: list[str]):
    with pytest.raises(BadRequest, match="at most 64 stop strings of up to 1024 characters"):
        share_out(stops)
