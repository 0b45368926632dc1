from __future__ import annotations

import pytest
from services.errors import Refused
from services.ingest.reading import GUESSED, clean, plain, text_of


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbfa\r\nb", "a\nb".encode("utf-16"), b"\xfe\xff\0a\0\n\0b", b"a\rb"],
)
def test_encodings_and_line_ends(data: bytes):
    assert text_of("a.txt", data) == ("a\nb", "")


def test_another_encoding_is_a_guess_and_told():
    assert text_of("a.txt", "Müller: 5 €".encode("cp1252")) == ("Müller: 5 €", GUESSED)
    assert plain("a.txt", b"\xe9").remark == GUESSED
    assert plain("a.txt", "é".encode()).remark == ""


@pytest.mark.parametrize("data", [b"", b" \n\t", b"\xef\xbb\xbf", b"\x81\xff", b"a\0b", b"\x01a"])
def test_what_is_no_text(data: bytes):
    with pytest.raises(Refused, match=r"^a.txt: "):
        plain("a.txt", data)


def test_what_is_not_seen_is_not_kept():
    assert clean("a\0b\ud800\ufeffc\U000e0041d\xade\tf\n\fg") == "abcde\tf\n\ng"
    assert clean("naïve 日本 🏴") == "naïve 日本 🏴"
    assert clean("a\0b\x7f\tf\n\fg\x1f\x0b") == "ab\tf\n\ng"
