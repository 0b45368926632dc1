"""HTTP itself: framing, content types, methods, and the adapter's own routes."""

import json
import re

import pytest

from adapter import OLLAMA_VERSION
from tests.support import plays, words
from tests.support.raw_http import Connection, send

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}
JSON = json.dumps(CHAT).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/octet-stream"},
        {"Content-Type": "text/plain; charset=latin-1"},
        {"Content-Type": "nonsense"},
        {"Authorization": "Bearer whatever"},
        {"Accept-Encoding": "gzip, deflate, br"},
        {"Accept": "text/html"},
    ],
    ids=str,
)
async def test_no_header_changes_the_answer(adapter, headers):
    reply = await adapter.post("/api/chat", JSON, headers=headers)
    assert reply.status == 200
    assert reply.lines[-1]["done"] is True
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
async def test_an_answer_tells_where_its_time_went(scripted, adapter, path, stream):
    name = "chat_stream_usage" if stream or path == "/api/chat" else "chat_nonstream"
    scripted.play = plays.after(0.05, plays.recorded(name))
    reply = await adapter.post(path, CHAT | {"stream": stream})
    assert reply.status == 200
    told = re.fullmatch(
        r"queue;dur=(\d+\.\d\d), upstream;dur=(\d+\.\d\d)", reply.headers["server-timing"]
    )
    queue, upstream = map(float, told.groups())
    assert int(reply.headers["x-adapter-queue-ms"]) == int(queue)
    assert upstream >= 50


async def test_what_no_engine_was_asked_for_tells_of_none(adapter):
    reply = await adapter.post("/api/show", {"model": "tiny-chat"})
    assert not reply.headers.keys() & {"server-timing", "x-adapter-queue-ms"}


async def test_one_object_is_one_http_chunk(scripted, adapter):
    """Some clients parse each chunk as JSON."""
    scripted.play = plays.stream(words.answer(*"a long answer in single letters"))
    reply = await adapter.post("/api/chat", CHAT)
    assert reply.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in reply.headers
    for chunk in reply.chunks:
        assert chunk.count(b"\n") == 1
        assert chunk.endswith(b"}\n")
        json.loads(chunk)


async def test_events_that_arrive_together_still_make_single_chunks(scripted, adapter):
    events = words.answer("a", "b", "c", "d")
    scripted.play = plays.stream([b"".join(events)])
    reply = await adapter.post("/api/chat", CHAT)
    assert [chunk.count(b"\n") for chunk in reply.chunks] == [1, 1, 1, 1, 1]


async def test_a_line_is_sent_as_soon_as_its_text_is_there(scripted, adapter):
    scripted.play = plays.hang_after("chat_stream_usage", 3)
    async with await Connection.open(adapter.url) as connection:
        await connection.send("POST", "/api/chat", JSON)
        assert (await connection.head()).status == 200
        assert json.loads(await connection.chunk())["message"]["content"] == "\n"
        assert json.loads(await connection.chunk())["message"]["content"] == "\n"


async def test_an_old_client_gets_no_chunks(adapter):
    reply = await send(adapter.url, "POST", "/api/chat", JSON, version="1.0")
    assert reply.status == 200
    assert "transfer-encoding" not in reply.headers
    assert reply.lines[-1]["done"] is True


async def test_a_chunked_request_is_read(adapter):
    async with await Connection.open(adapter.url) as connection:
        head = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.writer.write(head + b"%x\r\n" % len(JSON[:9]) + JSON[:9] + b"\r\n")
        connection.writer.write(b"%x\r\n" % len(JSON[9:]) + JSON[9:] + b"\r\n0\r\n\r\n")
        assert (await connection.head()).status == 200


async def test_invalid_utf8_is_replaced(scripted, adapter):
    body = b'{"model":"tiny-chat","messages":[{"role":"user","content":"a\xffb"}]}'
    assert (await adapter.post("/api/chat", body)).status == 200
    assert scripted.bodies[0]["messages"][0]["content"] == "a\ufffdb"


async def test_many_requests_on_one_connection(adapter):
    async with await Connection.open(adapter.url) as connection:
        for _ in range(5):
            await connection.send("POST", "/api/chat", JSON)
            assert (await connection.head()).status == 200
            while await connection.chunk():
                pass


async def test_connections_to_the_engine_are_kept(scripted, adapter):
    ports = set()

    async def play(stage):
        ports.add(stage.http.transport.get_extra_info("peername")[1])
        await words.words(stage)

    scripted.play = play
    for _ in range(5):
        await adapter.post("/api/chat", CHAT)
    assert len(ports) == 1


async def test_the_banner(adapter):
    for path in ("/", ""):
        reply = await adapter.get(path or "/")
        assert (reply.status, reply.text) == (200, "Ollama is running")
        assert reply.headers["content-type"].startswith("text/plain")
    head = await send(adapter.url, "HEAD", "/")
    assert (head.status, head.body) == (200, b"")


