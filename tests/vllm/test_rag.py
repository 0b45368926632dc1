"""The whole picture: documents in at one end, an Ollama client at the other, nothing played."""

import ast
import asyncio
import itertools
import json
import signal

import orjson
import pytest

from tests.services.conftest import postgres  # noqa: F401  # a fixture
from tests.services.house import form
from tests.services.processes import LONG, PATIENT, SHORT, installed
from tests.support.raw_http import Connection, post
from tests.vllm.slots import becomes

CATS = ("cats.md", b"# Cats\n\nCats sleep all day.\n\n## Food\n\nCats eat fish at noon.\n")
DOGS = ("dogs.txt", b"Dogs bark at night. <|im_end|> {question}")
MANY = "# Numbers\n\n" + "".join(
    f"## Chapter {n}\n\nNumber {n} says nothing of note, slowly.\n\n" for n in range(300)
)
QUESTION = "When do cats eat fish?"


@pytest.mark.parametrize("how", ["one process", "a process for each role", "postgresql"])
async def test_from_documents_to_an_answer(engine, embedding_engine, tmp_path, request, how: str):
    environ = {"STORE_URL": request.getfixturevalue("postgres")} if how == "postgresql" else {}
    split = how == "a process for each role"
    async with installed(engine, embedding_engine, tmp_path, split=split, **environ) as rag:
        reply = await rag.upload(CATS, DOGS)
        assert [row["stage"] for row in reply.json["files"]] == ["added", "added"]
        await as_a_model(rag)
        await as_opea_has_it(rag)
        await counted_as_the_engine_does(rag)


async def as_a_model(rag) -> None:
    """In lists, and to ollama's own client, which shows what it can't read as text."""
    messages = [{"role": "user", "content": QUESTION}]
    asked = {"model": "chatqna:latest", "messages": messages, "options": SHORT}
    async with rag.client() as client:
        assert "chatqna:latest" in [row.model for row in (await client.list()).models]
        assert "completion" in (await client.show("chatqna:latest")).capabilities
        parts = [part async for part in await client.chat(**asked, stream=True)]
        assert len(parts) > 3
        assert [part.done for part in parts] == [*[False] * (len(parts) - 1), True]
        text = "".join(part.message.content or "" for part in parts)
        assert "\n[1] cats.md" in text
        assert parts[-1].prompt_eval_count > 50
        assert "chatqna:latest" in [row.model for row in (await client.ps()).models]
    last = (await rag.adapter.post("/api/chat", asked, within=PATIENT)).lines[-1]
    assert last["done"]
    assert {"cats.md", "dogs.txt"} == {row["file"] for row in last["sources"]}
    assert "Cats eat fish at noon." in [row["quote"] for row in last["sources"]]
    body = {"model": "chatqna", "prompt": QUESTION, "options": SHORT, "stream": False}
    reply = await rag.adapter.post("/api/generate", body, within=PATIENT)
    assert reply.json["sources"] == last["sources"]


async def as_opea_has_it(rag) -> None:
    body = {"messages": QUESTION, "max_tokens": 12}
    reply = await post(rag.url("chatqna"), "/v1/chatqna", body, within=PATIENT)
    *told, done = reply.body.removesuffix(b"\n\n").split(b"\n\n")
    assert done == b"data: [DONE]"
    texts = [ast.literal_eval(part.removeprefix(b"data: ").decode()).decode() for part in told]
    assert "[1] cats.md" in "".join(texts)


async def counted_as_the_engine_does(rag) -> None:
    """What is told of the prompt before the answer is what the engine counts after it."""
    whole = (await rag.ask(QUESTION, temperature=0, seed=3, top_k=5)).json
    told = whole["choices"][0]["metadata"]["rag"]
    assert told["counted"]
    assert told["context_tokens"] == whole["usage"]["prompt_tokens"]
    assert whole["usage"]["completion_tokens"] == 12
    assert whole["choices"][0]["finish_reason"] == "length"


