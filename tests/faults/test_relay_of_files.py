"""What passes between a client and a real Ollama: files of any size, in little memory; clients
that leave, servers that break off."""

import asyncio
import hashlib
import tracemalloc

import pytest
from aiohttp import web

from tests.support.machine import PROMPTLY
from tests.support.ollama_standin import PULLED, OllamaStandIn, lines, text_of
from tests.support.raw_http import Connection, send
from tests.support.serve import IMPATIENT, serving

MIB = 2**20
SIZE = 100 * MIB
GROWTH = 12 * MIB
"""What a passage of any size may take: a megabyte for each buffer between two sockets."""
CHAT = b'{"model":"nat","messages":[{"role":"user","content":"hi"}]}'


@pytest.fixture
async def ollama():
    async with OllamaStandIn() as standin:
        yield standin


@pytest.fixture
async def adapter(ollama):
    async with serving(ollamas={"vision": ollama.url}) as running:
        await running.until_ready()
        yield running


def file(gguf: bool) -> tuple[bytes, str]:
    """A megabyte that is sent a hundred times after its beginning, and the digest of it all."""
    head = b"GGUF" if gguf else b"{}  "
    piece = bytes(MIB)
    sha = hashlib.sha256(head)
    for _ in range(SIZE // MIB):
        sha.update(piece)
    return head, f"sha256:{sha.hexdigest()}"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
@pytest.mark.parametrize("gguf", [True, False], ids=["gguf", "for both"])
async def test_a_file_of_100_megabytes(ollama, adapter, gguf: bool, chunked: bool):
    head, digest = file(gguf)
    piece = bytes(MIB)
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(head) + SIZE}"
    async with await Connection.open(adapter.url) as connection:
        tracemalloc.start()
        begun = tracemalloc.get_traced_memory()[0]
        writer = connection.writer
        writer.write(
            f"POST /api/blobs/{digest} HTTP/1.1\r\nHost: 127.0.0.1\r\n{framing}\r\n\r\n".encode()
        )
        for data in (head, *[piece] * (SIZE // MIB)):
            writer.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
            await writer.drain()
        if chunked:
            writer.write(b"0\r\n\r\n")
        answer = await connection.head()
        peak = tracemalloc.get_traced_memory()[1] - begun
        tracemalloc.stop()
    assert answer.status == 201
    assert ollama.blobs[digest].size == len(head) + SIZE
    assert peak < GROWTH, f"{peak / MIB:.1f} MiB"


@pytest.mark.timeout(120)
async def test_an_answer_of_100_megabytes_to_a_slow_client(ollama, adapter):
    line = b'{"model":"nat","response":"' + b"x" * 10_000 + b'","done":false}\n'
    count = SIZE // len(line)

    async def long(http, asked):
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(http)
        for _ in range(count):
            await response.write(line)
        await response.write_eof()
        return response

    ollama.play("/api/chat", long)
    async with await Connection.open(adapter.url, receive_buffer=2**14) as connection:
        await connection.send("POST", "/api/chat", CHAT)
        await connection.head()
        tracemalloc.start()
        begun = tracemalloc.get_traced_memory()[0]
        await asyncio.sleep(0.5)  # it reads nothing for a while
        seen = 0
        while data := await connection.chunk():
            assert data == line
            seen += 1
        peak = tracemalloc.get_traced_memory()[1] - begun
        tracemalloc.stop()
    assert seen == count
    assert peak < GROWTH, f"{peak / MIB:.1f} MiB"


async def test_a_client_that_leaves_in_the_middle_of_a_file(ollama, adapter):
    _, digest = file(gguf=True)
    left = asyncio.Event()
    taking = ollama._blob

    async def blob(http):
        try:
            return await taking(http)
        except (asyncio.CancelledError, ConnectionError, web.HTTPException):
            raise
        finally:
            if http.method == "POST":
                left.set()

    ollama._blob = blob
    connection = await Connection.open(adapter.url)
    connection.writer.write(
        f"POST /api/blobs/{digest} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Length: {SIZE}\r\n\r\n".encode()
        + b"GGUF"
        + bytes(MIB)
    )
    await connection.writer.drain()
    await asyncio.sleep(0.1)
    await connection.close()
    async with asyncio.timeout(PROMPTLY):
        await left.wait()
    assert ollama.blobs == {}


@pytest.mark.parametrize("path", ["/api/chat", "/api/pull"])
async def test_a_client_that_leaves_a_stream(ollama, adapter, path: str):
    rows = PULLED if path == "/api/pull" else [{"model": "nat", "done": False}]
    ollama.play(path, lines(*rows[:2], then="hang"))
    connection = await Connection.open(adapter.url)
    await connection.send("POST", path, CHAT)
    await connection.head()
    await connection.chunk()
    assert ollama.in_flight == 1
    await connection.close()
    await ollama.until(lambda: (ollama.in_flight, ollama.gone) == (0, 1), within=PROMPTLY)


async def test_a_client_that_leaves_before_the_first_byte(ollama, adapter):
    async def hang(http, asked):
        await asyncio.Event().wait()

    ollama.play("/api/chat", hang)
    connection = await Connection.open(adapter.url)
    await connection.send("POST", "/api/chat", CHAT)
    await ollama.until(lambda: ollama.in_flight == 1)
    await connection.close()
    await ollama.until(lambda: (ollama.in_flight, ollama.gone) == (0, 1), within=PROMPTLY)


async def test_progress_comes_as_it_is_made(ollama, adapter):
    ollama.play("/api/pull", lines(*PULLED, delay=0.1))
    async with await Connection.open(adapter.url) as connection:
        await connection.send("POST", "/api/pull", b'{"model":"nat"}')
        await connection.head()
        loop = asyncio.get_running_loop()
        came = []
        while await connection.chunk():
            came.append(loop.time())
    assert len(came) == len(PULLED)
    assert came[-1] - came[0] > 0.3


@pytest.mark.parametrize("reads", [True, False])
async def test_an_ollama_that_does_not_take_a_file(reads: bool):
    """It answers what it is asked by the adapter, and hangs when it is sent a file."""
    ollama = OllamaStandIn()
    taking = ollama._blob

    async def blob(http):
        if http.method == "HEAD":
            return await taking(http)
        if reads:
            await http.read()
        await asyncio.Event().wait()

    ollama._blob = blob
    async with ollama, serving(ollamas={"vision": ollama.url}, timeouts=IMPATIENT) as adapter:
        await adapter.until_ready()
        data = b"GGUF" + bytes(16 * MIB)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        reply = await send(adapter.url, "POST", f"/api/blobs/{digest}", data)
        assert (reply.status, reply.json) == (
            504,
            {"error": f"a file was not {'answered' if reads else 'taken'} for 0.5 s"},
        )


async def test_silence_in_a_stream(ollama):
    begun = {"model": "nat", "done": False}
    ollama.play("/api/chat", lines(begun, then="hang"))
    async with serving(ollamas={"vision": ollama.url}, timeouts=IMPATIENT) as adapter:
        await adapter.until_ready()
        reply = await adapter.post("/api/chat", CHAT)
        assert reply.lines == [begun, {"error": "the engine vision was silent for 0.5 s"}]


async def test_a_stream_that_is_at_work_is_not_silent(ollama):
    async def slowly(http, asked):
        return await lines(*text_of(http, asked), delay=0.3)(http, asked)

    ollama.play("/api/chat", slowly)
    async with serving(ollamas={"vision": ollama.url}, timeouts=IMPATIENT) as adapter:
        await adapter.until_ready()
        reply = await adapter.post("/api/chat", CHAT)
        assert reply.lines[-1]["done"]


async def test_a_large_object_that_breaks_is_cut_off(ollama, adapter):
    async def breaks(http, asked):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = MIB
        await response.prepare(http)
        await response.write(bytes(MIB // 2))
        await asyncio.sleep(0.05)
        http.transport.close()
        await asyncio.Event().wait()

    ollama.play("/api/embed", breaks)
    reply = await adapter.post("/api/embed", b'{"model":"nat","input":"a"}')
    assert not reply.ended


async def test_events_that_break_off_end_in_an_error(ollama, adapter):
    async def breaks(http, asked):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(http)
        await response.write(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"cho')
        await asyncio.sleep(0.05)
        http.transport.close()
        await asyncio.Event().wait()

    ollama.play("/v1/chat/completions", breaks)
    reply = await adapter.post("/v1/chat/completions", CHAT)
    first, last, end = reply.text.split("\n\n")
    assert first == 'data: {"choices":[{"delta":{"content":"a"}}]}'
    assert last.startswith('data: {"error":{"message":"the engine vision broke off its answer"')
    assert end == ""
    assert "[DONE]" not in reply.text
