"""The smaller routes below /v1, and errors in the dialect of their path."""

import json
import re

import pytest
from aiohttp import web

from tests.support import plays
from tests.support.raw_http import send
from tests.support.recordings import recording
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import serving

HI = [{"role": "user", "content": "hi"}]
GOOD = {"model": "nope", "messages": HI, "input": "a", "prompt": "a", "max_tokens": 5}
OPENAI = (
    *("/v1/chat/completions", "/v1/completions", "/v1/responses"),
    *("/v1/rerank", "/v1/score", "/v1/tokenize", "/v1/detokenize", "/v1/systemone"),
)
ANTHROPIC = ("/v1/messages", "/v1/messages/count_tokens")


def openai_error(message: str, kind: str) -> dict:
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


async def test_models_in_openais_words(house):
    reply = await house.adapter.get("/v1/models")
    assert reply.json["object"] == "list"
    assert {row["id"] for row in reply.json["data"]} == {
        *("nat:latest", "natplain:latest", "gotmpl:latest", "bert:latest")
    }
    for row in reply.json["data"]:
        assert list(row) == ["id", "object", "created", "owned_by"]
        assert (row["object"], row["owned_by"]) == ("model", "library")
        assert isinstance(row["created"], int)


async def test_no_models_are_an_empty_list():
    empty = ScriptedVLLM(plays.recorded("chat_nonstream"), models=())
    await empty.up()
    async with serving(empty.url) as adapter:
        await adapter.until_ready()
        assert (await adapter.get("/v1/models")).text == '{"object":"list","data":[]}'
    await empty.down()


@pytest.mark.parametrize("name", ["nat", "NAT:latest", "library/nat", "library%2Fnat"])
async def test_a_model_under_the_name_in_the_path(house, name):
    reply = await house.adapter.get(f"/v1/models/{name}")
    assert (reply.status, reply.json["id"]) == (200, name.replace("%2F", "/"))


async def test_a_model_that_is_not_there(house):
    for name in ("x", "a/x"):
        reply = await house.adapter.get(f"/v1/models/{name}")
        message = f"model '{name}:latest' not found"
        assert (reply.status, reply.json) == (404, openai_error(message, "not_found_error"))


@pytest.mark.parametrize("path", OPENAI)
async def test_an_unknown_model_in_openais_dialect(house, path):
    reply = await house.adapter.post(path, GOOD)
    expected = openai_error("model 'nope' not found", "not_found_error")
    assert (reply.status, reply.json) == (404, expected)


@pytest.mark.parametrize("path", ANTHROPIC)
async def test_an_unknown_model_in_anthropics_dialect(house, path):
    reply = await house.adapter.post(path, GOOD)
    assert reply.status == 404
    assert list(reply.json) == ["type", "error", "request_id"]
    assert reply.json["error"] == {"type": "not_found_error", "message": "model 'nope' not found"}
    assert re.fullmatch("req_[0-9a-f]{24}", reply.json["request_id"])
    assert reply.headers["x-request-id"].startswith(reply.json["request_id"][4:])


@pytest.mark.parametrize(
    ("path", "inner"), [("/v1/messages", "overloaded_error"), ("/v1/completions", "api_error")]
)
async def test_an_engine_that_is_away(scripted, adapter, path, inner):
    await scripted.down()
    reply = await adapter.post(path, GOOD | {"model": "tiny-chat"})
    assert reply.status == 503
    assert reply.headers["retry-after"] == "2"
    assert reply.json["error"]["type"] == inner


@pytest.mark.parametrize("path", [*OPENAI, *ANTHROPIC, "/v1/embeddings"])
async def test_bodies_that_are_too_large_or_none(scripted, path):
    async with serving(scripted.url, body_limit=1000) as adapter:
        await adapter.until_ready()
        reply = await adapter.post(path, b"x" * 2000)
        assert (reply.status, type(reply.json["error"])) == (413, dict)
        reply = await adapter.post(path, b"{")
        assert (reply.status, reply.json["error"]["message"]) == (400, "unexpected EOF")


