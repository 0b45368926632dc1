"""Pictures of the page for the documentation; the answer is scripted, all else is real.

python -m tests.services.page.pictures FOLDER
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.services.house import Stack, embedder, in_chat
from tests.services.page import chromium
from tests.services.page.tab import Tab, opened
from tests.support import machine, plays, words
from tests.support.scripted_vllm import ScriptedVLLM

DOCUMENTS = ("connect-a-client.md", "bring-weights.md", "measure-your-server.md")
QUESTION = "How do I connect a client of OpenAI's API?"
ANSWER = """Point it at the adapter's port and add `/v1` to the address [1]. For most clients two \
settings are enough [1, 2]:

1. the **base URL**, `http://127.0.0.1:11434/v1`
2. an **API key**: any text, unless the adapter was given one [2]

```
OPENAI_BASE_URL=http://127.0.0.1:11434/v1
OPENAI_API_KEY=none
```
"""
PICTURES = (
    ("page-light", 1280, 800, "light", False),
    ("page-dark", 1280, 800, "dark", True),
    ("page-narrow", 360, 740, "light", False),
)
"""Name, width, height, scheme, and whether a passage is open."""


async def taken(tab: Tab, url: str, folder: Path) -> None:
    for name, width, height, scheme, passage in PICTURES:
        await tab.look(width, height, scheme)
        await tab.open(url)
        await tab.until(f"document.querySelectorAll('#list li').length === {len(DOCUMENTS)}")
        await tab.click("#question")
        await tab.write(QUESTION)
        await tab.press("Enter")
        await tab.until("document.querySelector('.answer[aria-busy=false]')")
        if passage:
            await tab.click(".cite")
        await asyncio.sleep(0.2)
        await asyncio.to_thread((folder / f"{name}.png").write_bytes, await tab.screenshot())


async def main(devtools: str, folder: Path, scratch: str) -> None:
    chat, embed = ScriptedVLLM(words.words), embedder()
    await chat.up()
    await embed.up()
    howto = machine.ROOT / "docs" / "howto"
    files = [(name, await asyncio.to_thread((howto / name).read_bytes)) for name in DOCUMENTS]
    try:
        async with Stack(chat, embed, f"sqlite:{scratch}/rag.sqlite").up() as rag:
            await rag.upload(*files)
            chat.play = in_chat(plays.stream(words.answer(ANSWER)))
            async with opened(devtools) as tab:
                await taken(tab, f"{rag.url('chatqna')}/", folder)
    finally:
        await embed.down()
        await chat.down()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, chromium.running(Path(made)) as address:
        asyncio.run(main(address, Path(sys.argv[1]), made))
