"""The folder and the store behind the real services, over one start and the next."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from launcher import documents, ports
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

    async def start(self) -> list[str]:
        """The lines that are said."""
        screen = io.StringIO()
        taking = TakingIn(self.server, self.note, lambda: None, Progress(screen))
        try:
            found = documents.find(self.root)
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
