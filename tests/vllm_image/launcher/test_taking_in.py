"""The folder and the store behind the real services, over one start and the next."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import pytest
from launcher import documents, ports, upload, web
from launcher.errors import CannotRun, PartEnded
from launcher.ports import Address
from launcher.progress import Progress
from launcher.taking_in import TakingIn

from tests.vllm_image.launcher.test_upload import dataprep, names  # noqa: F401  # a fixture


class Folder:
    def __init__(self, root: Path, server: Address) -> None:
        self.root = root
        self.note = root.parent / "own" / "taken.json"
        self.server = server
        root.mkdir()

    def put(self, **files: str) -> None:
        for name, text in files.items():
            (self.root / f"{name}.md").write_text(text)

    async def start(self, **closed: str) -> list[str]:
        """The lines that are said."""
        screen = io.StringIO()
        taking = TakingIn(self.server, self.note, lambda: None, Progress(screen))
        try:
            found = replace(documents.find(self.root), closed=closed)
            await asyncio.to_thread(taking.take, found, self.root)
        finally:
            said = screen.getvalue().splitlines()
        return said


@pytest.fixture
def folder(tmp_path: Path, dataprep: Address) -> Folder:  # noqa: F811
    return Folder(tmp_path / "docs", dataprep)


async def test_the_next_start_takes_what_changed(folder: Folder) -> None:
    folder.put(a="A.", b="B.", c="C.")
    assert (await folder.start())[1:] == ["documents: 3 added"]
    folder.put(b="Other.", d="D.")
    (folder.root / "c.md").unlink()
    assert (await folder.start())[1:] == ["documents: 1 added, 1 replaced, 1 unchanged, 1 removed"]
    assert await names(folder.server) == ["a.md", "b.md", "d.md"]


async def test_what_came_by_other_ways_stays(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other", folder.server)
    other.note = tmp_path / "elsewhere.json"
    other.put(x="X.")
    await other.start()
    folder.put(a="A.")
    await folder.start()
    assert await names(folder.server) == ["a.md", "x.md"]


async def test_files_of_odd_names_come_and_go(folder: Folder) -> None:
    odd = ['a"q', "back\\slash", "sub - x", " lead", "new\nline", "%22", "semi;co;lon"]
    odd += ["\u202ebidi", "zero\u200bwidth", "zerowidth", "nb\u00a0sp", "x" * 240, "caf\udce9"]
    folder.put(keep="K.", **dict.fromkeys(odd, "A."))
    (folder.root / "sub").mkdir()
    folder.put(**{"sub/x": "B."})
    assert (await folder.start())[1:] == ["documents: 15 added"]
    assert (await folder.start())[1:] == ["documents: 15 unchanged"]
    for name in (*odd, "sub/x"):
        (folder.root / f"{name}.md").unlink()
    assert (await folder.start())[1:] == ["documents: 1 unchanged, 14 removed"]
    assert await names(folder.server) == ["keep.md"]


async def test_what_was_not_there_is_not_told_as_removed(folder: Folder) -> None:
    folder.put(a="A.", b="")
    await folder.start()
    (folder.root / "b.md").unlink()
    assert (await folder.start())[1:] == ["documents: 1 unchanged"]


async def test_what_could_not_be_removed_is_tried_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put(a="A.", b="B.")
    await folder.start()
    (folder.root / "b.md").unlink()

    def refused(server: Address, name: str) -> bool:
        raise web.NoAnswer("the store is busy")

    with monkeypatch.context() as patch:
        patch.setattr(upload, "forget", refused)
        told = "b.md left the folder and is still in the store: the store is busy"
        assert (await folder.start())[1:] == [told, "documents: 1 unchanged"]
    assert (await folder.start())[1:] == ["documents: 1 unchanged, 1 removed"]


async def test_what_is_in_a_folder_that_was_locked_since_stays(folder: Folder) -> None:
    (folder.root / "sub").mkdir()
    folder.put(a="A.", b="B.", **{"sub/c": "C."})
    await folder.start()
    for name in ("b", "sub/c"):
        (folder.root / f"{name}.md").unlink()
    told = ["left out: sub: Permission denied", "documents: 1 unchanged, 1 removed"]
    assert (await folder.start(sub="Permission denied"))[1:] == told
    assert await names(folder.server) == ["a.md", "sub - c.md"]
    assert (await folder.start())[1:] == ["documents: 1 unchanged, 1 removed"]


@pytest.mark.parametrize("text", ["5", "null", '{"b.md": 1}', '["b.md"', "\xff", "[5]"])
async def test_a_note_that_is_none(folder: Folder, text: str) -> None:
    folder.put(a="A.", b="B.")
    await folder.start()
    (folder.root / "b.md").unlink()
    folder.note.write_bytes(text.encode("latin-1"))
    assert (await folder.start())[1:] == ["documents: 1 unchanged"]
    assert await names(folder.server) == ["a.md", "b.md"]


async def test_bad_files_are_told_and_the_others_go_in(folder: Folder) -> None:
    folder.put(a="A.", b="")
    (folder.root / "c.pdf").write_bytes(b"no")
    (folder.root / "d.png").touch()
    said = await folder.start()
    assert said[0] == f"taking in 3 files from {folder.root} ..."
    assert said[1] == "left out: b.md: the file is empty"
    assert said[2].startswith("left out: c.pdf: the ending is wrong")
    assert said[3:] == ["1 file of another kind is left out: .png", "documents: 1 added"]


async def test_many_bad_files_are_cut_short(folder: Folder) -> None:
    folder.put(good="A.", **{f"b{n}": "" for n in range(12)})
    said = await folder.start()
    assert said[-2:] == ["left out: 2 more", "documents: 1 added"]


async def test_bad_files_alone_are_an_error(folder: Folder) -> None:
    folder.put(a="")
    with pytest.raises(CannotRun, match=r"not one file of .*docs could be taken in"):
        await folder.start()


def test_services_that_ended_are_no_bad_file(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "docs", Address("127.0.0.1", ports.free_port()))
    folder.put(a="A.")

    def alive() -> None:
        raise PartEnded("the services", 1, "why")

    taking = TakingIn(folder.server, folder.note, alive, Progress(io.StringIO()))
    with pytest.raises(PartEnded):
        taking.take(documents.find(folder.root), folder.root)
