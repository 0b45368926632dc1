from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from launcher import documents
from launcher.errors import CannotRun
from services.ingest.kinds import READERS


def lay(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


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
