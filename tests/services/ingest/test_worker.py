from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from services.ingest import kinds, worker
from services.ingest.cutting import header_of, key_of
from services.ingest.reading import GUESSED, Reading, Section


def asked(path: Path, name: str = "a.md", **more: Any) -> list[dict[str, Any]]:
    size = {"most": 100, "overlap": 0, "unit": "tokens"}
    job = {"name": name, "path": str(path), "kind": "", "charset": "", **size, **more}
    return list(worker.answered(job))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "0"


def test_a_reading_its_passages_and_an_end(file: Path):
    file.write_bytes(b"# T\n\nText.")
    header = header_of("a.md", "T", ())
    assert asked(file) == [
        {"reading": {"kind": "markdown", "title": "T", "metadata": {}, "remark": ""}},
        {"passages": [["Text.", header, {}, key_of(header, "Text.")]]},
        {"end": True},
    ]


def test_passages_come_in_batches(file: Path):
    file.write_bytes(b"word " * 100_000)
    counts = [len(frame["passages"]) for frame in asked(file) if "passages" in frame]
    assert len(counts) > 10
    assert set(counts[:-1]) == {100}


def test_a_charset_that_was_told(file: Path):
    file.write_bytes("Größe".encode("utf-16-le"))
    assert asked(file, "a.txt", charset="utf-16-le")[1]["passages"][0][0] == "Größe"
    file.write_bytes("Größe".encode("latin-1"))
    for charset in ("no-such", "utf-8", "rot13", ""):
        assert asked(file, "a.txt", charset=charset)[0]["reading"]["remark"] == GUESSED


def test_what_is_refused(file: Path):
    file.write_bytes(b"MZ")
    [error] = asked(file, "a.exe")
    assert error["status"] == 415
    file.write_bytes(b"\xad\xef\xbb\xbf".replace(b"\xad", "\xad".encode()))
    assert "there is no text in it" in asked(file)[-1]["error"]


def test_too_many_passages(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "MOST_PASSAGES", 150)
    file.write_bytes(b"word " * 100_000)
    assert "more than 150 passages" in asked(file)[-1]["error"]


@pytest.mark.parametrize(
    ("error", "told"), [(MemoryError(), "too much memory"), (IndexError("x"), "broken")]
)
def test_whatever_a_parser_raises(
    error: Exception, told: str, file: Path, monkeypatch: pytest.MonkeyPatch
):
    def read(name: str, data: bytes) -> Reading:
        raise error

    monkeypatch.setitem(kinds.READERS, ".md", read)
    file.write_bytes(b"x")
    [reply] = asked(file)
    assert told in reply["error"]


def test_a_surrogate_in_every_place(file: Path, monkeypatch: pytest.MonkeyPatch):
    def read(name: str, data: bytes) -> Reading:
        return Reading("x", [Section("a\ud800\0b", ("\udfffh",))], "\ud800t")

    monkeypatch.setitem(kinds.READERS, ".md", read)
    file.write_bytes(b"x")
    reading, passages, _ = asked(file)
    assert reading["reading"]["title"] == "t"
    assert passages["passages"][0][:2] == ["ab", "a.md > t > h"]
