"""An adapter (LoRA) uploaded by the official client, loaded by a real vLLM, loaded again."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import ollama
import pytest

from tests.support.engine import CHAT_FLAGS, LORA_ENVIRON, LORA_FLAGS, Engine, model_folder
from tests.support.raw_http import get
from tests.support.serve import Adapter, serving

ASK: dict[str, Any] = {
    "messages": [{"role": "user", "content": "hello there"}],
    "options": {"temperature": 0, "num_predict": 12},
}


@pytest.fixture(scope="module")
def lora_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real vLLM with tiny-chat that loads adapters at run time."""
    log = tmp_path_factory.mktemp("engine") / "lora.log"
    running = Engine("tiny-chat", CHAT_FLAGS + LORA_FLAGS, log, **LORA_ENVIRON)
    running.start()
    yield running
    running.stop()


async def with_client(adapter: Adapter, act: Callable[[ollama.Client], Any]) -> Any:
    def acted() -> Any:
        with ollama.Client(host=adapter.url) as client:
            return act(client)

    return await asyncio.to_thread(acted)


def create(client: ollama.Client) -> list[str]:
    """The states of making `tuned` of tiny-chat and tiny-lora."""
    files = sorted(model_folder("tiny-lora").iterdir())
    adapters = {file.name: client.create_blob(file) for file in files}
    made = client.create("tuned", from_="tiny-chat", adapters=adapters, stream=True)
    return [state.status for state in made]


def answers(client: ollama.Client) -> tuple[str, str]:
    """What the model and its tuned sister say, without chance."""
    said = [client.chat(name, **ASK).message.content for name in ("tiny-chat", "tuned")]
    return said[0], said[1]


async def served(engine: Engine) -> list[str]:
    return [row["id"] for row in (await get(engine.url, "/v1/models")).json["data"]]


async def test_from_upload_to_deletion(lora_engine, tmp_path):
    async with serving(lora_engine.url, state_dir=str(tmp_path)) as adapter:
        await adapter.until_ready()
        states = await with_client(adapter, create)
        assert states[-1] == "success"
        plain, tuned = await with_client(adapter, answers)
        assert plain != tuned
        names = [model.model for model in (await with_client(adapter, lambda c: c.list())).models]
        assert names == ["tuned:latest", "tiny-chat:latest"]
        shown = (await adapter.post("/api/show", {"model": "tuned"})).json
        assert "ADAPTER " in shown["modelfile"]
        assert shown["details"]["parent_model"] == "tiny-chat:latest"
        assert len(await served(lora_engine)) == 2

        lora_engine.restart()
        assert await served(lora_engine) == ["tiny-chat"]
        # The adapter may not have noticed: it does at the next request, or within seconds.
        async with asyncio.timeout(30):
            while len(await served(lora_engine)) < 2:  # noqa: ASYNC110  # seen over HTTP only
                await asyncio.sleep(0.1)
        assert await with_client(adapter, answers) == (plain, tuned)

    async with serving(lora_engine.url, state_dir=str(tmp_path)) as adapter:
        await adapter.until_ready()
        assert await with_client(adapter, answers) == (plain, tuned)
        await with_client(adapter, lambda client: client.delete("tuned"))
        assert await served(lora_engine) == ["tiny-chat"]
    assert list((tmp_path / "loras").iterdir()) == []


async def test_an_adapter_that_vllm_can_not_load_leaves_nothing(lora_engine, tmp_path):
    def damaged(client: ollama.Client) -> None:
        (tmp_path / "adapter_config.json").write_text('{"r": 8}')
        (tmp_path / "adapter_model.safetensors").write_bytes(b"no weights at all")
        files = tmp_path.glob("adapter_*")
        adapters = {file.name: client.create_blob(file) for file in files}
        client.create("broken", from_="tiny-chat", adapters=adapters)

    state = tmp_path / "state"
    async with serving(lora_engine.url, state_dir=str(state)) as adapter:
        await adapter.until_ready()
        with pytest.raises(ollama.ResponseError, match="can't load the adapter: "):
            await with_client(adapter, damaged)
        assert [m["name"] for m in (await adapter.get("/api/tags")).json["models"]] == [
            "tiny-chat:latest"
        ]
    assert await served(lora_engine) == ["tiny-chat"]
    assert list((state / "loras").iterdir()) == []


async def test_an_engine_that_was_not_started_for_adapters_says_so(chatting):
    with pytest.raises(ollama.ResponseError, match="start it with --enable-lora"):
        await with_client(chatting, create)
