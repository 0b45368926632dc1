from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from launcher import documents
from launcher.errors import CannotRun
from services.ingest.kinds import READERS
from services.roles import uploads

NOBODY = 65534


def lay(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without the ones above it, which may not be everybody's."""
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return Path("docs")


@contextlib.contextmanager
def locked(folder: Path, mode: int = 0) -> Iterator[None]:
    """Seen by somebody for whom locks hold; root isn't one."""
    user = os.geteuid()
    before = folder.stat().st_mode
    folder.chmod(mode)
    try:
        if user == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        os.seteuid(user)
        folder.chmod(before)


def test_the_kinds_are_those_of_the_services() -> None:
    assert {*READERS} == documents.KINDS


def test_files_below_the_folder_with_their_folders_in_their_names(tmp_path: Path) -> None:
    lay(tmp_path, "b/start.md", "a.PDF", "b/c/start.md", "README", "x.png", "b/y.png")
    found = documents.find(tmp_path)
    assert [file.name for file in found.files] == ["a.PDF", "b - start.md", "b - c - start.md"]
    assert found.files[1].path == tmp_path / "b" / "start.md"
    assert found.others == {".png": 2, "README": 1}


def test_what_is_hidden_or_no_file_is_left_out(tmp_path: Path) -> None:
    lay(tmp_path, "a.md", ".git/b.md", ".c.md")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "nowhere.md").symlink_to("nothing")
    (tmp_path / "around").symlink_to(tmp_path)
    found = documents.find(tmp_path)
    assert [file.name for file in found.files] == ["a.md"]
    assert not found.others


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b c/d.md", "a - b c - d.md"),
        ("a\\b.md", "a - b.md"),
        ('"a"; b; c.md', '"a"; b; c.md'),
        ("50%22.md", "50%22.md"),
        (" a\u00a0b\tc\nd.md", "a b c d.md"),
        ("a\u200b\u202eb.md", "ab.md"),
        ("caf\udce9.md", "caf\ufffd.md"),
        ("x" * 150 + "/" + "y" * 200 + ".md", "y" * 197 + ".md"),
        ("x/" + " " * 20 + "y" * 190 + ".md", "y" * 190 + ".md"),
    ],
)
def test_a_name(path: str, name: str) -> None:
    assert documents.name_of(Path(path)) == name


@given(st.binary(max_size=300))
def test_a_name_is_kept_as_it_is(start: bytes) -> None:
    path = os.fsdecode(start.replace(b"\0", b"") + b".md")
    name = documents.name_of(Path(path))
    assert uploads.name_of(name) == name
    assert name.endswith(".md")


def test_no_two_files_have_one_name(tmp_path: Path) -> None:
    long = "/".join("of some length, as people name their folders" for _ in range(6))
    reports = [f"{year}/{long}/report.md" for year in (2023, 2024)]
    lay(tmp_path, "sub/x.md", "sub - x.md", "sub\\x.md", "a\u200b.md", "a.md", "b.md", *reports)
    found = documents.find(tmp_path)
    names = [file.name for file in found.files]
    assert len({*names}) == 8
    assert {documents.name_of(Path(name)) for name in names} == {*names}
    assert "b.md" in names
    assert "a (b8fa74a0).md" in names
    assert [name for name in names if "report (" in name and len(name) == 200]
    assert documents.find(tmp_path) == found


def test_a_folder_that_is_locked_keeps_no_other_out(here: Path) -> None:
    lay(here, "a.md", "b/c/d.md", "b/e.md", "f.md")
    with locked(here / "b" / "c"):
        found = documents.find(here)
    assert [file.name for file in found.files] == ["a.md", "f.md", "b - e.md"]
    assert found.closed == {"b - c": "Permission denied"}
    assert [found.may_have(name) for name in ("b - c - d.md", "b - e.md")] == [True, False]


def test_a_file_that_nobody_may_look_at_is_told_later(here: Path) -> None:
    lay(here, "a.md", "b/c.md")
    with locked(here / "b", 0o644):
        found = documents.find(here)
    assert [file.name for file in found.files] == ["a.md", "b - c.md"]


def test_a_folder_that_is_locked_itself(here: Path) -> None:
    lay(here, "a.md")
    with locked(here), pytest.raises(CannotRun, match=r"^DOCS: docs can't be read: Permission den"):
        documents.find(here)


def test_nothing_but_a_folder_that_is_locked(here: Path) -> None:
    lay(here, "a/b.md")
    told = "without a file to take in: docs; a can't be read: Permission denied; known are"
    with locked(here / "a"), pytest.raises(CannotRun, match=told):
        documents.find(here)


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    lay(tmp_path, "a.md")
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=place)
        place, above = os.open("x" * 250, os.O_RDONLY, dir_fd=place), place
        os.close(above)
    os.close(place)
    found = documents.find(tmp_path)
    assert [file.name for file in found.files] == ["a.md"]
    assert [*found.closed.values()] == ["File name too long"]


@pytest.mark.parametrize("name", ["missing", "file.md"])
def test_a_folder_that_is_none(tmp_path: Path, name: str) -> None:
    lay(tmp_path, "file.md")
    with pytest.raises(CannotRun, match=f"DOCS names a folder that is not there: .*/{name}$"):
        documents.find(tmp_path / name)


def test_a_folder_without_a_file_to_take_in(tmp_path: Path) -> None:
    lay(tmp_path, "x.png")
    with pytest.raises(CannotRun, match=r"without a file to take in: .*; known are \.csv \.docx"):
        documents.find(tmp_path)


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ({}, ""),
        ({".py": 1}, "1 file of another kind is left out: .py"),
        ({".png": 3, ".py": 1}, "4 files of other kinds are left out: .png (3), .py"),
    ],
)
def test_other_kinds_in_a_line(others: dict[str, int], text: str) -> None:
    assert documents.told(Counter(others)) == text


def test_many_other_kinds_are_cut_short() -> None:
    others = Counter({f".{n}": 1 for n in range(9)})
    assert documents.told(others).endswith(" .7, ...")


def test_a_name_that_was_cut_may_be_from_any_folder_that_is_closed():
    cut = documents.name_of(Path("sub", "y" * 300 + ".md"))
    closed = {"sub": "Permission denied"}
    assert documents.Found([], Counter(), closed).may_have(cut)
    assert not documents.Found([], Counter(), {}).may_have(cut)
    assert not documents.Found([], Counter(), closed).may_have("other.md")
