"""What older clients of Ollama sent, byte for byte but for the model's name, asked of the pipeline.

The same requests are asked of ordinary models in tests/contract/test_older_clients.py; here the
model is `chatqna:latest`, behind the adapter's port.
"""

from __future__ import annotations

import json

import pytest

from tests.clients import running
from tests.contract.test_older_clients import (
    BROKEN,
    CLIENTS,
    GENERATING,
    IN_JSON,
    UNKNOWN,
    Row,
    as_sent,
    rows,
    text_of,
)
from tests.services.house import DIMENSION, Rag, Stack, bag
from tests.support import strict
from tests.support.machine import PROMPTLY
from tests.support.raw_http import Connection, Reply, send
from tests.support.scripted_vllm import CHAT

CATS = ("cats.md", b"# Cats\n\nCats sleep all day.\n\n## Food\n\nCats eat fish at noon.\n")
QUESTION = "When do cats eat?"
NAMES = {b'"tiny"': b'"chatqna"', b'"tiny:latest"': b'"chatqna:latest"'}
NAMES |= {b'"nomic-embed-text"': b'"tiny-embed"'}
TOOLS = ("chat_tools", "langchain_tools")
CONSULTED = "\n\nConsulted, not cited:\n[1] cats.md, Cats\n[2] cats.md, Cats > Food"
"""The list of sources as a text: all that a client shows that drops what it doesn't know."""


def asked_of_the_pipeline(row: Row) -> tuple[str, str, bytes | None, dict[str, str]]:
    method, path, body, headers = as_sent(row)
    for told, meant in NAMES.items():
        body = body and body.replace(told, meant)
    return method, path, body, headers


async def replayed(rag: Rag, row: Row) -> Reply:
    return await send(rag.adapter, *asked_of_the_pipeline(row))


def questions(client: str) -> list[Row]:
    """Requests for an answer that gets one."""
    others = (*BROKEN, *UNKNOWN, *TOOLS, "generate_slow", "chat_slow")
    return [row for row in rows(client) if row["path"] in GENERATING and row["step"] not in others]


@pytest.mark.parametrize("client", CLIENTS)
async def test_an_answer_shows_its_sources_to_a_client_that_knows_none(rag: Rag, client: str):
    await rag.upload(CATS)
    for row in questions(client):
        reply = await replayed(rag, row)
        assert reply.status == 200, f"{row['step']}: {reply.body!r}"
        is_json = row["step"] in (*IN_JSON, "chat_schema")
        assert text_of(row, reply) == "Hello <b>" + ("" if is_json else CONSULTED), row["step"]


@pytest.mark.parametrize("client", CLIENTS)
async def test_what_stands_in_the_last_line(rag: Rag, client: str):
    """With the sources beside, an answer is fit for the strictest client but for `page`."""
    await rag.upload(CATS)
    for row in questions(client):
        if row["path"] == "/v1/chat/completions":
            continue
        reply = await replayed(rag, row)
        *before, last = reply.lines if json.loads(row["body"]).get("stream", True) else [reply.json]
        found = last.pop("sources")
        assert [source["quote"] for source in found] == [
            "Cats sleep all day.",
            "Cats eat fish at noon.",
        ]
        for line in (*before, last):
            strict.check_line(line)
        assert last["model"] == json.loads(row["body"])["model"].replace("tiny", "chatqna")
        assert last["done"]


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_question_is_looked_for_and_the_sampling_handed_on(
    stack: Stack, rag: Rag, client: str
):
    await rag.upload(CATS)
    for row in questions(client):
        asked = json.loads(row["body"])
        await replayed(rag, row)
        body = stack.chat.bodies[-1]
        sought = QUESTION if QUESTION in row["body"] else ""
        told = json.dumps(body["messages"][-1]["content"])  # a text, or parts beside a picture
        assert sought in told, row["step"]
        given = (asked.get("options") or asked).get("temperature")
        if "options" in asked or row["path"].startswith("/v1/"):
            assert body.get("temperature") == given, row["step"]
        else:
            assert "temperature" not in body, "Ollama looks for it among the options"


@pytest.mark.parametrize("client", CLIENTS[:-1])
async def test_a_broken_answer_is_told_once(rag: Rag, client: str):
    await rag.upload(CATS)
    for row in rows(client, *{row["step"] for row in rows(client)} & {*BROKEN}):
        reply = await replayed(rag, row)
        *before, last = reply.lines
        assert not any(line["done"] for line in before)
        assert last["error"].startswith("an error was encountered while running the model: Engine")


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_that_leaves_in_the_middle_frees_the_model(
    stack: Stack, rag: Rag, client: str
):
    await rag.upload(CATS)
    own = [row for row in rows(client) if row["step"] in ("generate_slow", "chat_slow")]
    for number, row in enumerate(own, 1):
        async with await Connection.open(rag.adapter) as connection:
            await connection.send(*asked_of_the_pipeline(row))
            assert (await connection.head()).status == 200
            assert b'"Hello"' in await connection.chunk()
        await stack.chat.until(lambda: stack.chat.in_flight == 0, within=PROMPTLY)
        assert stack.chat.gone == number
    assert {seen.path for seen in stack.chat.seen} >= {CHAT}


@pytest.mark.parametrize("client", CLIENTS[1:3])
async def test_tools_are_refused_as_by_ollama(rag: Rag, client: str):
    for row in (row for row in rows(client) if row["step"] in TOOLS):
        reply = await replayed(rag, row)
        assert (reply.status, reply.json) == (400, {"error": '"chatqna" does not support tools'})


@pytest.mark.parametrize("client", CLIENTS)
async def test_documents_and_questions_are_embedded_by_the_model_behind(rag: Rag, client: str):
    """The port is one for all: what embeds a client's texts embeds the pipeline's."""
    for row in rows(client):
        if row["step"] in UNKNOWN or not row["path"].startswith("/api/embed"):
            continue
        reply = (await replayed(rag, row)).json
        asked = json.loads(row["body"])
        if row["path"] == "/api/embeddings":
            assert reply["embedding"] == pytest.approx(bag(asked["prompt"]))
        else:
            given = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
            assert [len(vector) for vector in reply["embeddings"]] == [DIMENSION] * len(given)


@pytest.mark.parametrize("client", CLIENTS[1:])
async def test_the_pipeline_is_listed_shown_and_pulled(rag: Rag, client: str):
    for row in rows(client):
        if row["step"] not in ("tags", "show", "show_by_name", "pull", "pull_by_name", "ps"):
            continue
        reply = await replayed(rag, row)
        assert reply.status == 200, row["step"]
        word = "success" if row["step"].startswith("pull") else "chatqna"
        assert word in reply.text or row["step"] == "ps"


@pytest.mark.clients
@pytest.mark.timeout(240)
@pytest.mark.parametrize("family", ["langchain-community", "ollama-python-03", "ollama-python-04"])
async def test_the_clients_themselves(rag: Rag, family: str):
    """What they do is in tests/clients/sessions/ask_FAMILY.py."""
    await rag.upload(CATS)
    (await running.own_session(family, rag.adapter, "ask")).judge()