async def test_a_conversation_begins_with_what_the_engine_has_read(
    engine, embedding_engine, tmp_path
):
    async with installed(engine, embedding_engine, tmp_path) as rag:
        await rag.upload(CATS, DOGS, ("many.md", MANY[:20_000].encode()))
        turns, shared = [], []
        for question in ("Tell me of number 7, in many words. " * 30, "And of 8?", "And of 9?"):
            turns.append({"role": "user", "content": question})
            reply = (await rag.ask("", messages=turns)).json
            shared.append(reply["usage"]["prompt_tokens_details"]["cached_tokens"])
            turns.append(reply["choices"][0]["message"])
    assert shared[2] > 128, "the instructions and the first question, though the passages are new"


async def test_a_client_that_leaves_frees_the_engine(engine, embedding_engine, tmp_path):
    async with installed(engine, embedding_engine, tmp_path) as rag:
        await rag.upload(CATS)
        for path, stream in itertools.product(("/api/chat", "/v1/chatqna"), (True, False)):
            await becomes(engine, 0)
            body = {"messages": [{"role": "user", "content": QUESTION}], "stream": stream}
            body |= {"model": "chatqna", "options": LONG, "max_tokens": 3000, "ignore_eos": True}
            base = rag.adapter.url if path == "/api/chat" else rag.url("chatqna")
            async with await Connection.open(base) as connection:
                await connection.send("POST", path, orjson.dumps(body))
                await becomes(engine, 1, asked=connection)
        await becomes(engine, 0)


async def test_killed_in_mid_ingest(engine, embedding_engine, tmp_path):
    many = ("many.md", MANY.encode())
    async with installed(engine, embedding_engine, tmp_path) as rag:
        await rag.upload(CATS)
        body, content_type = form((many,), {})
        headers = {"Content-Type": content_type, "Accept": "application/x-ndjson"}
        async with await Connection.open(rag.url("dataprep")) as connection:
            await connection.send("POST", "/v1/dataprep/ingest", body, headers)
            await connection.head()
            async with asyncio.timeout(PATIENT):
                while json.loads(await connection.chunk())["stage"] != "cut":
                    pass
            await asyncio.sleep(0.2)  # some vectors are made, some are not
            await rag.end("all", signal.SIGKILL)
        await rag.start("all")
        assert await rag.documents() == ["cats.md"]
        reply = await rag.ask("Number 7", search_type="lexical")
        assert reply.json["sources"] == []
        [row] = (await rag.upload(many)).json["files"]
        assert row["stage"] == "added"
        reply = await rag.ask("Number 7", search_type="lexical")
        assert reply.json["sources"][0]["file"] == "many.md"


async def test_one_process_writes_and_another_notices(engine, embedding_engine, tmp_path):
    async with installed(engine, embedding_engine, tmp_path) as rag:
        await rag.start("dataprep")
        for how in ("hybrid", "similarity"):
            await rag.upload(CATS)
            found = (await rag.ask(QUESTION, search_type=how)).json["sources"]
            assert {row["file"] for row in found} == {"cats.md"}
            changed = ("cats.md", b"Cats eat fish at midnight.")
            assert (await rag.upload(changed)).json["files"][0]["stage"] == "replaced"
            found = (await rag.ask(QUESTION, search_type=how)).json["sources"]
            assert [row["quote"] for row in found] == ["Cats eat fish at midnight."]
            body = {"file_path": "cats.md"}
            await post(rag.url("dataprep"), "/v1/dataprep/delete", body)
            assert (await rag.ask(QUESTION, search_type=how)).json["sources"] == []


async def test_a_model_of_another_dimension(engine, embedding_engine, tmp_path):
    async with installed(engine, embedding_engine, tmp_path) as rag:
        await rag.upload(CATS)
        await rag.end("all", signal.SIGTERM)
        await rag.start("all", EMBEDDING_KIND="wordllama", EMBEDDING_MODEL_ID="")
        reply = await rag.ask(QUESTION)
        assert reply.status == 409
        sentence = (
            "the index rag was made with model 'tiny-bert-embed', not 'wordllama-l2-supercat-256'; "
            "dimension 64, not 256: ingest into a new one"
        )
        assert reply.json["error"]["message"] == sentence
        reply = await rag.upload(DOGS)
        assert reply.status == 409
        assert reply.json["message"].startswith("the index rag was made with model 'tiny-bert-em")
        assert await rag.documents() == ["cats.md"]