async def test_unknown_paths_stay_plain(house):
    reply = await house.adapter.post("/v1/images/generations", {})
    assert (reply.status, reply.text) == (404, "404 page not found")
    reply = await house.adapter.get("/v1/messages")
    assert (reply.status, reply.text) == (405, "405 method not allowed")


@pytest.mark.parametrize(
    ("path", "model", "name"),
    [
        ("/v1/rerank", "bert", "rerank_rerank"),
        ("/v1/score", "bert", "score_score"),
        ("/v1/tokenize", "natplain", "tokenize_prompt"),
        ("/v1/detokenize", "natplain", "detokenize"),
        ("/v1/messages/count_tokens", "natplain", "messages_count"),
    ],
)
async def test_what_ollama_does_not_have_is_passed_on(house, path, model, name):
    fields = {"query": "q", "documents": ["a"], "messages": HI, "unheard_of": 1}
    reply = await house.adapter.post(path, {"model": model.upper(), **fields})
    recorded = json.loads(recording(name).body)
    named = {"model": model.upper()} if "model" in recorded else {}
    assert (reply.status, reply.json) == (200, recorded | named)
    engine = house.embed if model == "bert" else house.chat
    assert engine.bodies[-1] == {"model": model, **fields}


@pytest.mark.parametrize("what", ["rerank", "score"])
async def test_what_the_engine_lacks_is_said(house, what):
    reply = await house.adapter.post(f"/v1/{what}", {"model": "natplain"})
    message = f'"natplain" does not support {what}'
    assert (reply.status, reply.json) == (400, openai_error(message, "invalid_request_error"))


def form(**fields: str) -> tuple[bytes, dict[str, str]]:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = 'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    sound = f"--b\r\n{file}Content-Type: audio/wav\r\n\r\nRIFF\r\n--b--\r\n"
    return "".join([*parts, sound]).encode(), {"Content-Type": "multipart/form-data; boundary=b"}


class Listener(ScriptedVLLM):
    """It reads forms where the others read JSON."""

    async def _perform(self, http):
        given = await http.post()
        texts = {name: value for name, value in given.items() if isinstance(value, str)}
        file = given["file"]
        self.heard = texts, (file.filename, file.content_type, file.file.read())
        if texts.get("response_format") == "text":
            return web.Response(text="hello\n")
        return web.json_response({"text": "hello"})


@pytest.fixture
async def listener():
    server = Listener(plays.recorded("chat_nonstream"), models=("whisper",), task="audio")
    await server.up()
    yield server
    await server.down()


@pytest.mark.parametrize("route", ["transcriptions", "translations"])
async def test_a_sound_is_passed_on_with_its_models_name(listener, route):
    models = {"ears": {"served_name": "whisper"}}
    async with serving(listener.url, models=models) as adapter:
        await adapter.until_ready()
        body, headers = form(model="EARS", language="en", prompt="ü")
        reply = await send(adapter.url, "POST", f"/v1/audio/{route}", body, headers)
        assert (reply.status, reply.json) == (200, {"text": "hello"})
        texts, file = listener.heard
        assert texts == {"model": "whisper", "language": "en", "prompt": "ü"}
        assert file == ("a.wav", "audio/wav", b"RIFF")
        body, headers = form(model="ears", response_format="text")
        reply = await send(adapter.url, "POST", f"/v1/audio/{route}", body, headers)
        assert (reply.status, reply.text) == (200, "hello\n")
        assert reply.headers["content-type"].startswith("text/plain")


async def test_sounds_that_are_none(house):
    reply = await house.adapter.post("/v1/audio/transcriptions", {"model": "nat"})
    assert reply.status == 400
    assert reply.json["error"]["message"].startswith("failed to parse multipart form: ")
    for fields, message in (
        ({"language": "en"}, "model is required"),
        ({"model": "nat"}, '"nat" does not support audio'),
    ):
        body, headers = form(**fields)
        url = house.adapter.url
        reply = await send(url, "POST", "/v1/audio/transcriptions", body, headers)
        assert (reply.status, reply.json["error"]["message"]) == (400, message)
