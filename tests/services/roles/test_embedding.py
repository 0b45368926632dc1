from __future__ import annotations

import base64
import struct

import pytest

from tests.services.house import DIMENSION, Rag, Stack


async def test_as_openai_has_it(rag: Rag):
    body = {"input": ["cats", "dogs"], "model": "any"}
    reply = (await rag.post("embedding", "/v1/embeddings", body)).json
    assert reply["object"] == "list"
    assert reply["model"] == "tiny-embed"
    assert [row["index"] for row in reply["data"]] == [0, 1]
    vector = reply["data"][0]["embedding"]
    assert len(vector) == DIMENSION
    assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-5)


async def test_fewer_dimensions_and_base64(rag: Rag):
    body = {"input": "cats", "dimensions": 4, "encoding_format": "base64"}
    reply = (await rag.post("embedding", "/v1/embeddings", body)).json
    vector = struct.unpack("<4f", base64.b64decode(reply["data"][0]["embedding"]))
    assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-5)
    body = {"input": "cats", "dimensions": 65}
    assert (await rag.post("embedding", "/v1/embeddings", body)).status == 400


async def test_as_tei_has_it(rag: Rag):
    rows = (await rag.post("tei", "/embed", {"inputs": "cats"})).json
    assert [len(row) for row in rows] == [DIMENSION]
    assert (await rag.get("tei", "/info")).json["model_id"] == "tiny-embed"


@pytest.mark.parametrize("value", [None, [], [1], {"a": 1}])
async def test_what_is_refused(rag: Rag, value: object):
    assert (await rag.post("embedding", "/v1/embeddings", {"input": value})).status == 400


async def test_an_engine_that_fails(rag: Rag):
    reply = await rag.post("tei", "/embed", {"inputs": "UNEMBEDDABLE"})
    assert reply.status == 502
    assert "boom" in reply.json["error"]["message"]


async def test_the_model_is_found_out(stack: Stack):
    async with stack.up(embedding_model="", llm_model="") as rag:
        assert (await rag.get("embedding", "/info")).json["model_id"] == "tiny-embed:latest"
        assert (await rag.get("llm", "/v1/models")).json["data"][0]["id"] == "tiny-chat:latest"
