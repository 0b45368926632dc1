from __future__ import annotations

import json

import pytest
from hypothesis import given

from adapter.errors import UpstreamBroken
from adapter.translate.served import capabilities, read_served
from adapter.wire.openai import CHAT_PATH, EMBEDDINGS_PATH, ServedModel
from adapter.wire.v1 import RERANK_PATH
from tests.support.recordings import recording
from tests.unit.strategies import JSON

CAN = frozenset({"completion"})
ROUTES = [CHAT_PATH]


def test_a_recorded_list():
    assert read_served(recording("models").body, ROUTES) == [
        ServedModel("tiny-chat", "models/tiny-chat", "", 4096, CAN),
        ServedModel("alias-chat", "models/tiny-chat", "", 4096, CAN),
    ]


def test_an_adapter_of_a_model_names_its_parent_and_has_its_length():
    lora = read_served(recording("q3_models_with_lora").body, ROUTES)[1]
    assert (lora.id, lora.parent, lora.context_length) == ("my-lora", "tiny-qwen3", 4096)


def test_an_adapter_is_made_for_what_its_model_is_made_for():
    rows = [{"id": "nomic-embed"}, {"id": "my-lora", "parent": "nomic-embed"}]
    [_, lora] = read_served(json.dumps({"data": rows}).encode(), ())
    assert (lora.capabilities, lora.context_length) == ({"embedding"}, None)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"data":5}', b'{"data":[{}]}', b'{"data":["x"]}'],
)
def test_what_is_no_list(body: bytes):
    with pytest.raises(UpstreamBroken) as broken:
        read_served(body, ROUTES)
    assert broken.value.message == "the engine sent a malformed list of models"


@given(JSON)
def test_a_row_of_any_shape_is_a_model_or_a_fault(value: object):
    for row in (value, {"id": "x", "max_model_len": value}, {"id": value, "root": value}):
        try:
            rows = read_served(json.dumps({"data": [row]}).encode(), ROUTES)
        except UpstreamBroken:
            continue
        for served in rows:
            assert isinstance(served.id, str)
            assert served.context_length is None or type(served.context_length) is int


@pytest.mark.parametrize(
    ("name", "routes", "can"),
    [
        ("tiny-chat", [CHAT_PATH], "completion"),
        ("nomic-embed-text", [CHAT_PATH], "completion"),
        ("anything", [EMBEDDINGS_PATH], "embedding"),
        ("qwen2.5:0.5b", [CHAT_PATH, EMBEDDINGS_PATH], "completion"),
        ("nomic-embed-text", [CHAT_PATH, EMBEDDINGS_PATH], "embedding"),
        ("anything", [EMBEDDINGS_PATH, RERANK_PATH], "embedding"),
        ("bge-reranker-base", [RERANK_PATH], ""),
        ("qwen2.5:0.5b", [CHAT_PATH, EMBEDDINGS_PATH, RERANK_PATH], "completion"),
        ("BAAI/bge-small-en", [], "embedding"),
        ("intfloat/e5-base", [], "embedding"),
        ("llama3.2", [], "completion"),
        ("BAAI/bge-reranker-base", [], ""),
        ("jina-Reranker", [CHAT_PATH, EMBEDDINGS_PATH, RERANK_PATH], ""),
    ],
)
def test_the_task_of_a_model(name: str, routes: list[str], can: str):
    assert capabilities(name, routes) == ({can} if can else set())
