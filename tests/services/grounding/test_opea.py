from __future__ import annotations

import ast

import pytest
from services.grounding.opea import failed, pieces


def payloads(text: str) -> list[str]:
    return [piece.decode().removeprefix("data: ").removesuffix("\n\n") for piece in pieces(text)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", []),
        ("Hello", ["b'Hello'"]),
        ("a\n\nb", [r"b'a\n\nb'"]),
        ("it's", ['b"it\'s"']),
        ('a "b"', ["b'a '", "b'\"b\"'"]),
        ("Bücher.md, über", ["b'B'", r"b'\xc3\xbc'", "b'cher.md, '", r"b'\xc3\xbc'", "b'ber'"]),
        ("猫は", [r"b'\xe7\x8c\xab\xe3\x81\xaf'"]),
        ("a\x1bb", ["b'a'", r"b'\x1b'", "b'b'"]),
        ('it\'s "x"', ['b"it\'s "', "b'\"x\"'"]),
        (r"C:\xab", ["b'C:'", r"b'\x5c'", "b'xab'"]),
        ("a\tb\r\n", ["b'a'", r"b'\x09'", "b'b'", r"b'\x0d'", r"b'\n'"]),
    ],
)
def test_an_event_holds_what_the_page_reads_at_once(text: str, told: list[str]):
    assert payloads(text) == told


@pytest.mark.parametrize("text", ["a\\b\t'\"é\r\n\x00\u2028🐈 end", "'\"'\"", "\\n \\x41 \\u0041"])
def test_nothing_is_lost(text: str):
    read = [ast.literal_eval(payload).decode() for payload in payloads(text)]
    assert "".join(read) == text


def test_an_error_is_an_event_of_its_own():
    assert failed(b"{}") == b"event: error\ndata: {}\n\n"
