"""Older clients that applications stay with: what they sent, byte for byte, and what each reads.

They ask legacy routes, send every key with null or empty, and read other keys than the newest do.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_captures import OWN_HEADERS, check
from tests.support.machine import PROMPTLY
from tests.support.raw_http import Connection, Reply, send
from tests.support.theatre import TINY, Theatre, theatre
from tests.support.words import RAW_VECTOR, VECTOR

FOLDER = Path(__file__).parents[1] / "recordings" / "clients"
CLIENTS = ("langchain-community-0.3.0", "ollama-0.3.0", "ollama-0.4.4", "raw-http")
Row = dict[str, Any]


@pytest.fixture
async def house() -> AsyncIterator[Theatre]:
    async with theatre(TINY) as running:
        yield running


def rows(client: str, *steps: str) -> Iterator[Row]:
    """Its requests; those of some steps if they are named."""
    _, *lines = (FOLDER / f"{client}.jsonl").read_text().splitlines()
    found = [row for row in map(json.loads, lines) if not steps or row["step"] in steps]
    assert {row["step"] for row in found} >= set(steps)
    yield from found


def as_sent(row: Row) -> tuple[str, str, bytes | None, dict[str, str]]:
    headers = {k: v for k, v in row["headers"].items() if k.lower() not in OWN_HEADERS}
    body = None if row["body"] is None else row["body"].encode()
    return row["method"], row["path"], body, headers


async def replayed(house: Theatre, row: Row) -> Reply:
    return await send(house.url, *as_sent(row))


def texts_of_lines(reply: Reply, word: str) -> str:
    """langchain_community: every line that isn't empty is JSON; it reads a text in each."""
    lines = [json.loads(line) for line in reply.text.splitlines() if line]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    texts = [
        line["response"] if word == "response" else line["message"]["content"] for line in lines
    ]
    assert all(isinstance(text, str) for text in texts)
    return "".join(texts)


def text_of(row: Row, reply: Reply) -> str:
    """What the caller takes for the model's words."""
    asked = json.loads(row["body"])
    if row["path"] == "/v1/chat/completions":
        return text_of_openai(reply, streamed=asked["stream"])
    word = "response" if row["path"] == "/api/generate" else "message"
    if asked.get("stream", True):
        return texts_of_lines(reply, word)
    return reply.json["response"] if word == "response" else reply.json["message"]["content"]


def text_of_openai(reply: Reply, *, streamed: bool) -> str:
    if not streamed:
        return reply.json["choices"][0]["message"]["content"]
    *events, done = reply.text.removesuffix("\n\n").split("\n\n")
    assert done == "data: [DONE]"
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events]
    return "".join(delta.get("content") or "" for delta in deltas)


HELLO = "Hello <b>"
WORDS = {"chat_tools": "", "langchain_tools": "", "chat_schema": '{"name":"When"}'}
"""Step -> the model's words, where they aren't HELLO."""
IN_JSON = ("generate_json", "chat_json")
BROKEN = ("generate_broken", "chat_broken")
UNKNOWN = ("generate_unknown", "chat_unknown", "langchain_unknown", "embed_unknown")
GENERATING = ("/api/generate", "/api/chat", "/v1/chat/completions")


@pytest.mark.parametrize("client", CLIENTS)
async def test_words_that_a_client_reads(house: Theatre, client: str):
    own = [row for row in rows(client) if row["path"] in GENERATING]
    assert len(own) > 5
    for row in own:
        if row["step"] in (*BROKEN, *UNKNOWN):
            continue
        reply = await replayed(house, row)
        assert reply.status == 200, f"{row['step']}: {reply.body!r}"
        if row["path"] != "/v1/chat/completions":
            check(row | {"body": json.loads(row["body"])}, reply)
        text = text_of(row, reply)
        if row["step"] in IN_JSON:
            assert isinstance(json.loads(text), dict)
        else:
            assert text == WORDS.get(row["step"], HELLO), row["step"]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_model_that_is_unknown(house: Theatre, client: str):
    """404 for all; langchain_community's ChatOllama takes it for a server without /api/chat."""
    own = [row for row in rows(client) if row["step"] in UNKNOWN]
    assert own
    for row in own:
        reply = await replayed(house, row)
        embeds = row["path"].startswith("/api/embed")
        words = (
            'model "nope" not found, try pulling it first' if embeds else "model 'nope' not found"
        )
        assert (reply.status, reply.json) == (404, {"error": words})


