"""The official client for Python with models that can do everything: tools, thinking, schemas,
pictures, logprobs, gaps in code, and management."""

import asyncio
import base64
import json
import re
from collections.abc import Callable
from typing import Any

import ollama
import pytest
from pydantic import BaseModel

from tests.support.theatre import FIM, Theatre

CHAT, THINKER, EMBEDDER = "llama3.1", "deepseek-r1:1.5b", "nomic-embed-text"
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)


class City(BaseModel):
    name: str
    population: int


def get_weather(city: str, unit: str = "C") -> str:
    """The weather in a city.

    Args:
        city: the city
        unit: of the temperature
    """
    return f"sunny in {city}"


def user(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text, **more}]


async def used(house: Theatre, session: Callable[[ollama.Client], Any]) -> Any:
    """What `session` returns; it runs in a thread, for the client blocks."""
    with ollama.Client(host=house.url) as client:
        return await asyncio.to_thread(session, client)


async def test_a_function_as_a_tool_and_its_result(willing):
    turns = user("Weather in Paris?")

    def session(client):
        first = client.chat(CHAT, turns, tools=[get_weather])
        [call] = first.message.tool_calls
        turns.append(first.message)
        result = get_weather(**call.function.arguments)
        turns.append({"role": "tool", "content": result, "tool_name": call.function.name})
        return call, client.chat(CHAT, turns, tools=[get_weather])

    call, after = await used(willing, session)
    assert call.function.name == "get_weather"
    assert call.function.arguments == {"city": "Paris", "unit": "Paris"}
    assert after.message.content == "Hello <b>"
    *_, assistant, result = willing.chat.bodies[1]["messages"]
    assert assistant["tool_calls"][0]["id"] == result["tool_call_id"]


async def test_a_tool_streamed(willing):
    parts = await used(
        willing,
        lambda client: list(
            client.chat(CHAT, user("Weather in Paris?"), tools=[get_weather], stream=True)
        ),
    )
    calls = [call for part in parts for call in part.message.tool_calls or ()]
    assert [call.function.arguments["city"] for call in calls] == ["Paris"]
    assert parts[-1].done_reason == "stop"


async def test_two_calls_streamed(willing):
    parts = await used(
        willing,
        lambda client: list(client.chat(CHAT, user("CALL"), tools=[get_weather], stream=True)),
    )
    calls = [call.function for part in parts for call in part.message.tool_calls or ()]
    assert [(call.name, dict(call.arguments)) for call in calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {}),
    ]


@pytest.mark.parametrize("think", [True, "high", None])
async def test_thinking(willing, think):
    reply = await used(willing, lambda client: client.chat(THINKER, user("hi"), think=think))
    assert (reply.message.thinking, reply.message.content) == ("hmm ok", "Hello <b>")
    parts = await used(
        willing, lambda client: list(client.chat(THINKER, user("hi"), think=think, stream=True))
    )
    assert "".join(part.message.thinking or "" for part in parts) == "hmm ok"
    assert "".join(part.message.content for part in parts) == "Hello <b>"
    asked = await used(willing, lambda client: client.generate(THINKER, "hi", think=think))
    assert (asked.thinking, asked.response) == ("hmm ok", "Hello <b>")


async def test_no_thinking(willing):
    reply = await used(willing, lambda client: client.chat(THINKER, user("hi"), think=False))
    assert (reply.message.thinking, reply.message.content) == (None, "Hello <b>")


async def test_thinking_that_a_model_has_not(willing):
    with pytest.raises(ollama.ResponseError) as raised:
        await used(willing, lambda client: client.chat(CHAT, user("hi"), think=True))
    assert raised.value.error == '"llama3.1" does not support thinking'
    assert raised.value.status_code == 400


async def test_a_schema(willing):
    schema = City.model_json_schema()
    turns = user("How many live in Paris? 2 million.")
    reply = await used(willing, lambda client: client.chat(CHAT, turns, format=schema))
    assert City.model_validate_json(reply.message.content) == City(name="Paris", population=2)
    sent = willing.chat.bodies[0]["response_format"]["json_schema"]["schema"]
    assert sent["properties"] == schema["properties"]


async def test_json(willing):
    reply = await used(willing, lambda client: client.chat(CHAT, user("hi"), format="json"))
    assert json.loads(reply.message.content) == {"answer": "text"}


async def test_a_format_that_is_none(willing):
    body = {"model": CHAT, "messages": user("hi"), "format": "xml"}
    with pytest.raises(ollama.ResponseError, match="invalid format"):
        await used(willing, lambda client: client._request_raw("POST", "/api/chat", json=body))


async def test_pictures(willing, tmp_path):
    file = tmp_path / "one.png"
    file.write_bytes(base64.b64decode(PICTURE))
    for picture in (PICTURE, file, base64.b64decode(PICTURE)):
        turns = user("what", images=[picture])
        reply = await used(willing, lambda client, turns=turns: client.chat(CHAT, turns))
        assert reply.message.content == "Hello <b>"
        parts = willing.chat.bodies[-1]["messages"][0]["content"]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        assert urls == [f"data:image/png;base64,{PICTURE}"]
    reply = await used(willing, lambda client: client.generate(CHAT, "what", images=[PICTURE]))
    assert reply.response == "Hello <b>"


