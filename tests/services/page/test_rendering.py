"""Text to nodes: what a model writes is shown, and whatever it writes does nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.house import in_chat
from tests.services.page.conftest import Page
from tests.support import plays, words

HOSTILE = [
    "<img src=x onerror='window.hacked=1'>",
    "<script>window.hacked=1</script><style>*{display:none}</style>",
    "[x](javascript:window.hacked=1) ![y](http://127.0.0.9/z.png) <javascript:window.hacked=1>",
    "\u202e\u2066 backwards \u200f [1]",
    "`" * 5000,
    "*" * 5000,
    "[" * 5000 + "1]",
    "[1]" * 300,
    "- " * 3000,
    "1. x\n" * 300,
    "~~~\n<b>never closed",
    "Z" + "\u0301" * 3000,
    "\0\x1b[31m\ufffe\u2028\u2029",
    "constructor __proto__ [0] [999]",
]


async def drawn(page: Page, text: str) -> Any:
    """Kinds and texts of the nodes that a text becomes."""
    return await page.tab.evaluate(
        f"""import("/page/rendering.js").then(({{blocks, drawn}}) =>
          blocks({json.dumps(text)}).map((block) => drawn(block, (n) => `{{${{n}}}}`))
            .map((node) => [node.tagName, node.innerHTML]))"""
    )


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("a\nb\n\nc", [["P", "a\nb"], ["P", "c"]]),
        ("# A\nb", [["P", "A"], ["P", "b"]]),
        (
            "- a\n- b\n\n- c",
            [["UL", '<li dir="auto">a</li><li dir="auto">b</li><li dir="auto">c</li>']],
        ),
        (
            "a:\n1. b\n   more\n\nc",
            [["P", "a:"], ["OL", '<li dir="auto">b\n   more</li>'], ["P", "c"]],
        ),
        ("```py\na [1]\n\n- b\n```\nc", [["PRE", "<code>a [1]\n\n- b</code>"], ["P", "c"]]),
        ("~~~\n```\n~~~", [["PRE", "<code>```</code>"]]),
        (
            "a `b [1]` **c [1]** [1, 2]",
            [["P", "a <code>b [1]</code> <strong>c {1}</strong> {1}{2}"]],
        ),
        ("2 * 3 ** 4 [x] `", [["P", "2 * 3 ** 4 [x] `"]]),
        ("<b>&amp;", [["P", "&lt;b&gt;&amp;amp;"]]),
        ("", []),
    ],
)
async def test_text_becomes_nodes(page: Page, text: str, nodes: list[list[str]]):
    assert await drawn(page, text) == nodes


async def test_pieces_come_to_the_same_as_the_whole(page: Page):
    text = "# A\n\na\nb [1]\n\n- c\n- d\n\ne\n\n```\nf\n\ng\n```\n\n1. h\n\n2. i\n\nj"
    same = await page.tab.evaluate(
        f"""import("/page/rendering.js").then(({{drawing}}) => {{
          const text = {json.dumps(text)};
          const [whole, pieces] = [1, 2].map(() => document.createElement("div"));
          drawing(whole).draw(text);
          const growing = drawing(pieces);
          for (let end = 0; end <= text.length; end += 1) growing.draw(text.slice(0, end));
          return [whole.innerHTML, pieces.innerHTML];
        }})"""
    )
    assert same[0] == same[1]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
async def test_hostile_text_does_nothing(page: Page, number: int):
    """From a model, and from a document, in the answer and in the passage."""
    text = HOSTILE[number]
    await page.tab.look(320, 640)
    await page.rag.upload(("cats.md", b"# Cats " + text.encode() + b"\n\nCats " + text.encode()))
    await page.rag.upload(("more.md", b"Cats."))
    page.stack.chat.play = in_chat(plays.stream(words.answer("Cats [1] ", text, " end")))
    await page.ask("Cats?")
    await page.answered()
    assert await page.tab.evaluate("window.hacked") is None
    assert await page.tab.count("#conversation :is(img, script, style, a, iframe)") == 0
    assert await page.tab.evaluate("document.scrollingElement.scrollWidth") <= 320
    if number != HOSTILE.index("~~~\n<b>never closed"):
        await page.tab.click(".cite")
    else:
        await page.tab.click(".source")
    await page.tab.until("document.querySelector('#passage').open")
    assert await page.tab.evaluate("document.querySelector('#passage').scrollWidth") <= 320
    assert await page.tab.evaluate("window.hacked") is None


async def test_a_line_of_a_million_characters(page: Page):
    await page.rag.upload(("cats.md", b"Cats."))
    for line in ("x" * 1_000_000, "cats [1] `a` **b** " * 2000, "[1" * 500_000):
        page.stack.chat.play = in_chat(plays.stream(words.answer(line, "end")))
        await page.ask("cats?")
        await page.tab.until("document.querySelector('.answer[aria-busy=false]')", within=60)
        assert await page.tab.evaluate("document.scrollingElement.scrollWidth") <= 1280
        await page.tab.click("#new-chat")
