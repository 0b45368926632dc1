"""The scripted reranker likes texts by their length; its answers have the recorded shape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.services.house import Rag, Stack, bags
from tests.support.recordings import recording
from tests.support.scripted_vllm import Stage

TEXTS = ["middling", "short", "the longest of them"]
ORDER = [2, 0, 1]
_RERANK = orjson.loads(recording("rerank_rerank").body)


async def by_length(stage: Stage) -> None:
    body = stage.received.body
    if stage.received.path != "/v1/rerank":
        await bags(stage)
        return
    if "SLOW" in body["query"]:
        await asyncio.sleep(2)
    results = [
        {"index": at, "document": {"text": text}, "relevance_score": len(text) / 100}
        for at, text in enumerate(body["documents"])
    ]
    results.sort(key=lambda row: -float(str(row["relevance_score"])))
    if "HALF" in body["query"]:
        results.pop()
    answer = _RERANK | {"model": body["model"], "results": results}
    reply = orjson.dumps([] if "LIST" in body["query"] else answer)
    await stage.head(200, {"content-type": "application/json"}, length=len(reply))
    await stage.write(reply)


@pytest.fixture
async def ranked(stack: Stack) -> AsyncIterator[Rag]:
    """With a reranker: the embedding engine has its route, too."""
    stack.embed.play = by_length
    async with stack.up(rerank_model="tiny-embed", rerank_seconds=0.3) as running:
        yield running


async def test_as_tei_and_as_cohere_have_it(ranked: Rag):
    rows = (await ranked.post("reranker", "/rerank", {"query": "q", "texts": TEXTS})).json
    assert [row["index"] for row in rows] == ORDER
    assert rows[0].keys() == {"index", "score"}
    body = {"query": "q", "documents": TEXTS, "top_n": 2}
    results = (await ranked.post("reranker", "/v1/rerank", body)).json["results"]
    assert [row["index"] for row in results] == ORDER[:2]
    assert results[0]["document"] == {"text": TEXTS[2]}


async def test_opeas_three_forms(ranked: Rag):
    docs = [{"text": text} for text in TEXTS]
    body = {"initial_query": "q", "retrieved_docs": docs}
    reply = (await ranked.post("reranker", "/v1/reranking", body)).json
    assert reply == {"query": "q", "documents": [TEXTS[2]]}
    body = {"input": "q", "retrieved_docs": docs, "top_n": 2}
    reply = (await ranked.post("reranker", "/v1/reranking", body)).json
    assert [row["text"] for row in reply["reranked_docs"]] == [TEXTS[2], TEXTS[0]]
    chat = {"messages": [{"role": "user", "content": "q"}], "temperature": 0.5, "top_n": 1}
    reply = (await ranked.post("reranker", "/v1/reranking", chat | {"retrieved_docs": docs})).json
    assert reply.items() >= chat.items()
    assert reply["documents"] == [TEXTS[2]]
    assert reply["reranked_docs"] == [{"text": TEXTS[2], "score": len(TEXTS[2]) / 100}]
    body = {"initial_query": "q", "retrieved_docs": []}
    reply = (await ranked.post("reranker", "/v1/reranking", body)).json
    assert reply == {"query": "q", "documents": []}


async def test_the_pipeline_uses_it(ranked: Rag):
    await ranked.upload(("a.txt", b"cats"), ("b.txt", b"cats and a long text about nothing"))
    reply = (await ranked.ask("cats", top_n=1)).json
    assert [source["file"] for source in reply["sources"]] == ["b.txt"]
    assert reply["choices"][0]["metadata"]["rag"]["rerank"] == "done"


async def test_it_ranks_all_that_either_search_brings(stack: Stack):
    stack.embed.play = by_length
    files = [("words.txt", b"otters and a long text"), ("sense.txt", b"rafting " * 9)]
    others = [(f"{number}.txt", f"rafting else {number}".encode()) for number in range(5)]
    async with stack.up(rerank_model="tiny-embed", candidates=1, passages=1) as rag:
        await rag.upload(*files, *others)
        reply = (await rag.ask("otters rafting rafting rafting rafting")).json
    [asked] = [one.body for one in stack.embed.seen if one.path == "/v1/rerank"]
    assert len(asked["documents"]) == 2
    assert reply["choices"][0]["metadata"]["rag"]["found"] == 2
    assert [source["file"] for source in reply["sources"]] == ["sense.txt"]


@pytest.mark.parametrize(
    ("word", "outcome"), [("SLOW", "timeout"), ("HALF", "failed"), ("LIST", "failed")]
)
async def test_the_pipeline_goes_on_without_and_says_so(ranked: Rag, word: str, outcome: str):
    await ranked.upload(("a.txt", b"cats"), ("b.txt", b"dogs and a long text about nothing"))
    reply = (await ranked.ask(f"cats {word}", top_n=1)).json
    assert [source["file"] for source in reply["sources"]] == ["a.txt"]
    assert reply["choices"][0]["metadata"]["rag"]["rerank"] == outcome
    assert await ranked.metric("rag_rerank_fallback_total", reason=outcome) == 1


@pytest.mark.parametrize(
    "body", [{}, {"query": "q"}, {"query": "", "texts": ["a"]}, {"query": "q", "texts": [1]}]
)
async def test_what_is_refused(ranked: Rag, body: dict[str, object]):
    assert (await ranked.post("reranker", "/rerank", body)).status == 400


async def test_without_a_reranker(rag: Rag):
    reply = await rag.post("reranker", "/rerank", {"query": "q", "texts": ["a"]})
    assert reply.status == 501
    assert "RERANK_MODEL_ID" in reply.json["error"]["message"]