@pytest.mark.parametrize("client", CLIENTS[:-1])
async def test_a_broken_stream_tells_and_is_never_done(house: Theatre, client: str):
    """langchain_community knows no line of an error: what it misses is `done`."""
    [row] = [row for row in rows(client) if row["step"] in BROKEN]
    reply = await replayed(house, row)
    assert reply.status == 200
    *before, last = reply.lines
    assert not any(line["done"] for line in before)
    assert list(last) == ["error"]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_that_leaves_in_the_middle_frees_the_engine(house: Theatre, client: str):
    own = [row for row in rows(client) if row["step"] in ("generate_slow", "chat_slow")]
    assert own
    for number, row in enumerate(own, 1):
        async with await Connection.open(house.url) as connection:
            await connection.send(*as_sent(row))
            assert (await connection.head()).status == 200
            assert b'"done":false' in await connection.chunk()
            assert house.chat.in_flight == 1
        await house.chat.until(lambda: house.chat.in_flight == 0, within=PROMPTLY)
        assert house.chat.gone == number


def flat(reply: Reply) -> list[float]:
    """/api/embeddings: one flat list, which is all that its readers look at."""
    return reply.json["embedding"]


def nested(reply: Reply) -> list[float]:
    """/api/embed: a list for each input, which is a list even for one text."""
    assert all(isinstance(vector, list) for vector in reply.json["embeddings"])
    return reply.json["embeddings"][0]


@pytest.mark.parametrize("client", CLIENTS)
async def test_vectors_in_the_shape_that_a_client_reads(house: Theatre, client: str):
    own = [row for row in rows(client) if row["path"] in ("/api/embed", "/api/embeddings")]
    for row in own:
        if row["step"] in UNKNOWN:
            continue
        reply = await replayed(house, row)
        assert reply.status == 200, f"{row['step']}: {reply.body!r}"
        legacy = row["path"] == "/api/embeddings"
        vector = (flat if legacy else nested)(reply)
        assert vector == pytest.approx(RAW_VECTOR if legacy else VECTOR)
        given = json.loads(row["body"]).get("input")
        if isinstance(given, list):
            assert len(reply.json["embeddings"]) == len(given)


async def test_a_text_for_each_request_and_the_prefix_within(house: Theatre):
    """langchain_community asks for one text after the other, and puts its own words before it."""
    for row in rows("langchain-community-0.3.0", "embed_documents", "embed_query"):
        await replayed(house, row)
    inputs = [body["input"] for body in house.embedder.bodies]
    assert [text if isinstance(text, str) else text[0] for text in inputs] == [
        "passage: Cats sleep all day.",
        "passage: Dogs bark at night.",
        "query: When do cats eat?",
    ]


SAMPLING = ("temperature", "top_p", "top_k", "max_tokens", "stop", "repetition_penalty", "seed")
REACHES: dict[tuple[str, str], Row] = {
    ("langchain-community-0.3.0", "generate"): {"temperature": 0.7},
    ("langchain-community-0.3.0", "generate_stop"): {"temperature": 0.7, "stop": ["\n", "END"]},
    ("langchain-community-0.3.0", "generate_every_parameter"): {
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 8,
        "repetition_penalty": 1.1,
    },
    ("langchain-community-0.3.0", "chat_invoke"): {"temperature": 0.1},
    ("ollama-0.3.0", "chat"): {},
    ("ollama-0.3.0", "chat_streamed"): {"temperature": 0.3},
    ("ollama-0.4.4", "chat_picture"): {"temperature": 0.3, "max_tokens": 64},
    ("raw-http", "generate_options"): {"temperature": 0.1, "max_tokens": 1000},
    ("raw-http", "generate_top_level"): {},
    ("raw-http", "v1_chat"): {"temperature": 0.01, "top_p": 0.95, "max_tokens": 1024},
}
"""What of a request's sampling the engine is told; a null, and what stands where Ollama doesn't
look, is as good as absent."""


