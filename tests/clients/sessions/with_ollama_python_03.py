"""The official client for Python when it took and gave dictionaries."""

import base64
import json

import ollama
import pytest

TURNS = [{"role": "user", "content": "hi"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture
def client(host):
    return ollama.Client(host=host)


def test_chat(client):
    reply = client.chat("llama3.1", TURNS)
    assert reply["message"] == {"role": "assistant", "content": "Hello <b>"}
    assert (reply["done"], reply["done_reason"]) == (True, "stop")
    assert (reply["prompt_eval_count"], reply["eval_count"]) == (7, 3)


def test_chat_streamed(client):
    parts = list(client.chat("llama3.1", TURNS, stream=True, options={"temperature": 0.3}))
    assert [part["message"]["content"] for part in parts] == ["Hello", " <b>", ""]
    assert parts[-1]["done"] is True


def test_chat_by_the_module():
    """It reads OLLAMA_HOST."""
    assert ollama.chat("llama3.1", TURNS)["message"]["content"] == "Hello <b>"


def test_generate(client):
    reply = client.generate("llama3.1", "hi", system="short")
    assert reply["response"] == "Hello <b>"
    assert reply["context"]
    parts = list(client.generate("llama3.1", "hi", stream=True, context=reply["context"]))
    assert "".join(part["response"] for part in parts) == "Hello <b>"


def test_a_tool_and_its_result(client):
    turns = [{"role": "user", "content": "Weather in Paris?"}]
    message = client.chat("llama3.1", turns, tools=[TOOL])["message"]
    [call] = message["tool_calls"]
    assert call["function"]["arguments"] == {"city": "Paris"}
    turns += [message, {"role": "tool", "content": "sunny"}]
    assert client.chat("llama3.1", turns, tools=[TOOL])["message"]["content"] == "Hello <b>"


def test_json(client):
    reply = client.chat("llama3.1", TURNS, format="json")
    assert isinstance(json.loads(reply["message"]["content"]), dict)


def test_pictures(client, picture):
    turn = {"role": "user", "content": "what", "images": [base64.b64decode(picture)]}
    assert client.chat("llama3.1", [turn])["message"]["content"] == "Hello <b>"
    assert client.generate("llama3.1", "what", images=[picture])["response"] == "Hello <b>"


def test_embeddings(client):
    flat = client.embeddings("nomic-embed-text", "a")
    assert flat["embedding"] == pytest.approx([3, 4, 0, 0])
    several = client.embed("nomic-embed-text", ["a", "b"])
    assert [len(vector) for vector in several["embeddings"]] == [4, 4]
    assert len(client.embed("nomic-embed-text", "a")["embeddings"]) == 1


def test_list_show_ps(client):
    listed = client.list()["models"]
    assert {"llama3.1:latest", "nomic-embed-text:latest"} <= {model["name"] for model in listed}
    assert all(model["digest"] and model["modified_at"] for model in listed)
    assert client.show("llama3.1")["details"]
    assert client.ps()["models"] is not None


def test_pull(client):
    assert client.pull("llama3.1") == {"status": "success"}
    assert list(client.pull("llama3.1", stream=True))[-1] == {"status": "success"}


def test_a_model_that_is_missing(client):
    for stream in (False, True):
        with pytest.raises(ollama.ResponseError) as raised:
            list(client.chat("nope", TURNS, stream=stream))
        assert (raised.value.status_code, raised.value.error) == (404, "model 'nope' not found")
    with pytest.raises(ollama.ResponseError, match="not found"):
        client.embeddings("nope", "a")


@pytest.mark.parametrize("word", ["MIDERR", "DIE"])
def test_a_broken_stream_raises(client, word):
    with pytest.raises(ollama.ResponseError, match="an error was encountered"):
        list(client.chat("llama3.1", [{"role": "user", "content": word}], stream=True))


async def test_the_client_for_asyncio(host):
    client = ollama.AsyncClient(host=host)
    parts = [part async for part in await client.chat("llama3.1", TURNS, stream=True)]
    assert "".join(part["message"]["content"] for part in parts) == "Hello <b>"
    slow = await client.chat("llama3.1", [{"role": "user", "content": "SLOW"}], stream=True)
    assert (await anext(slow))["message"]["content"] == "Hello"
    await slow.aclose()
    assert (await client.generate("llama3.1", "hi"))["response"] == "Hello <b>"
