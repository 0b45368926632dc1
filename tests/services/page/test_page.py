"""The whole page: seen by all, used without a mouse, on any screen, and safe by its policy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.house import in_chat
from tests.services.page.conftest import Page
from tests.support import plays, words

CATS = ("cats.md", b"# Cats\n\nCats sleep all day.\n\n## Food\n\nCats eat fish at noon.\n")
LOOKS = [(1280, 800), (320, 256), (320, 640)]


async def with_an_answer(page: Page) -> None:
    text = "Cats eat **fish** [2].\n\n- at noon [1]\n- `daily`\n\n```\nfish\n```\n"
    page.stack.chat.play = in_chat(plays.stream(words.answer(text)))
    await page.rag.upload(CATS)
    await page.tab.open(f"{page.rag.url('chatqna')}/")
    await page.listed(1)
    await page.ask("When do cats eat?")
    await page.answered()


async def violations(page: Page, axe: str) -> list[dict[str, Any]]:
    # In a world of its own: the page's policy forbids scripts like this one.
    tree = await page.tab.send("Page.getFrameTree")
    world = await page.tab.send(
        "Page.createIsolatedWorld", frameId=tree["frameTree"]["frame"]["id"], worldName="axe"
    )
    rules = "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', "
    rules += "'wcag22aa', 'best-practice']}"
    told = await page.tab.send(
        "Runtime.evaluate",
        expression=f"{axe};axe.run(document, {rules}).then((told) => told.violations)",
        contextId=world["executionContextId"],
        awaitPromise=True,
        returnByValue=True,
    )
    assert "exceptionDetails" not in told, told
    return [
        {"rule": row["id"], "nodes": [node["html"] for node in row["nodes"]]}
        for row in told["result"]["value"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), LOOKS)
async def test_axe_finds_nothing(page: Page, axe: str, width: int, height: int, scheme: str):
    await page.tab.look(width, height, scheme)
    assert await violations(page, axe) == []
    await with_an_answer(page)
    if width < 960:
        await page.tab.click("#documents-toggle")
    assert await violations(page, axe) == []
    await page.tab.click(".cite")
    await page.tab.until("document.querySelector('#passage').open")
    assert await violations(page, axe) == []
    await page.tab.press("Escape")
    await page.tab.click("#list button")
    assert await violations(page, axe) == []


@pytest.mark.parametrize(("width", "height"), LOOKS)
async def test_nothing_is_wider_than_the_screen(page: Page, width: int, height: int):
    await page.tab.look(width, height)
    await with_an_answer(page)
    if width < 960:
        await page.tab.click("#documents-toggle")
    assert await page.tab.evaluate("document.scrollingElement.scrollWidth") <= width
    await page.tab.click(".cite")
    assert await page.tab.evaluate("document.querySelector('#passage').scrollWidth") <= width


async def test_without_a_mouse(page: Page):
    await with_an_answer(page)
    assert await page.tab.focused() == "question", "the next question can be written at once"
    await page.tab.press("Tab", shift=True)
    assert (await page.tab.focused()).startswith("2\ncats.md")
    await page.tab.press("Tab", shift=True)
    await page.tab.press("Tab", shift=True)
    await page.tab.press("Tab", shift=True)
    assert await page.tab.focused() == "Source 1: cats.md, Cats"
    await page.tab.press("Enter")
    await page.tab.until("document.querySelector('#passage').open")
    assert await page.tab.focused() == "passage-title"
    assert "Cats sleep all day." in await page.tab.text("#passage")
    await page.tab.press("Tab")
    assert await page.tab.focused() == "Close"
    await page.tab.press("Escape")
    await page.tab.until("!document.querySelector('#passage').open")
    assert await page.tab.focused() == "Source 1: cats.md, Cats"


async def test_what_has_the_focus_is_in_view(page: Page):
    await page.tab.look(1280, 500)
    text = "\n\n".join(f"Cats eat [{n % 2 + 1}]." for n in range(40))
    page.stack.chat.play = in_chat(plays.stream(words.answer(text)))
    await page.rag.upload(CATS)
    await page.ask("When do cats eat?")
    await page.answered()
    for _ in range(30):
        await page.tab.press("Tab", shift=True)
        assert await page.tab.evaluate(
            """(() => {
              const box = document.activeElement.getBoundingClientRect();
              const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
              return document.activeElement.contains(document.elementFromPoint(x, y));
            })()"""
        )


async def test_what_is_read_out(page: Page):
    await with_an_answer(page)
    assert (await page.tab.text("#told")).startswith("Cats eat **fish** [2].")
    role = "document.querySelector('#told').getAttribute('role')"
    assert await page.tab.evaluate(role) == "status"


async def test_nothing_moves_for_who_asked_for_that(page: Page):
    await with_an_answer(page)
    await page.tab.click(".cite")
    assert await page.tab.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize(
    "deed",
    [
        "document.body.innerHTML = '<b>x</b>'",
        "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
        "document.createElement('script').text = 'window.hacked = 1'",
        "window.trustedTypes.createPolicy('x', {createHTML: (text) => text})",
    ],
)
async def test_text_can_not_become_markup(page: Page, deed: str):
    told = await page.tab.evaluate(
        f"(() => {{ try {{ {deed}; return 'done' }} catch (error) {{ return error.name }} }})()"
    )
    assert told == "TypeError"
    page.tab.problems.clear()


@pytest.mark.parametrize(
    "deed",
    [
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.9/x'}))",
        "fetch('http://127.0.0.9:1/').catch(() => 0)",
        "const f = document.createElement('iframe'); f.src = '/'; document.body.append(f)",
        "const a = document.createElement('a'); a.href = 'javascript:window.hacked=1'; a.click()",
        "const b = document.createElement('b'); b.setAttribute('onclick', 'hacked=1'); b.click()",
    ],
)
async def test_the_policy_lets_nothing_in_or_out(page: Page, deed: str):
    before = len(page.tab.requested)
    await page.tab.evaluate(f"(() => {{ try {{ {deed} }} catch {{}} }})()")
    await page.tab.until(f"{json.dumps(bool(page.tab.problems))} || true")
    await page.tab.evaluate("new Promise((fulfil) => setTimeout(fulfil, 100))")
    assert await page.tab.evaluate("window.hacked") is None
    assert page.tab.problems, "the browser says that it was refused"
    page.tab.problems.clear()
    del page.tab.requested[before:]