async def test_logprobs(willing):
    reply = await used(
        willing, lambda client: client.chat(CHAT, user("hi"), logprobs=True, top_logprobs=1)
    )
    assert [row.token for row in reply.logprobs] == ["Hello", " <b>"]
    assert [row.token for row in reply.logprobs[0].top_logprobs] == ["A"]
    assert reply.logprobs[0].logprob == pytest.approx(-0.2)


async def test_a_conversation_by_context(willing):
    def session(client):
        first = client.generate(CHAT, "hi", system="short")
        return first, client.generate(CHAT, "and?", context=first.context)

    first, second = await used(willing, session)
    assert first.context
    assert second.response == "Hello <b>"


async def test_raw(willing):
    reply = await used(willing, lambda client: client.generate(CHAT, "[INST] hi", raw=True))
    assert (reply.response, reply.context) == ("Hello <b>", None)
    assert willing.chat.bodies[0]["prompt"] == "[INST] hi"


async def test_raw_with_what_it_excludes(willing):
    with pytest.raises(ollama.ResponseError, match="raw mode does not support template"):
        await used(willing, lambda client: client.generate(CHAT, "hi", raw=True, system="s"))


async def test_a_gap_in_code(willing):
    reply = await used(willing, lambda client: client.generate(CHAT, "def f(", suffix="return 1"))
    assert reply.response == "Hello <b>"
    prompt = willing.chat.bodies[0]["prompt"]
    assert prompt == f"{FIM['prefix']}def f({FIM['suffix']}return 1{FIM['middle']}"


async def test_a_gap_for_a_model_that_fills_none(willing):
    with pytest.raises(ollama.ResponseError, match="does not support insert"):
        await used(willing, lambda client: client.generate(THINKER, "def f(", suffix="x"))


async def test_pull(willing):
    whole = await used(willing, lambda client: client.pull(CHAT))
    assert whole.status == "success"
    lines = await used(willing, lambda client: list(client.pull(CHAT, stream=True)))
    assert [lines[0].status, lines[-1].status] == ["pulling manifest", "success"]
    with pytest.raises(ollama.ResponseError, match="file does not exist"):
        await used(willing, lambda client: client.pull("nope"))
    with pytest.raises(ollama.ResponseError, match="file does not exist"):
        await used(willing, lambda client: list(client.pull("nope", stream=True)))


async def test_copy_and_delete(willing):
    def session(client):
        assert client.copy(CHAT, "mine").status == "success"
        listed = {model.model for model in client.list().models}
        reply = client.chat("mine", user("hi"))
        assert client.delete("mine").status == "success"
        return listed, reply, {model.model for model in client.list().models}

    before, reply, after = await used(willing, session)
    assert before - after == {"mine:latest"}
    assert (reply.model, reply.message.content) == ("mine", "Hello <b>")
    with pytest.raises(ollama.ResponseError, match="not found") as raised:
        await used(willing, lambda client: client.show("mine"))
    assert raised.value.status_code == 404


async def test_create(willing):
    def session(client):
        lines = list(
            client.create(
                "polite",
                from_=CHAT,
                system="please",
                parameters={"temperature": 0.1},
                messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
                stream=True,
            )
        )
        return lines, client.show("polite"), client.chat("polite", user("hi"))

    lines, shown, reply = await used(willing, session)
    assert lines[-1].status == "success"
    assert "temperature" in shown.parameters
    assert re.search(r"(?m)^SYSTEM .*please", shown.modelfile)
    assert reply.message.content == "Hello <b>"
    body = willing.chat.bodies[-1]
    assert [turn["content"] for turn in body["messages"]] == ["please", "a", "b", "hi"]
    assert body["temperature"] == pytest.approx(0.1)


async def test_what_cannot_be_done_says_so(willing, tmp_path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(ollama.ResponseError, match="takes no GGUF files"):
        await used(willing, lambda client: client.create_blob(file))
    with pytest.raises(ollama.ResponseError, match="takes no GGUF files"):
        await used(
            willing, lambda client: client.create("mine", files={"a.gguf": "sha256:" + "0" * 64})
        )
    with pytest.raises(ollama.ResponseError, match="can't be pushed"):
        await used(willing, lambda client: client.push(CHAT))
    with pytest.raises(ollama.ResponseError, match="nope"):
        await used(willing, lambda client: client.copy("nope", "mine"))
    with pytest.raises(ollama.ResponseError, match="not found"):
        await used(willing, lambda client: client.delete("nope"))


async def test_unload(willing):
    reply = await used(willing, lambda client: client.generate(CHAT, "", keep_alive=0))
    assert reply.done_reason == "unload"
    running = await used(willing, lambda client: client.ps())
    assert "llama3.1:latest" not in {model.model for model in running.models}
