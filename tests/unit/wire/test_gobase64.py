"""Base64 by Go's rules. The offsets are those that Go's decoder told for these texts."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.wire.gobase64 import checked

GOOD = {
    "": b"",
    "AA==": b"\0",
    "QR==": b"A",  # bits that are left over are not looked at
    "AAA=": b"\0\0",
    "AAAA": b"\0\0\0",
    "QUJD+/==": b"ABC\xfb",
    "QU\nJD": b"ABC",
    "\r\nQUJD\r\n\n": b"ABC",
    "A\nA=\r\n=": b"\0",
    "AA\n==": b"\0",
    "AA==\n": b"\0",
}

# Text → the byte at which Go gives up.
BAD = {
    "A": 0,
    "AA": 0,
    "AAA": 0,
    "AAAAA": 4,
    "AAAAAA": 4,
    "AAAAAAA": 4,
    "AAAAAAA\n": 5,
    "QQ\n": 1,
    "A\nAAAAA\n": 6,
    "=": 0,
    "====": 0,
    "=AAA": 0,
    "A=": 1,
    "A==": 1,
    "A=AA": 1,
    "x===": 1,
    "AA=": 3,
    "AA=\n": 4,
    "AA===": 4,
    "AA==A": 4,
    "AA=A": 2,
    "AA\n=A": 3,
    "AA=\n\nA": 4,
    "AA=é": 2,
    "QQ=\n=\nx": 6,
    "AAA==": 4,
    "AAA=AAAA": 4,
    "QQQ=\nx": 5,
    "AAAA=": 4,
    "AAAA==": 4,
    "AAAA====": 4,
    "AAAAA=": 5,
    "AAAAAA=": 7,
    "AAAAAA=é": 6,
    "!!!!": 0,
    "%%%": 0,
    "AA-_": 2,
    "A A=": 1,
    "data:image/png;base64,QUJD": 4,
    "é": 0,
    "Aé==": 1,
    "QUJD\né": 5,
    "\0": 0,
}


@pytest.mark.parametrize(("text", "data"), GOOD.items(), ids=map(repr, GOOD))
def test_what_go_reads(text: str, data: bytes):
    assert base64.b64decode(checked(text)) == data
    assert "\n" not in checked(text)


@pytest.mark.parametrize(("text", "offset"), BAD.items(), ids=map(repr, BAD))
def test_where_go_gives_up(text: str, offset: int):
    with pytest.raises(ValueError, match="illegal base64") as refused:
        checked(text)
    assert str(refused.value) == f"illegal base64 data at input byte {offset}"


@given(st.binary(max_size=200), st.integers(0, 80))
def test_whatever_was_encoded_is_read(data: bytes, width: int):
    text = base64.b64encode(data).decode()
    broken = "\r\n".join(text[i : i + width] for i in range(0, len(text), width)) if width else text
    assert checked(broken) == text


@given(st.text(st.sampled_from("AQ+/=\n\r !é\ud800"), max_size=12))
def test_any_text_is_read_or_refused_at_one_of_its_bytes(text: str):
    bare = text.replace("\n", "").replace("\r", "")
    try:
        found = checked(text)
    except ValueError as refused:
        offset = int(str(refused).removeprefix("illegal base64 data at input byte "))
        assert 0 <= offset <= len(text.encode("utf-8", "surrogatepass"))
        assert not is_base64(bare)
    else:
        assert found == bare
        assert is_base64(bare)


def is_base64(text: str) -> bool:
    """Groups of four, the last of which may be padded with one or two."""
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError:
        return False
    body = data.rstrip(b"=")
    if len(data) % 4 or len(data) - len(body) > 2:
        return False
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except binascii.Error:
        return False
    return True


@pytest.mark.parametrize("end", ["", "AA==", "AAA="])
def test_a_large_picture(end: str):
    picture = "QUJD" * 200_000 + end
    assert checked(picture) == picture
    assert checked(picture[:70_001] + "\n" + picture[70_001:]) == picture


@pytest.mark.parametrize("at", [2**18 - 4, 2**18, 2**18 + 4])
def test_padding_anywhere_but_at_the_end_is_a_fault_in_a_large_one_too(at: int):
    picture = "QUJD" * 200_000
    with pytest.raises(ValueError) as refused:
        checked(picture[: at - 4] + "QQ==" + picture[at:])
    assert str(refused.value) == f"illegal base64 data at input byte {at}"
