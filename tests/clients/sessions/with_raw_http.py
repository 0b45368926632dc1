"""requests and httpx: calls as applications write them that have no client for Ollama."""

import asyncio
import json

import httpx
import pytest
import requests

MODEL = "llama3.1"


@pytest.fixture
def ask(host):
    def posted(path, **body):
        return requests.post(host + path, json=body, timeout=60)

    return posted


def test_one_object(ask):
    options = {"temperature": 0.1, "num_predict": 1000}
    reply = ask("/api/generate", model=MODEL, prompt="hi", stream=False, options=options)
    reply.raise_for_status()
    assert reply.json().get("response", "").strip() == "Hello <b>"


async def test_sampling_where_ollama_does_not_look(host):
    body = {"model": MODEL, "prompt": "hi", "stream": False, "temperature": 0.3, "num_predict": 4}
    async with httpx.AsyncClient(timeout=60.0) as client:
        replies = await asyncio.gather(
            *(client.post(f"{host}/api/generate", json=body) for _ in range(5))
        )
    assert {reply.json()["response"] for reply in replies} == {"Hello <b>"}


def test_lines(host):
    body = {"model": MODEL, "prompt": "hi"}
    texts = []
    with requests.post(f"{host}/api/generate", json=body, stream=True, timeout=60) as reply:
        for line in reply.iter_lines():
            part = json.loads(line)
            texts.append(part["response"])
            if part["done"]:
                break
    assert texts == ["Hello", " <b>", ""]


def test_a_schema_makes_sure_of_json(ask):
    schema = {"type": "array", "items": {"type": "string"}}
    reply = ask("/api/generate", model=MODEL, prompt="Entities: 'Ada'", stream=False, format=schema)
    text = reply.json()["response"]
    assert json.loads(text[text.find("[") : text.rfind("]") + 1]) == ["Ada"]


def test_a_picture(ask, picture):
    body = {"model": MODEL, "prompt": "Read the page.", "images": [picture], "stream": False}
    assert ask("/api/generate", **body).json()["response"] == "Hello <b>"


def test_is_it_up(host):
    assert requests.get(f"{host}/api/version", timeout=5).json()["version"]
    models = requests.get(f"{host}/api/tags", timeout=5).json()["models"]
    assert any(model["name"].startswith(MODEL) for model in models)


def test_show(ask, host):
    assert ask("/api/show", name=MODEL).json()["details"]
    by_get = requests.get(f"{host}/api/show", json={"name": MODEL}, timeout=5)
    assert by_get.status_code != 200


def test_pull(ask):
    reply = ask("/api/pull", name=MODEL)
    assert "success" in reply.text
    assert json.loads(reply.text.splitlines()[-1]) == {"status": "success"}


def test_embeddings(ask):
    reply = ask("/api/embeddings", model="nomic-embed-text", prompt="a")
    assert reply.json()["embedding"] == pytest.approx([3, 4, 0, 0])
    assert len(ask("/api/embed", model="nomic-embed-text", input=["a", "b"]).json()["embeddings"])


def test_a_model_that_is_missing(ask):
    reply = ask("/api/generate", model="nope", prompt="hi", stream=False)
    assert (reply.status_code, reply.json()) == (404, {"error": "model 'nope' not found"})
    with pytest.raises(requests.HTTPError, match="404"):
        reply.raise_for_status()


def test_leaving_in_the_middle(host):
    body = {"model": MODEL, "prompt": "SLOW"}
    with httpx.stream("POST", f"{host}/api/generate", json=body) as reply:
        assert json.loads(next(reply.iter_lines()))["response"] == "Hello"
    assert requests.get(f"{host}/api/version", timeout=5).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_chat_as_a_pipeline_asks_for_it(host, stream):
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "### Question: hi ### Answer:"}],
        "max_tokens": 1024,
        "top_p": 0.95,
        "stream": stream,
        "frequency_penalty": 0.0,
        "temperature": 0.01,
    }
    url = f"{host}/v1/chat/completions"
    with requests.post(url, json=body, stream=stream, timeout=60) as reply:
        if not stream:
            assert reply.json()["choices"][0]["message"]["content"] == "Hello <b>"
            return
        lines = [line.decode() for line in reply.iter_lines() if line]
    assert lines.pop() == "data: [DONE]"
    deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in lines]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hello <b>"
