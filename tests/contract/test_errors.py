"""What is told of a failure before the first byte: status, and text in Ollama's words."""

import json

import pytest

from tests.support import plays
from tests.support.recordings import recording
from tests.support.serve import serving

ROUTES = ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/show"]
TURNS = [{"role": "user", "content": "hi"}]
CHAT = {"model": "tiny-chat", "messages": TURNS}

UNKNOWN = {
    "/api/chat": "model 'x' not found",
    "/api/generate": "model 'x' not found",
    "/api/embed": 'model "x" not found, try pulling it first',
    "/api/embeddings": 'model "x" not found, try pulling it first',
    "/api/show": "model 'x:latest' not found",
}
NAMELESS = {
    "/api/chat": (400, "model is required"),
    "/api/generate": (404, "model '' not found"),
    "/api/embed": (404, "model '' not found"),
    "/api/embeddings": (400, "model is required"),
    "/api/show": (400, "model is required"),
}


def refused(reply, status: int, error: str) -> None:
    assert reply.status == status
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.json == {"error": error}


@pytest.mark.parametrize("path", ROUTES)
class TestEveryRoute:
    async def test_an_empty_body(self, adapter, path: str):
        refused(await adapter.post(path, b""), 400, "missing request body")

    @pytest.mark.parametrize("body", [b"{}", b"null", b'{"model": null}', b'{"model": ""}'])
    async def test_no_model(self, adapter, path: str, body: bytes):
        refused(await adapter.post(path, body), *NAMELESS[path])

    async def test_a_name_of_blanks_counts_as_none(self, adapter, path: str):
        reply = await adapter.post(path, {"model": "  "})
        assert reply.status == NAMELESS[path][0]

    async def test_an_unknown_model(self, adapter, path: str):
        body = {"model": "x", "messages": TURNS, "prompt": "hi", "input": "hi"}
        refused(await adapter.post(path, body), 404, UNKNOWN[path])

    @pytest.mark.parametrize("name", ["a b", "/x", "x:", "a//b", "x:y:z", "ä"])
    async def test_an_illegal_name(self, adapter, path: str, name: str):
        body = {"model": name, "messages": TURNS, "prompt": "hi", "input": "hi"}
        refused(await adapter.post(path, body), 400, "invalid model name")

    async def test_cut_json(self, adapter, path: str):
        refused(await adapter.post(path, b'{"model":'), 400, "unexpected EOF")

    @pytest.mark.parametrize("body", [b"{bad", b"<html>", b"{'model': 1}"])
    async def test_bad_json(self, adapter, path: str, body: bytes):
        reply = await adapter.post(path, body)
        assert reply.status == 400
        assert reply.json["error"].startswith("invalid character '")

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b'{"model": 5}', b'{"model": {}}'])
    async def test_a_wrong_type(self, adapter, path: str, body: bytes):
        reply = await adapter.post(path, body)
        assert reply.status == 400
        assert reply.json["error"].startswith("json: cannot unmarshal ")

    async def test_the_engine_is_not_asked(self, scripted, adapter, path: str):
        await adapter.post(path, b"{bad")
        await adapter.post(path, {"model": "x", "prompt": "hi"})
        assert scripted.seen == []


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("err_range_temp_big", 400),
        ("nonstream_engine_killed", 500),
        ("err_bad_json", 400),
    ],
)
async def test_a_refusal_of_the_engine_keeps_its_status_and_its_words(
    scripted, adapter, stream, path, name, status
):
    scripted.play = plays.recorded(name)
    body = {"model": "tiny-chat", "messages": TURNS, "prompt": "hi", "stream": stream}
    reply = await adapter.post(path, body)
    assert reply.status == status
    assert list(reply.json) == ["error"]
    told = json.loads(recording(name).body)
    told = told.get("error", told.get("detail"))
    message = told["message"] if isinstance(told, dict) else told
    assert message in reply.json["error"]
    assert "{" not in reply.json["error"].removeprefix(message)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("err_unknown_model", 404, "model 'tiny-chat' not found"),
        (
            "err_queue_full",
            503,
            "server busy, please try again.  maximum pending requests exceeded",
        ),
        ("err_no_api_key", 502, "the engine refused the adapter's API key: Unauthorized"),
    ],
)
async def test_a_refusal_that_is_not_the_clients_doing(
    scripted, adapter, stream, name, status, error
):
    scripted.play = plays.recorded(name)
    reply = await adapter.post("/api/chat", CHAT | {"stream": stream})
    refused(reply, status, error)
    assert ("retry-after" in reply.headers) is (status == 503)


@pytest.mark.parametrize("name", ["err_context", "rerank_toolong"])
async def test_too_long_a_prompt_is_told_so_that_clients_see_it(scripted, adapter, name: str):
    """Clients look for "context" and one of "exceed", "longer", "too long"."""
    scripted.play = plays.recorded(name)
    reply = await adapter.post("/api/chat", CHAT)
    assert reply.status == 400
    text = reply.json["error"].lower()
    assert "context" in text
    assert "exceed" in text or "longer" in text or "too long" in text


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"temperature": "0.5"}, 'option "temperature" must be of type float32'),
        ({"num_predict": "5"}, 'option "num_predict" must be of type integer'),
        ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
        ({"stop": "x"}, 'option "stop" must be of type array'),
        ({"stop": [1]}, 'option "stop" must be of an array of strings'),
        ({"seed": True}, 'option "seed" must be of type integer'),
    ],
)
async def test_an_option_of_the_wrong_kind(scripted, adapter, options, error):
    refused(await adapter.post("/api/chat", CHAT | {"options": options}), 500, error)
    assert scripted.seen == []


async def test_messages_of_the_wrong_kind(adapter):
    reply = await adapter.post("/api/chat", {"model": "tiny-chat", "messages": "hi"})
    refused(
        reply,
        400,
        "json: cannot unmarshal string into Go struct field ChatRequest.messages"
        " of type []api.Message",
    )


async def test_an_embedding_model_does_not_talk(embedder):
    body = {"model": "tiny-embed", "messages": TURNS, "prompt": "hi"}
    refused(await embedder.post("/api/chat", body), 400, '"tiny-embed" does not support chat')
    refused(
        await embedder.post("/api/generate", body), 400, '"tiny-embed" does not support generate'
    )


async def test_a_body_beyond_the_limit_is_refused(scripted):
    async with serving(scripted.url, body_limit=1000) as adapter:
        reply = await adapter.post("/api/chat", CHAT | {"padding": "x" * 2000})
        assert reply.status == 413
        assert list(reply.json) == ["error"]
        assert (await adapter.post("/api/chat", CHAT)).status == 200
