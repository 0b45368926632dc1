"""Files in, listed and out, as a user does it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.services.house import bags
from tests.services.page.conftest import Page
from tests.support.scripted_vllm import Stage


def files(folder: Path, **texts: str) -> list[Path]:
    made = []
    for name, text in texts.items():
        made.append(folder / name.replace("_", "."))
        made[-1].write_text(text)
    return made


async def test_files_go_in_and_are_listed(page: Page, tmp_path: Path):
    assert await page.tab.text("#documents-empty") == "There are no documents yet."
    await page.tab.choose_files(
        "#files", *files(tmp_path, cats_md="# Cats\n\nCats sleep.\n", dogs_txt="Dogs bark.")
    )
    await page.listed(2)
    await page.tab.until("!document.querySelector('#uploads li')")
    assert await page.tab.text("#list li .name") == "cats.md"
    assert await page.tab.text("#list li .hint") == "1 passage, 20 bytes"
    assert await page.tab.text("#told") == "dogs.txt: Added, 1 passage."
    assert not await page.tab.text("#documents-empty")


async def test_progress_is_shown(page: Page, tmp_path: Path):
    begun = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(stage: Stage) -> None:
        begun.set()
        await go_on.wait()
        await bags(stage)

    page.stack.embed.play = slow
    await page.tab.choose_files("#files", *files(tmp_path, cats_md="Cats sleep.", b_md="b"))
    await begun.wait()
    await page.tab.until(
        "document.querySelector('#uploads .hint')?.textContent === 'Cut, 1 passage'"
    )
    shown = "[...document.querySelectorAll('#uploads li')].map((li) => li.innerText)"
    first, second = await page.tab.evaluate(shown)
    assert first.split("\n") == ["cats.md", "Cancel", "Cut, 1 passage"]
    assert second.split("\n") == ["b.md", "Cancel", "Waiting"]
    bar = await page.tab.evaluate("document.querySelector('#uploads progress').value")
    assert 0.5 < bar < 1
    go_on.set()
    await page.listed(2)


async def test_a_long_file_is_counted(page: Page, tmp_path: Path):
    go_on = asyncio.Event()
    asked = 0

    async def nearly_all(stage: Stage) -> None:
        nonlocal asked
        asked += len(stage.received.body["input"])
        if asked > 1100:
            await go_on.wait()
        await bags(stage)

    page.stack.embed.play = nearly_all
    text = "\n\n".join(f"# Cat {n}\n\nCat {n} sleeps." for n in range(1200))
    await page.tab.choose_files("#files", *files(tmp_path, cats_md=text))
    shown = "document.querySelector('#uploads .hint')?.textContent"
    await page.tab.until(f"/^Embedding, \\d+ of 1200 passages$/.test({shown})")
    assert 0.7 < await page.tab.evaluate("document.querySelector('#uploads progress').value") < 0.95
    go_on.set()
    await page.listed(1)
    assert (await page.tab.text("#list .hint")).startswith("1200 passages, ")


async def test_files_are_dropped(page: Page):
    """The event as a browser makes it; there is no mouse that could carry a file."""
    dropped = """(() => {
      const data = new DataTransfer();
      data.items.add(new File(["Cats sleep."], "cats.md"));
      const told = {dataTransfer: data, bubbles: true, cancelable: true};
      const over = document.querySelector(".chat").dispatchEvent(new DragEvent("dragover", told));
      const marked = document.querySelector("#drop").classList.contains("over");
      const drop = document.querySelector(".chat").dispatchEvent(new DragEvent("drop", told));
      return [over, marked, drop];
    })()"""
    taken = await page.tab.evaluate(dropped)
    assert taken == [False, True, False], "or else the browser would open the file in its place"
    await page.listed(1)
    assert not await page.tab.count(".over")


async def test_an_upload_that_is_cancelled(page: Page, tmp_path: Path):
    begun = asyncio.Event()

    async def silent(stage: Stage) -> None:
        begun.set()
        await stage.hang()

    page.stack.embed.play = silent
    await page.tab.choose_files("#files", *files(tmp_path, cats_md="Cats.", b_md="b"))
    await begun.wait()
    await page.tab.click("#uploads li:last-child button")
    await page.tab.click("#uploads li button")
    await page.stack.embed.until(lambda: page.stack.embed.in_flight == 0)
    await page.tab.until("document.querySelector('#uploads .failed')")
    assert "Cancelled." in await page.tab.text("#uploads .failed")
    await page.tab.click("#uploads .failed button")
    assert await page.tab.count("#uploads li") == 0
    assert await page.tab.count("#list li") == 0


async def test_a_file_that_can_not_be_read(page: Page, tmp_path: Path):
    await page.tab.choose_files("#files", *files(tmp_path, a_exe="MZ", cats_md="Cats."))
    await page.listed(1)
    assert "a.exe" in await page.tab.text("#uploads .failed")
    assert await page.tab.text("#uploads .failed button") == "Dismiss"
    await page.tab.click("#uploads .failed button")
    assert await page.tab.count("#uploads li") == 0


async def test_what_is_to_be_said_of_a_file(page: Page, tmp_path: Path):
    file = tmp_path / "caf\u00e9.txt"
    file.write_bytes("caf\u00e9".encode("latin-1"))
    await page.tab.choose_files("#files", file)
    await page.listed(1)
    assert "Windows-1252" in await page.tab.text("#uploads li")
    assert await page.tab.count("#uploads .failed") == 0
    await page.tab.click("#uploads button")
    assert await page.tab.count("#uploads li") == 0


async def test_deleting_asks_first(page: Page, tmp_path: Path):
    await page.tab.choose_files("#files", *files(tmp_path, a_md="a", b_md="b"))
    await page.listed(2)
    await page.tab.click("#list button")
    await page.tab.until("document.querySelector('#confirm').open")
    assert "a.md" in await page.tab.text("#confirm")
    assert await page.tab.focused() == "Keep"
    await page.tab.press("Escape")
    await page.tab.until("!document.querySelector('#confirm').open")
    assert await page.tab.count("#list li") == 2
    await page.tab.click("#list button")
    await page.tab.click("#confirm .grave")
    await page.tab.until("document.querySelector('#told').textContent === 'a.md is deleted.'")
    assert await page.tab.text("#list .name") == "b.md"
    assert await page.tab.focused() == "Delete b.md"
    rows = (await page.rag.post("dataprep", "/v1/dataprep/get", b"")).json
    assert [row["name"] for row in rows] == ["b.md"]


async def test_a_question_is_not_answered_by_the_end_of_the_one_before(page: Page, tmp_path: Path):
    await page.tab.choose_files("#files", *files(tmp_path, a_md="a", b_md="b"))
    await page.listed(2)
    await page.tab.click("#list button")
    await page.tab.until("document.querySelector('#confirm').open")
    await page.tab.evaluate(
        "document.querySelector('#confirm').close();"
        "document.querySelectorAll('#list button')[1].click()"
    )
    await page.tab.click("#confirm .grave")
    await page.tab.until("document.querySelector('#told').textContent === 'b.md is deleted.'")
    assert await page.tab.text("#list .name") == "a.md"


async def test_a_document_that_is_gone_already(page: Page, tmp_path: Path):
    await page.tab.choose_files("#files", *files(tmp_path, a_md="a"))
    await page.listed(1)
    await page.rag.post("dataprep", "/v1/dataprep/delete", {"file_path": "a.md"})
    await page.tab.click("#list button")
    await page.tab.click("#confirm .grave")
    await page.tab.until("document.querySelector('#documents-problem').textContent")
    assert "there is no such document" in await page.tab.text("#documents-problem")


async def test_several_indexes(page: Page, tmp_path: Path):
    assert await page.tab.text("#index-choice") == ""
    await page.rag.upload(("a.md", b"a"))
    await page.rag.upload(("b.md", b"b"), index_name="other")
    await page.tab.open(f"{page.rag.url('chatqna')}/")
    await page.listed(1)
    assert await page.tab.text("#list .name") == "a.md"
    await page.tab.evaluate(
        "document.querySelector('#index').value = 'other';"
        "document.querySelector('#index').dispatchEvent(new Event('change'))"
    )
    await page.tab.until("document.querySelector('#list .name').innerText === 'b.md'")
    await page.tab.choose_files("#files", *files(tmp_path, c_md="c"))
    await page.listed(2)
    await page.ask("b?")
    await page.answered()
    assert "b.md" in await page.tab.text(".sources")
    assert "a.md" not in await page.tab.text(".sources")


async def test_names_that_would_deceive(page: Page, tmp_path: Path):
    names = ["<img src=x onerror=hacked=1>.md", "a\u202etxt.md", "n" * 200 + ".md"]
    for name in names:
        await page.rag.upload((name.replace("\u202e", "%E2%80%AE"), b"text"))
    await page.tab.look(320, 640)
    await page.tab.open(f"{page.rag.url('chatqna')}/")
    await page.tab.click("#documents-toggle")
    await page.listed(3)
    assert await page.tab.evaluate("document.scrollingElement.scrollWidth") <= 320
    assert await page.tab.evaluate("window.hacked") is None
    assert names[0] in await page.tab.text("#list")
    shown = await page.tab.evaluate(
        "import('/page/elements.js').then(({plain}) => plain('a\\u202etxt\\n .md'))"
    )
    assert shown == "a\ufffdtxt .md"
