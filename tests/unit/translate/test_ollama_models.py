from __future__ import annotations

import orjson
import pytest

from adapter.errors import UpstreamBroken
from adapter.translate.ollama_models import read_ps, read_tags, shown
from adapter.wire.openai import ServedModel

DIGEST = "4" * 64
ROW = {
    "name": "llava:7b",
    "model": "llava:7b",
    "modified_at": "2026-11-21T04:23:53.275736653+01:00",
    "size": 852,
    "digest": DIGEST,
    "details": {"family": "llama", "context_length": 4096},
    "capabilities": ["completion", "vision"],
}


def tags(*rows: object) -> bytes:
    return orjson.dumps({"models": rows})


def test_a_row():
    assert read_tags(tags(ROW)) == [
        ServedModel(
            "llava:7b",
            root=DIGEST,
            context_length=4096,
            capabilities=frozenset({"completion", "vision"}),
            told=ROW,
        )
    ]


def test_rows_of_older_releases():
    [row] = read_tags(tags({"name": "a:latest", "digest": f"sha256:{DIGEST}", "modified_at": 5}))
    assert (row.id, row.root, row.context_length) == ("a:latest", DIGEST, None)
    assert row.capabilities == {"completion"}
    assert row.told is not None
    assert row.told["modified_at"] == ""
    assert read_tags(tags({"name": "a", "digest": "abc"}))[0].root == ""
    assert read_tags(b'{"models":null}') == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"models":[1]}', b'{"models":[{}]}'])
def test_what_is_no_list(body: bytes):
    with pytest.raises(UpstreamBroken):
        read_tags(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"models":[1]}'])
def test_what_is_no_list_of_loaded_ones(body: bytes):
    with pytest.raises(UpstreamBroken):
        read_ps(body)


def test_loaded_ones():
    assert read_ps(tags(ROW)) == [ROW]
    assert read_ps(b'{"models":null}') == []


def test_show_tells_more():
    row = ServedModel("a:latest", capabilities=frozenset({"completion"}))
    told = {"capabilities": ["tools", "completion"], "model_info": {"llama.context_length": 8192}}
    more = shown(row, orjson.dumps(told))
    assert (more.capabilities, more.context_length) == ({"tools", "completion"}, 8192)


def test_a_model_that_can_nothing_that_has_a_word():
    (row,) = read_tags(tags({"name": "ranker", "capabilities": []}))
    assert row.capabilities == set()
    assert shown(row, b'{"capabilities":[]}').capabilities == set()
    assert shown(row, b'{"capabilities":["embedding"]}').capabilities == {"embedding"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"model_info":{"a.context_length":null}}'])
def test_show_that_tells_nothing(body: bytes):
    row = ServedModel("a:latest", context_length=5)
    assert shown(row, body) == row
