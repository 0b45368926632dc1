"""Models of a real Ollama behind the adapter: its answers, byte for byte."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from aiohttp import web

from tests.support.ollama_standin import EXCHANGES, OllamaStandIn, chats, lines
from tests.support.raw_http import Connection, Reply, send
from tests.support.serve import Adapter, serving

RELAYED = (
    *("/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/show"),
    *("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"),
    "/v1/messages",
)
KNOWN = {"nat", "natplain", "bert", "gotmpl", "NATPLAIN"}
CHAT = {"messages": [{"role": "user", "content": "hi"}]}


def about_a_model(exchange: dict) -> bool:
    path = exchange["request"]["line"].split(" ")[1]
    return path in RELAYED and bool(KNOWN & set(exchange.get("names", {}).values()))


OF_MODELS = [row for row in EXCHANGES.values() if about_a_model(row)]


@pytest.fixture
async def ollama() -> AsyncIterator[OllamaStandIn]:
    async with OllamaStandIn() as standin:
        yield standin


@pytest.fixture
async def adapter(ollama: OllamaStandIn) -> AsyncIterator[Adapter]:
    async with serving(ollamas={"vision": ollama.url}) as running:
        await running.until_ready()
        yield running


async def asked(url: str, exchange: dict) -> Reply:
    method, path, _ = exchange["request"]["line"].split(" ")
    return await send(url, method, path, exchange["request"]["body"].encode())


@pytest.mark.parametrize("exchange", OF_MODELS, ids=lambda exchange: exchange["id"])
async def test_an_answer_is_the_one_that_ollama_gave(ollama, adapter, exchange):
    direct = await asked(ollama.url, exchange)
    reply = await asked(adapter.url, exchange)
    assert (reply.status, reply.body) == (direct.status, direct.body)
    if exchange["response"].get("body") != "":
        assert reply.headers["content-type"] == direct.headers["content-type"]
    if direct.headers.get("content-type") == "application/x-ndjson":
        assert reply.chunks == direct.chunks
    assert reply.headers["x-adapter-upstream"] == "vision"
    assert "x-adapter-fallback" not in reply.headers
    assert ollama.asked[-1].body == exchange["request"]["body"].encode()


async def test_some_were_found():
    assert len(OF_MODELS) > 50


async def test_another_name_is_put_in_and_taken_out(ollama, adapter):
    ollama.play("/api/chat", chats)
    models = {"eyes": {"upstream": "vision", "served_name": "nat", "aliases": ["llava:7b"]}}
    async with serving(ollamas={"vision": ollama.url}, models=models) as running:
        await running.until_ready()
        raw = b'{ "options":{"model":"x"},"model" : "llava:7b","messages":[ {"role":"user"} ]}'
        reply = await running.post("/api/chat", raw)
        assert ollama.asked[-1].body == raw.replace(b'"llava:7b"', b'"nat:latest"')
        assert [line["model"] for line in reply.lines] == ["llava:7b"] * 3
        assert reply.headers["x-adapter-upstream"] == "vision"
        whole = await running.post("/api/chat", CHAT | {"model": "eyes", "stream": False})
        assert whole.json["model"] == "eyes"
        assert whole.headers["content-length"] == str(len(whole.body))
        tags = (await running.get("/api/tags")).json["models"]
    assert {row["name"] for row in tags} == {
        *("eyes:latest", "llava:7b", "bert:latest", "gotmpl:latest", "natplain:latest")
    }


async def test_lists_say_what_show_says_of_a_model(ollama):
    ollama.shows["nat:latest"] = ["tools", "thinking", "completion", "audio"]
    async with serving(ollamas={"vision": ollama.url}) as adapter:
        await adapter.until_ready()
        rows = {row["name"]: row for row in (await adapter.get("/api/tags")).json["models"]}
    assert rows["nat:latest"]["capabilities"] == ["completion", "tools", "thinking", "audio"]


async def test_headers_that_go_on_and_come_back(ollama, adapter):
    async def told(http, asked):
        headers = {"Access-Control-Allow-Origin": "*", "X-Own": "1"}
        return web.Response(text="{}", headers=headers)

    ollama.play("/api/chat", told)
    given = {"User-Agent": "GitHubCopilotChat/1", "Accept": "application/x-ndjson", "Cookie": "a=b"}
    given |= {"Authorization": "Bearer mine", "X-Request-Id": "my-id", "tracestate": "a=b"}
    reply = await adapter.post("/api/chat", CHAT | {"model": "nat"}, headers=given)
    sent = ollama.asked[-1].headers
    assert {name: sent.get(name) for name in given} == given | {
        "Cookie": None,
        "Authorization": None,
    }
    assert reply.headers["x-own"] == "1"
    assert "access-control-allow-origin" not in reply.headers


async def test_a_header_of_any_bytes(ollama, adapter):
    ollama.play("/api/chat", chats)
    async with await Connection.open(adapter.url) as connection:
        body = b'{"model":"nat","messages":[]}'
        head = b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: caf\xe9\r\n"
        connection.writer.write(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        assert (await connection.head()).status == 200


async def test_copilot_is_shown_the_name_that_it_asked_for(ollama):
    async def shows(http, asked):
        told = {"model_info": {"general.basename": asked.json["model"]}}
        return web.Response(body=orjson.dumps(told), content_type="application/json")

    ollama.play("/api/show", shows)
    models = {"eyes": {"upstream": "vision", "served_name": "nat"}}
    async with serving(ollamas={"vision": ollama.url}, models=models) as adapter:
        await adapter.until_ready()
        headers = {"User-Agent": "GitHubCopilotChat/1"}
        reply = await adapter.post("/api/show", {"model": "eyes"}, headers=headers)
    assert reply.json == {"model_info": {"general.basename": "eyes"}}


async def test_a_sound(ollama):
    async def hears(http, asked):
        assert b'filename="a.wav"' in asked.body
        assert b"nat:latest" in asked.body
        return web.json_response({"text": "hello"})

    ollama.play("/v1/audio/transcriptions", hears)
    models = {"ears": {"upstream": "vision", "served_name": "nat"}}
    async with serving(ollamas={"vision": ollama.url}, models=models) as adapter:
        await adapter.until_ready()
        form = (
            b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nears\r\n'
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
            b"Content-Type: audio/wav\r\n\r\nRIFF\r\n--x--\r\n"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        reply = await adapter.post("/v1/audio/transcriptions", form, headers=headers)
    assert (reply.status, reply.json) == (200, {"text": "hello"})
    assert reply.headers["x-adapter-upstream"] == "vision"


async def test_its_models_are_listed_as_it_lists_them(ollama, adapter):
    rows = {row["name"]: row for row in (await adapter.get("/api/tags")).json["models"]}
    assert list(rows) == [row["name"] for row in ollama.models]
    assert rows["bert:latest"] == ollama.models[0]
    ids = [row["id"] for row in (await adapter.get("/v1/models")).json["data"]]
    assert ids == [row["name"] for row in ollama.models]
    assert (await adapter.get("/v1/models/bert")).json["created"] == 1795231433
    ollama.loaded = ["nat:latest"]
    [loaded] = (await adapter.get("/api/ps")).json["models"]
    assert (loaded["name"], loaded["size_vram"], loaded["context_length"]) == (
        "nat:latest",
        1088,
        4096,
    )


async def test_its_counts_are_counted(ollama, adapter):
    ollama.play("/api/chat", chats)
    await adapter.post("/api/chat", CHAT | {"model": "nat"})
    labels = {"model": "nat:latest", "upstream": "vision"}
    assert await adapter.metric("adapter_prompt_tokens_total", **labels) == 7
    assert await adapter.metric("adapter_generated_tokens_total", **labels) == 2


def raw(head: bytes, body: bytes = b""):
    """These bytes, and the end of the connection."""

    async def play(http, asked):
        http.transport.write(head + b"Connection: close\r\n\r\n" + body)
        http.transport.close()
        await asyncio.Event().wait()

    return play


@pytest.mark.parametrize("path", ["/api/chat", "/api/show"])
@pytest.mark.parametrize(
    ("head", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n", 200, b"{}"),
        (b"HTTP/1.1 200 OK\r\n", 200, b""),
        (b"HTTP/1.1 204 No Content\r\n", 204, b""),
    ],
)
async def test_an_answer_without_a_type(
    ollama, adapter, path: str, head: bytes, status: int, body: bytes
):
    """Of a route that is read straight from the connection, and of one of aiohttp's."""
    ollama.play(path, raw(head, body))
    reply = await adapter.post(path, CHAT | {"model": "nat"})
    assert (reply.status, reply.body) == (status, body)
    assert reply.ended
    if status == 204:
        assert "transfer-encoding" not in reply.headers
        assert "content-length" not in reply.headers


