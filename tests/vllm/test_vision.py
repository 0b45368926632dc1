"""Images on a real engine; its weights are random, so nothing is asked of what it says."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import without_torchvision
from tests.support.engine import Engine
from tests.support.raw_http import Reply
from tests.support.serve import Adapter, serving

MODEL = "tiny-vision"
FLAGS = ["--load-format", "dummy", "--max-model-len", "4096"]
# A red square of eight by eight.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFUlEQVR42mM8ISfHgA0wMeAAg1MCANDKARQf"
    "GKMRAAAAAElFTkSuQmCC"
)
JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKra"
    "rYqMyP/L2u71////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4"
    "+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wAARCAAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAA"
    "AAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAAAwX/xAAUEQEAAAAAAAAAAAAAAAAA"
    "AAAA/9oADAMBAAIRAxEAPwCYASg//9k="
)


@pytest.fixture(scope="module")
def seeing_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real vLLM with a model that sees."""
    log = tmp_path_factory.mktemp("engine") / "vision.log"
    folder = str(Path(without_torchvision.__path__[0]))
    running = Engine(MODEL, FLAGS, log, PYTHONPATH=folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def seeing(seeing_engine: Engine) -> AsyncIterator[Adapter]:
    async with serving(seeing_engine.url) as adapter:
        await adapter.until_ready(within=30)
        yield adapter


async def chat(adapter: Adapter, *images: str, **fields: Any) -> Reply:
    turn = {"role": "user", "content": "what is this?", "images": images}
    body = {"model": MODEL, "messages": [turn], "stream": False, "options": {"num_predict": 4}}
    return await adapter.post("/api/chat", body | fields, within=60)


async def generate(adapter: Adapter, *images: str) -> Reply:
    body = {"model": MODEL, "prompt": "what is this?", "images": images, "stream": False}
    return await adapter.post("/api/generate", body | {"options": {"num_predict": 4}}, within=60)


async def test_that_it_sees_is_found_out(seeing):
    async with asyncio.timeout(30):  # a busy machine answers late
        while True:
            [listed] = (await seeing.get("/api/tags")).json["models"]
            if listed["capabilities"] != ["completion"]:
                break
            await asyncio.sleep(0.2)
    assert listed["capabilities"] == ["completion", "vision"]


@pytest.mark.parametrize("image", [PNG, JPEG, "\n".join([PNG[:40], PNG[40:]])])
async def test_an_image_is_seen(seeing, image: str):
    blind = await chat(seeing)
    assert blind.status == 200, blind.text
    for ask in (chat, generate):
        reply = await ask(seeing, image)
        assert reply.status == 200, reply.text
        assert reply.json["eval_count"] == 4
        # The image is so many tokens of the prompt.
        assert reply.json["prompt_eval_count"] >= blind.json["prompt_eval_count"] + 16


async def test_lines_of_an_answer_to_an_image(seeing):
    reply = await chat(seeing, PNG, stream=True)
    assert reply.status == 200, reply.text
    assert reply.lines[-1]["done"] is True


@pytest.mark.parametrize("data", ["QUJD", PNG[:64], "iVBORw0KGgo="])
async def test_what_is_no_image_is_refused_clearly(seeing, data: str):
    for ask in (chat, generate):
        reply = await ask(seeing, data)
        assert reply.status == 400, reply.text
        assert "image" in reply.json["error"].lower()


async def test_more_images_than_it_can_see(seeing):
    reply = await chat(seeing, PNG, PNG)
    assert (reply.status, list(reply.json)) == (400, ["error"])
    assert "image" in reply.json["error"]
