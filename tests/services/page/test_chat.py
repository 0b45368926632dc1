"""Questions and answers, as a user sees them; the engine behind is scripted."""

from __future__ import annotations

import asyncio

from tests.services.house import in_chat
from tests.services.page.conftest import Page
from tests.support import plays, words
from tests.support.recordings import recording
from tests.support.scripted_vllm import CHAT, Stage

CATS = ("cats.md", b"# Cats\n\nCats sleep all day.\n\n## Food\n\nCats eat fish at noon.\n")


async def endless(stage: Stage) -> None:
    """A model that goes on until nobody listens."""
    await plays.begin(stage, recording("chat_stream_usage"), 1)
    while True:
        await stage.write(words.text("and so on "))
        await asyncio.sleep(0.01)


async def told(page: Page) -> str:
    return await page.tab.text(".answer:last-child .text")


async def test_an_answer_with_its_sources(page: Page):
    await page.rag.upload(CATS)
    page.stack.chat.play = in_chat(plays.stream(words.answer("At noon", " [2", "].")))
    await page.ask("When do cats eat?")
    await page.answered()
    assert await page.tab.text(".asked") == "When do cats eat?"
    assert await told(page) == "At noon 2."
    assert await page.tab.text(".sources") == "Sources\n2\ncats.md, Cats > Food"
    await page.tab.click(".source")
    await page.tab.until("document.querySelector('#passage').open")
    shown = (await page.tab.text("#passage")).split("\n")
    assert [line for line in shown if line] == [
        *("Source 2", "Close", "File", "cats.md", "Section", "Cats > Food"),
        "Cats eat fish at noon.",
    ]
    await page.tab.click("[data-closes]")
    await page.tab.until("!document.querySelector('#passage').open")
    assert not await page.tab.evaluate("document.querySelector('#question').value")


async def test_the_whole_passage_is_shown(page: Page):
    text = " ".join(f"Cat {n} sleeps." for n in range(60))
    await page.rag.upload(("cats.txt", text.encode()))
    await page.ask("Where does cat 59 sleep?")
    await page.answered()
    await page.tab.click(".source")
    assert await page.tab.text("#passage-quote") == text


async def test_an_answer_is_seen_while_it_comes_and_can_be_stopped(page: Page):
    await page.rag.upload(CATS)
    page.stack.chat.play = in_chat(endless)
    await page.ask("cats?")
    await page.tab.until("document.querySelector('.answer .text')?.innerText.length > 20")
    assert await page.tab.text(".state") == "Answering …"
    assert not await page.tab.evaluate("document.querySelector('#send').checkVisibility()")
    await page.tab.click("#stop")
    await page.answered()
    await page.stack.chat.until(lambda: page.stack.chat.in_flight == 0)
    assert await page.tab.text(".answer .hint") == "Stopped."
    assert len(await told(page)) > 20
    assert await page.tab.focused() == "question"
    page.stack.chat.play = words.words
    await page.ask("And dogs?")
    await page.answered(2)
    roles = [turn["role"] for turn in page.stack.chat.bodies[-1]["messages"]]
    assert roles == ["system", "user", "assistant", "user"]


async def test_an_answer_that_breaks_off(page: Page):
    await page.rag.upload(CATS)
    await page.ask("cats MIDERR")
    await page.answered()
    assert await told(page) == "Hello"
    assert await page.tab.text(".answer .problem p")
    page.stack.chat.play = in_chat(plays.stream(words.answer("Whole.")))
    await page.tab.click(".answer .problem button")
    await page.answered()
    assert await told(page) == "Whole."
    assert await page.tab.count(".asked") == 1
    asked = [seen.body["messages"] for seen in page.stack.chat.seen if seen.path == CHAT]
    assert len(asked[-1]) == 2, "what failed is no part of the conversation"


async def test_an_engine_that_is_away(page: Page):
    await page.rag.upload(CATS)
    await page.stack.chat.down()
    await page.ask("cats?")
    await page.answered()
    assert await page.tab.text(".answer .problem p")
    assert await told(page) == ""
    await page.stack.chat.up()


async def test_nothing_found_looks_so(page: Page):
    await page.ask("cats?")
    await page.answered()
    assert await page.tab.count(".answer.nothing") == 1
    assert await told(page) == "I found nothing about this in the documents."
    assert await page.tab.count(".sources") == 0


async def test_an_answer_that_reached_its_limit(page: Page):
    await page.rag.upload(CATS)
    await page.ask("cats LIMIT")
    await page.answered()
    assert "was cut" in await page.tab.text(".answer .hint")


async def test_a_new_chat_forgets(page: Page):
    await page.rag.upload(CATS)
    await page.ask("When do cats eat?")
    await page.answered()
    await page.ask("And sleep?")
    await page.answered(2)
    assert len(page.stack.chat.bodies[-1]["messages"]) == 4
    await page.tab.click("#new-chat")
    assert await page.tab.count("#conversation *") == 0
    assert await page.tab.focused() == "question"
    await page.ask("When do cats eat?")
    await page.answered(1)
    assert len(page.stack.chat.bodies[-1]["messages"]) == 2


async def test_a_new_chat_ends_the_answer_that_comes(page: Page):
    await page.rag.upload(CATS)
    page.stack.chat.play = in_chat(endless)
    await page.ask("cats?")
    await page.tab.until("document.querySelector('.answer .text')?.innerText.length > 20")
    await page.tab.click("#new-chat")
    await page.stack.chat.until(lambda: page.stack.chat.in_flight == 0)
    assert await page.tab.count("#conversation *") == 0
    assert await page.tab.evaluate("document.querySelector('#send').checkVisibility()")


async def test_a_closed_page_closes_everything(page: Page):
    await page.rag.upload(CATS)
    begun = asyncio.Event()

    async def silent(stage: Stage) -> None:
        begun.set()
        await stage.hang()

    page.stack.chat.play = in_chat(silent)
    await page.ask("cats?")
    await begun.wait()
    await page.tab.send("Page.navigate", url="about:blank")
    await page.stack.chat.until(lambda: page.stack.chat.in_flight == 0)


async def test_shift_and_enter_begin_a_line(page: Page):
    await page.rag.upload(CATS)
    await page.tab.click("#question")
    await page.tab.write("one")
    await page.tab.press("Enter", shift=True)
    await page.tab.write("two")
    height = await page.tab.evaluate("document.querySelector('#question').offsetHeight")
    assert height > 60, "it is as high as its text"
    await page.tab.press("Enter")
    await page.answered()
    assert await page.tab.text(".asked") == "one\ntwo"


async def test_an_empty_question_is_not_asked(page: Page):
    await page.ask("  ")
    await page.tab.click("#send")
    assert await page.tab.count(".asked") == 0