async def test_what_ollama_has_no_route_for(adapter):
    reply = await adapter.post("/v1/rerank", {"model": "nat", "query": "q", "documents": ["d"]})
    assert reply.status == 400
    assert reply.json["error"]["message"] == '"nat" does not support rerank'


async def test_a_stream_that_breaks_never_looks_finished(ollama, adapter):
    begun = {"model": "nat", "message": {"role": "assistant", "content": "a"}, "done": False}
    ollama.play("/api/chat", lines(begun, begun, then="drop"))
    reply = await adapter.post("/api/chat", CHAT | {"model": "nat"})
    assert reply.status == 200
    assert [line.get("done") for line in reply.lines] == [False, False, None]
    assert reply.lines[-1] == {"error": "the engine vision broke off its answer"}


async def test_one_that_is_away_is_told_within_a_moment(ollama, adapter):
    await ollama.down()
    reply = await adapter.post("/api/chat", CHAT | {"model": "nat"})
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")
    assert "vision" in reply.json["error"]
    # The outage was noticed by this request, if not before; by the next one it is known.
    reply = await adapter.post("/api/chat", CHAT | {"model": "nat"})
    assert reply.status == 503
    assert "x-adapter-queue-ms" not in reply.headers


async def test_a_model_that_can_not_be_shown_takes_no_other_with_it(ollama):
    ollama.silent.add("bert:latest")
    ollama.shows["nat:latest"] = ["completion", "vision"]
    ollama.play("/api/chat", chats)
    async with serving(ollamas={"vision": ollama.url}) as adapter:
        await adapter.until_ready(within=2)
        for _ in range(6):
            assert (await adapter.get("/ready")).json["upstreams"] == {"vision": True}
            assert (await adapter.post("/api/chat", CHAT | {"model": "nat"})).status == 200
            await asyncio.sleep(1)
        rows = {row["name"]: row for row in (await adapter.get("/api/tags")).json["models"]}
        assert "vision" in rows["nat:latest"]["capabilities"]
        assert "bert:latest" in rows
        assert ollama.shown.count("nat:latest") == 1
