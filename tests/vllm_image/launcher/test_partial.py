from __future__ import annotations

import json
from pathlib import Path

import pytest
from launcher.partial import Changed, Partial, reopened
from launcher.remote import File

A, B = File("a.bin", 10, "one"), File("sub/b.bin", 4, "one")


def begun(folder: Path) -> Partial:
    place = Partial(folder, [A, B])
    a, b = place.parts
    a.agree(0, '"tag"')
    a.write(0, 0, b"012")
    a.write(0, 0, b"34")
    b.write(0, 0, b"wxyz")
    place.save()
    return place


def test_what_is_there_is_known_to_the_next_start(tmp_path: Path) -> None:
    begun(tmp_path / "m")
    place = Partial(tmp_path / "m", [A, B])
    a, b = place.parts
    assert (a.done(0), a.state.etag, a.complete()) == (5, '"tag"', False)
    assert (b.done(0), b.complete()) == (4, True)
    assert (place.present, place.size) == (9, 14)
    assert (tmp_path / "m" / "a.bin").read_bytes() == b"01234" + b"\0" * 5


def test_another_content_begins_anew_and_other_files_go(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / "stray").touch()
    place = Partial(tmp_path, [File("a.bin", 10, "two")])
    assert place.present == 0
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".fetch.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {"a.bin": {"x": 1}}}', '{"files": 1}'])
def test_notes_that_are_damaged_count_for_nothing(tmp_path: Path, text: str) -> None:
    begun(tmp_path)
    (tmp_path / ".fetch.json").write_text(text)
    assert Partial(tmp_path, [A, B]).present == 0


def test_a_file_that_was_cut_by_others_begins_anew(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / "a.bin").write_bytes(b"0")
    assert Partial(tmp_path, [A, B]).parts[0].done(0) == 0


def test_after_a_restart_late_pieces_of_before_are_refused(tmp_path: Path) -> None:
    part = Partial(tmp_path, [A]).parts[0]
    part.write(0, 0, b"old")
    assert part.restart(0)
    assert not part.restart(0)
    with pytest.raises(Changed):
        part.write(0, 3, b"late")
    part.write(1, 0, b"0123456789")
    assert part.complete()


def test_two_answers_with_different_etags_are_not_one_file(tmp_path: Path) -> None:
    part = Partial(tmp_path, [A]).parts[0]
    part.agree(0, '"a"')
    part.agree(0, "")
    with pytest.raises(Changed):
        part.agree(0, '"b"')


def test_it_is_renamed_without_its_notes(tmp_path: Path) -> None:
    place = begun(tmp_path / "m.partial")
    place.finish()
    place.rename(tmp_path / "m")
    assert not (tmp_path / "m" / ".fetch.json").exists()
    assert (tmp_path / "m" / "sub" / "b.bin").read_bytes() == b"wxyz"


def test_a_folder_that_was_finished_is_taken_up_with_what_it_still_has(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"0123456789")
    reopened(tmp_path, [A, B])
    assert set(json.loads((tmp_path / ".fetch.json").read_text())["files"]) == {"a.bin"}
    assert Partial(tmp_path, [A, B]).present == 10