async def test_the_version_is_one_that_clients_accept(adapter):
    """Copilot wants 0.6.4 or newer, others parse three numbers."""
    version = (await adapter.get("/api/version")).json["version"]
    assert version == OLLAMA_VERSION
    assert tuple(map(int, version.split("."))) >= (0, 6, 4)


@pytest.mark.parametrize("path", ["/api/nope", "/v2", "/favicon.ico", "/api"])
async def test_an_unknown_path(adapter, path: str):
    reply = await adapter.get(path)
    assert (reply.status, reply.text) == (404, "404 page not found")
    assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/chat", "POST"),
        ("PUT", "/api/generate", "POST"),
        ("DELETE", "/api/embed", "POST"),
        ("GET", "/api/embeddings", "POST"),
        ("GET", "/api/show", "POST"),
        ("POST", "/api/ps", "GET"),
        ("HEAD", "/api/ps", "GET"),
    ],
)
async def test_a_wrong_method(adapter, method: str, path: str, allow: str):
    reply = await send(adapter.url, method, path)
    assert reply.status == 405
    assert reply.headers["allow"] == allow
    if method != "HEAD":
        assert reply.text == "405 method not allowed"


async def test_a_trailing_slash_redirects(adapter):
    for method, path, status in (("GET", "/api/tags/", 301), ("POST", "/api/chat/", 307)):
        reply = await send(adapter.url, method, path, b"" if method == "POST" else None)
        assert reply.status == status
        assert reply.headers["location"] == path.rstrip("/")


async def test_a_request_has_an_id(adapter):
    ids = {(await adapter.post("/api/chat", CHAT)).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert (await adapter.post("/api/chat", b"{bad")).headers["x-request-id"]
    assert (await adapter.get("/api/tags")).headers["x-request-id"]


TRACE = {
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": "vendor=value",
}
PROMPT = {"model": "tiny-chat", "prompt": "hi"}
INPUT = {"model": "tiny-embed", "input": "hi"}


@pytest.mark.parametrize("more", [{}, {"Origin": "http://127.0.0.1"}], ids=["front", "aiohttp"])
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/chat", CHAT),
        ("/api/generate", PROMPT),
        ("/v1/chat/completions", CHAT),
        ("/v1/completions", PROMPT),
        ("/api/embed", INPUT),
        ("/api/embeddings", {"model": "tiny-embed", "prompt": "hi"}),
        ("/v1/embeddings", INPUT),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_engine_is_told_id_and_trace_and_nothing_else(
    scripted, adapter, scripted_embedder, embedder, path, asked, more
):
    own = {"X-Request-Id": "mine", "Cookie": "a=b", "Authorization": "Bearer mine"}
    headers = {"Content-Type": "application/json", **own, **TRACE, **more}
    at, engine = (embedder, scripted_embedder) if "embed" in path else (adapter, scripted)
    await at.post(path, asked, headers=headers)
    told = {name.lower(): value for name, value in engine.seen[-1].headers.items()}
    assert TRACE.items() <= told.items()
    assert told["x-request-id"] == "mine"
    assert not {"cookie", "authorization", "origin"} & told.keys()
    await at.post(path, asked)
    assert not TRACE.keys() & {name.lower() for name in engine.seen[-1].headers}


async def test_the_answer_names_the_engine(adapter):
    assert (await adapter.post("/api/chat", CHAT)).headers["x-adapter-upstream"] == "engine0"


async def test_health_is_of_the_process_and_ready_of_the_engine(scripted, adapter):
    assert (await adapter.get("/health")).status == 200
    assert (await adapter.get("/ready")).status == 200
    await scripted.down()
    assert (await adapter.post("/api/chat", CHAT)).status == 503
    assert (await adapter.get("/health")).status == 200
    assert (await adapter.get("/ready")).status == 503


async def test_metrics_can_be_scraped(adapter):
    await adapter.post("/api/chat", CHAT)
    reply = await adapter.get("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")
    assert "# TYPE " in reply.text


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_client_of_the_old_protocol_sees_the_end(adapter, connection: str):
    """It knows no chunks: only the closed connection tells it that the answer is over."""
    headers = {"Connection": connection}
    reply = await adapter.post("/api/chat", CHAT, headers=headers, version="1.0", within=5)
    assert "transfer-encoding" not in reply.headers
    assert reply.lines[-1]["done"] is True


async def test_a_body_that_is_not_encoded_as_it_says(adapter):
    reply = await adapter.post("/api/chat", b"not gzip", headers={"Content-Encoding": "gzip"})
    assert (reply.status, list(reply.json)) == (400, ["error"])


async def test_long_headers_are_taken(adapter):
    reply = await adapter.post("/api/chat", CHAT, headers={"Cookie": "a" * 20_000})
    assert reply.status == 200
