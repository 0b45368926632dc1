from __future__ import annotations

import os
from pathlib import Path

import pytest
from launcher import accounts

NOBODY = 2_000_000_000
TEMPORARY = Path("/tmp")


def test_a_number_without_a_name_gets_one_and_a_home() -> None:
    assert accounts.lacking({}, TEMPORARY, NOBODY) == {
        "HOME": "/tmp/engine",
        "USER": "engine",
        "LOGNAME": "engine",
    }


@pytest.mark.parametrize("home", ["/", "/root"])
def test_a_home_that_cannot_be_written_is_replaced(home: str) -> None:
    env = {"HOME": home, "USER": "x"}
    found = accounts.lacking(env, TEMPORARY, NOBODY, may_write=lambda _: False)
    assert found == {"HOME": "/tmp/engine"}


def test_who_has_both_keeps_them(tmp_path: Path) -> None:
    assert accounts.lacking({"HOME": str(tmp_path)}, TEMPORARY, 0) == {}
    assert accounts.lacking({"HOME": str(tmp_path), "USER": "x"}, TEMPORARY, NOBODY) == {}


def test_a_folder_still_to_be_made_counts_as_its_parent(tmp_path: Path) -> None:
    assert accounts.writable(tmp_path / "a" / "b")
    file = tmp_path / "file"
    file.touch()
    assert not accounts.writable(file)


def test_the_line_that_gives_a_folder_away(tmp_path: Path) -> None:
    about = tmp_path.stat()
    us = f"{os.getuid()}:{os.getgid()}"
    assert accounts.owner_line(tmp_path / "models") == (
        f"{tmp_path} belongs to {about.st_uid}:{about.st_gid} and {us} can't write there; "
        f"give it away, as root: chown -R {us} {tmp_path}"
    )


def test_a_link_to_nothing_is_no_matter_of_rights(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nowhere")
    assert accounts.readable(link)
    assert accounts.readable(tmp_path)
