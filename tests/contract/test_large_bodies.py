"""Bodies of megabytes: the same answers, from work that is done beside the event loop."""

import base64
import json
import threading

import pytest

from adapter.wire import longtext
from tests.support import plays
from tests.support.serve import serving

PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(75_000)).decode()
TEXT = 'hello "wörld"\n' * 80_000
DATA_URL = f"data:image/png;base64,{PICTURE}"
PARTS = [{"type": "image_url", "image_url": {"url": DATA_URL}}] * 20

TURN = {"role": "user", "content": TEXT}
CHAT = {"model": "tiny-chat", "messages": [TURN], "stream": False}
GENERATE = {"model": "tiny-chat", "prompt": TEXT, "stream": False}
V1_CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": PARTS}]}
REQUESTS = {"/api/chat": CHAT, "/api/generate": GENERATE, "/v1/chat/completions": V1_CHAT}


def content(body: dict) -> object:
    return body["messages"][-1]["content"]


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads in which bodies were read."""
    seen = []
    take_out = longtext.take_out

    def taking_out(body: longtext.Json) -> longtext.Taken:
        seen.append(threading.get_ident())
        return take_out(body)

    monkeypatch.setattr(longtext, "take_out", taking_out)
    return seen


@pytest.mark.parametrize("path", REQUESTS)
async def test_they_are_read_beside_the_loop(scripted, adapter, threads: list[int], path: str):
    reply = await adapter.post(path, REQUESTS[path])
    assert reply.status == 200, reply.text
    assert threads
    assert threading.get_ident() not in threads
    [body] = scripted.bodies
    assert content(body) == (PARTS if path.startswith("/v1") else TEXT)


async def test_a_small_one_is_read_at_once(scripted, adapter, threads: list[int]):
    await adapter.post("/api/chat", CHAT | {"messages": [{"role": "user", "content": "hi"}]})
    assert threads == [threading.get_ident()]


async def test_many_pictures(scripted):
    models = {"tiny-chat": {"capabilities": ["completion", "vision"]}}
    async with serving(scripted.url, models=models) as adapter:
        await adapter.until_ready()
        turn = {"role": "user", "content": "what?", "images": [PICTURE] * 20}
        reply = await adapter.post("/api/chat", CHAT | {"messages": [turn]})
    assert reply.status == 200, reply.text
    [body] = scripted.bodies
    assert content(body) == [*PARTS, {"type": "text", "text": "what?"}]


async def test_many_messages(scripted, adapter):
    turns = [{"role": "user", "content": str(number)} for number in range(5_000)]
    assert (await adapter.post("/api/chat", CHAT | {"messages": turns})).status == 200
    [body] = scripted.bodies
    assert body["messages"] == turns


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"model":"tiny-chat","messages":[', "unexpected EOF"),
        (
            json.dumps({"messages": [{"content": TEXT}, {"content": 5}]}).encode(),
            "json: cannot unmarshal number into Go struct field "
            "ChatRequest.messages.content of type string",
        ),
        (
            json.dumps({"messages": [{"images": [PICTURE[:-1] + "!"]}]}).encode(),
            f"illegal base64 data at input byte {len(PICTURE) - 1}",
        ),
    ],
    ids=["cut", "a wrong type", "no base64"],
)
async def test_what_is_wrong_is_told_as_of_small_ones(adapter, body: bytes, error: str):
    padding = b'{"options":{"x":"' + b"a" * 100_000 + b'"},'
    reply = await adapter.post("/api/chat", padding + body[1:])
    assert (reply.status, reply.json["error"]) == (400, error)


async def test_vectors_of_megabytes_come_in_order(scripted_embedder, embedder):
    rows = [{"index": at, "embedding": [1.0, at, 0.5] * 100} for at in range(600)]
    scripted_embedder.play = plays.refuse(200, {"data": rows, "usage": {"prompt_tokens": 7}})
    inputs = ["x"] * len(rows)
    native = await embedder.post("/api/embed", {"model": "tiny-embed", "input": inputs})
    other = await embedder.post("/v1/embeddings", {"model": "tiny-embed", "input": inputs})
    assert native.headers["content-length"] == str(len(native.body))
    assert [row[1] / row[0] for row in native.json["embeddings"]] == pytest.approx(range(600))
    assert [row["embedding"] for row in other.json["data"]] == native.json["embeddings"]
    assert native.json["prompt_eval_count"] == 7
