"""What the page about weights says is what the launcher does."""

from __future__ import annotations

import re

import pytest
from launcher import gathering, hub_source, room, s3_source, settings, sources, transfer

from tests.support import machine

PAGE = (machine.ROOT / "docs" / "howto" / "bring-weights.md").read_text()
LAUNCHER = machine.ROOT / "vllm_image" / "launcher"
MODULES = (gathering, hub_source, room, s3_source, sources)


def source() -> str:
    """The launcher's text with its sentences in one piece, and dots for what is filled in."""
    text = "".join(path.read_text() for path in LAUNCHER.glob("*.py"))
    text = re.sub(r'"\s*\n\s*f?"', "", text)
    return re.sub(r"\{[^}\n]*\}", "…", text)


@pytest.mark.parametrize(
    "sentence", re.findall(r"^\| `(.*?…?.*?)` \| 7[58] \|", PAGE, re.MULTILINE)
)
def test_the_sentences_are_those_of_the_code(sentence: str) -> None:
    for part in sentence.split("…"):
        assert part.strip() in source()


def test_every_variable_is_told() -> None:
    read = "".join((LAUNCHER / f"{m.__name__.rpartition('.')[2]}.py").read_text() for m in MODULES)
    names = {*re.findall(r'environ(?:\.get\(|, )"([A-Z_0-9]+)"', read), *settings.HUB_TOKENS}
    unsaid = {name for name in names if name not in PAGE}
    assert unsaid == {"AWS_ENDPOINT_URL_S3"}


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"times {room.SPARE}" in PAGE
    assert f"1 to {room.MOST_THREADS}; default {room.THREADS}" in PAGE
    assert f"four pieces of {transfer.PIECE >> 20} MiB" in PAGE
