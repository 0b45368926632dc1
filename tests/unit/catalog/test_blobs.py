from __future__ import annotations

import hashlib
import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from adapter.catalog import blobs as module
from adapter.catalog.blobs import Blobs, parse_digest
from adapter.errors import BadRequest, StateFault

ZEROS = "sha256:" + "0" * 64


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def take(blobs: Blobs, content: bytes) -> str:
    name = digest(content)
    with closing(blobs.upload(name)) as upload:
        upload.write(content)
        upload.finish()
    return name


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "state")


@pytest.mark.parametrize("text", ["sha256:" + "aB" * 32, "sha256-" + "AB" * 32])
def test_a_digest_has_one_spelling(text: str):
    assert parse_digest(text) == "sha256:" + "ab" * 32


@pytest.mark.parametrize("text", ["", "xx", "sha256:", ZEROS + "0", "md5:" + "0" * 64, ZEROS[:-1]])
def test_what_is_no_digest(text: str):
    with pytest.raises(BadRequest) as error:
        parse_digest(text)
    assert error.value.message == "invalid digest format"


def test_a_blob_comes_in_in_pieces(blobs: Blobs, tmp_path: Path):
    name = digest(b"abcdef")
    assert not blobs.has(name)
    with closing(blobs.upload(name)) as upload:
        upload.write(b"abcd")
        upload.write(b"ef")
        assert not blobs.has(name)
        upload.finish()
    assert blobs.has(name)
    [file] = (tmp_path / "state" / "blobs").iterdir()
    assert (file.name, file.read_bytes()) == (name.replace(":", "-"), b"abcdef")


def test_two_uploads_of_the_same_do_not_meet(blobs: Blobs):
    name = digest(b"abc")
    with closing(blobs.upload(name)) as one, closing(blobs.upload(name)) as other:
        one.write(b"abc")
        other.write(b"abc")
        one.finish()
        other.finish()
    assert blobs.has(name)


def test_what_is_not_finished_is_gone(blobs: Blobs, tmp_path: Path):
    with closing(blobs.upload(ZEROS)) as upload:
        upload.write(b"abc")
        with pytest.raises(
            BadRequest, match=r'^digest mismatch, expected "sha256:0+", got "sha256:'
        ):
            upload.finish()
    assert list((tmp_path / "state" / "blobs").iterdir()) == []


def test_gguf_is_known_by_its_magic(blobs: Blobs):
    with closing(blobs.upload(ZEROS)) as upload, pytest.raises(BadRequest, match="GGUF"):
        upload.write(b"GGUF\3\0\0\0")
    with closing(blobs.upload(ZEROS)) as upload:
        upload.write(b"no ")
        upload.write(b"GGUF")


def test_there_is_an_end_to_what_may_wait(blobs: Blobs, monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 10)
    take(blobs, b"12345")
    with closing(blobs.upload(ZEROS)) as upload:
        upload.write(b"12345")
        with pytest.raises(BadRequest) as error:
            upload.write(b"6")
        assert error.value.status == 413
    take(blobs, b"54321")
    with pytest.raises(BadRequest) as error:
        blobs.upload(ZEROS)
    assert error.value.status == 413


def test_old_uploads_and_blobs_go_with_the_next(blobs: Blobs, tmp_path: Path):
    folder = tmp_path / "state" / "blobs"
    kept, gone, asked = (take(blobs, content) for content in (b"1", b"2", b"3"))
    partials = [folder / "old.partial", folder / "new.partial"]
    for path in partials:
        path.touch()
    now = time.time()
    for name, age in ((kept, 80_000), (gone, 90_000), (asked, 90_000)):
        os.utime(folder / name.replace(":", "-"), (now - age, now - age))
    os.utime(partials[0], (now - 4000, now - 4000))
    assert blobs.has(asked)  # who asks may be about to use it
    take(blobs, b"4")
    assert [blobs.has(name) for name in (kept, gone, asked)] == [True, False, True]
    assert [path.exists() for path in partials] == [False, True]


def test_an_adapter_is_made_of_blobs_once(blobs: Blobs, tmp_path: Path):
    files = {
        "adapter_config.json": take(blobs, b"{}"),
        "adapter_model.safetensors": take(blobs, b"w"),
    }
    folder = blobs.assemble("lora", files)
    assert folder == tmp_path / "state" / "loras" / "lora"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "adapter_config.json": b"{}",
        "adapter_model.safetensors": b"w",
    }
    assert blobs.assemble("lora", {"never": "asked for"}) == folder
    assert [path.name for path in folder.parent.iterdir()] == ["lora"]
    blobs.remove_adapter("lora")
    blobs.remove_adapter("lora")
    assert not folder.exists()


def test_an_adapter_outlives_its_blobs(blobs: Blobs, tmp_path: Path):
    folder = blobs.assemble("lora", {"a.json": take(blobs, b"{}")})
    for path in (tmp_path / "state" / "blobs").iterdir():
        path.unlink()
    assert (folder / "a.json").read_bytes() == b"{}"


def test_a_file_system_without_links(blobs: Blobs, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("not here")

    name = take(blobs, b"{}")
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert (blobs.assemble("lora", {"a.json": name}) / "a.json").read_bytes() == b"{}"


def test_a_missing_blob_leaves_no_folder(blobs: Blobs, tmp_path: Path):
    with pytest.raises(BadRequest) as error:
        blobs.assemble("lora", {"a.json": ZEROS})
    assert error.value.message == f'adapters: "a.json": blob "{ZEROS}" not found'
    assert not (tmp_path / "state").exists()


def test_adapters_that_nobody_wants_go_after_a_while(blobs: Blobs, tmp_path: Path):
    files = {"a.json": take(blobs, b"{}")}
    folders = {name: blobs.assemble(name, files) for name in ("wanted", "old", "new")}
    for name in ("wanted", "old"):
        os.utime(folders[name], (1, 1))
    blobs.sweep({"wanted"})
    assert {path.name for path in (tmp_path / "state" / "loras").iterdir()} == {"wanted", "new"}
    Blobs(tmp_path / "none").sweep(())


def test_a_folder_that_can_not_be_written(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StateFault, match="ADAPTER_STATE_DIR"):
        Blobs(tmp_path / "file").upload(ZEROS)
    assert not Blobs(tmp_path / "file").has(ZEROS)
