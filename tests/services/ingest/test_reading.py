from __future__ import annotations

import pytest
from services.errors import Refused, Unsupported
from services.ingest.kinds import reader_for
from services.ingest.reading import plain, text_of


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbfa\r\nb", "a\nb".encode("utf-16"), b"a\rb"],
)
def test_encodings_and_line_ends(data: bytes):
    assert text_of("a.txt", data) == "a\nb"


@pytest.mark.parametrize("data", [b"", b" \n\t", b"\xff\xff", b"a\0b"])
def test_what_is_no_text(data: bytes):
    with pytest.raises(Refused, match=r"^a.txt: "):
        plain("a.txt", data)


def test_by_the_ending():
    assert reader_for("A.TXT") is plain
    for name in ("a.exe", "a", ".md"):
        with pytest.raises(Unsupported):
            reader_for(name)