@pytest.mark.parametrize(("client", "step"), REACHES)
async def test_sampling_that_reaches_the_engine(house: Theatre, client: str, step: str):
    [row] = rows(client, step)
    assert (await replayed(house, row)).status == 200
    [body] = house.chat.bodies
    told = {key: body[key] for key in SAMPLING if key in body}
    assert told == REACHES[client, step]
    assert None not in body.values()


@pytest.mark.parametrize(
    ("client", "step"),
    [
        ("langchain-community-0.3.0", "generate_picture"),
        ("langchain-community-0.3.0", "chat_picture"),
        ("ollama-0.3.0", "chat_picture"),
        ("ollama-0.4.4", "generate_picture"),
        ("raw-http", "ocr_page"),
    ],
)
async def test_a_picture_reaches_the_engine(house: Theatre, client: str, step: str):
    [row] = rows(client, step)
    assert (await replayed(house, row)).status == 200
    parts = house.chat.bodies[0]["messages"][-1]["content"]
    [picture] = [part for part in parts if part["type"] == "image_url"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")


@pytest.mark.parametrize("client", ["ollama-0.3.0", "ollama-0.4.4"])
async def test_a_call_of_a_tool(house: Theatre, client: str):
    steps = ("chat_tools", "langchain_tools") if client == "ollama-0.4.4" else ("chat_tools",)
    for row in rows(client, *steps):
        reply = await replayed(house, row)
        lines = reply.lines if json.loads(row["body"])["stream"] else [reply.json]
        calls = [call for line in lines for call in line["message"].get("tool_calls", ())]
        [function] = [call["function"] for call in calls]
        assert (function["name"], function["arguments"]) == ("get_weather", {"city": "Paris"})


def models_are_listed(reply: Reply) -> bool:
    names = [model["name"] for model in reply.json["models"]]
    return set(names) >= {"tiny:latest", "nomic-embed-text:latest"}


def is_pulled(reply: Reply) -> bool:
    """A script looks for the word; a client that streams reads the last line."""
    return "success" in reply.text and reply.lines[-1] == {"status": "success"}


ASKED: dict[str, Callable[[Reply], bool]] = {
    "tags": models_are_listed,
    "version": lambda reply: reply.json["version"].count(".") == 2,
    "ps": lambda reply: isinstance(reply.json["models"], list),
    "show": lambda reply: "completion" in reply.json["capabilities"],
    "show_by_name": lambda reply: {"details", "model_info"} <= {*reply.json},
    "pull": lambda reply: reply.json == {"status": "success"},
    "pull_streamed": is_pulled,
    "pull_by_name": is_pulled,
}


@pytest.mark.parametrize("client", CLIENTS[1:])
async def test_what_is_asked_about_models(house: Theatre, client: str):
    own = [row for row in rows(client) if row["step"] in ASKED]
    assert len(own) > 3
    for row in own:
        reply = await replayed(house, row)
        assert reply.status == 200, f"{row['step']}: {reply.body!r}"
        assert ASKED[row["step"]](reply), f"{row['step']}: {reply.body!r}"


async def test_show_by_get_is_no_route_of_ollama(house: Theatre):
    """Its caller wants no 200; the connection stays of use though there was a body."""
    [row] = rows("raw-http", "show_by_get")
    reply = await replayed(house, row)
    assert reply.status in (404, 405)
    async with await Connection.open(house.url) as connection:
        for _ in range(2):
            await connection.send(*as_sent(row))
            head = await connection.head()
            assert head.status == reply.status
            await connection.chunk()
