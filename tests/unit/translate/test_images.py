from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.images import content, media_type

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
KINDS = [
    (PNG, "image/png"),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
    (b"BM\x46\x00\x00\x00", "image/bmp"),
    (b"II*\x00\x08\x00", "image/tiff"),
    (b"MM\x00*\x00\x00", "image/tiff"),
    (b"\x00\x00\x00\x1cftypavif\x00\x00", "image/avif"),
    (b"\x00\x00\x00\x18ftypheic", "image/heic"),
    (b"\x00\x00\x00\x18ftypmif1", "image/heif"),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
    (b"ID3\x04\x00", "audio/mp3"),
    (b"\xff\xfb\x90\x64", "audio/mp3"),
    (b"fLaC\x00\x00", "audio/flac"),
    (b"OggS\x00\x02", "audio/ogg"),
]
UNKNOWN = [b"", b"\x89PNG", b"RIFF", b"RIFF\x24\x00\x00\x00AVI ", b"%PDF-1.7", b"<svg/>", b"WEBP"]


@pytest.mark.parametrize(("data", "media"), KINDS)
def test_the_first_bytes_tell_what_it_is(data: bytes, media: str):
    assert media_type(data) == media


@pytest.mark.parametrize("data", UNKNOWN)
def test_what_nobody_knows_is_left_to_the_engine_to_look_at(data: bytes):
    assert media_type(data) == "image/png"


@pytest.mark.parametrize(("data", "media"), KINDS)
@pytest.mark.parametrize("more", [b"", b"\x00" * 10_000])
def test_a_part_holds_the_data_as_it_came(data: bytes, media: str, more: bytes):
    text = base64.b64encode(data + more).decode()
    [part] = content("", [text])
    if media.startswith("audio/"):
        sound = {"data": text, "format": media.removeprefix("audio/")}
        assert part == {"type": "input_audio", "input_audio": sound}
    else:
        url = f"data:{media};base64,{text}"
        assert part == {"type": "image_url", "image_url": {"url": url}}


def url_of(data: str) -> str:
    return f"data:image/png;base64,{data}"


def test_images_stand_before_the_text_in_their_order():
    parts = content("what are these?", ["AAAA", "BBBB"])
    assert [part["type"] for part in parts] == ["image_url", "image_url", "text"]
    assert [part["image_url"]["url"] for part in parts[:2]] == [url_of("AAAA"), url_of("BBBB")]
    assert parts[2] == {"type": "text", "text": "what are these?"}


@pytest.mark.parametrize("images", [[], (), [""], ["", ""]])
def test_without_images_a_text_stays_a_text(images):
    assert content("hi", images) == "hi"
    assert content("", images) == ""


def test_an_image_alone_has_no_text_beside_it():
    assert content("", ["AAAA"]) == [{"type": "image_url", "image_url": {"url": url_of("AAAA")}}]


@given(st.binary(min_size=1, max_size=120))
def test_any_data_is_a_part(data: bytes):
    text = base64.b64encode(data).decode()
    [part] = content("", [text])
    assert text in str(part)
