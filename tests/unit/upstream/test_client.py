"""What of the client is no socket: the list of models, and where requests go."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from adapter.errors import UpstreamBroken
from adapter.settings import UpstreamSettings
from adapter.upstream.client import Upstream, _served, open_session
from adapter.wire.openai import ServedModel
from tests.support.recordings import recording
from tests.unit.strategies import JSON

CAN = frozenset({"completion"})


def test_a_recorded_list():
    assert _served(recording("models").body, CAN) == [
        ServedModel("tiny-chat", "models/tiny-chat", "", 4096, CAN),
        ServedModel("alias-chat", "models/tiny-chat", "", 4096, CAN),
    ]


def test_an_adapter_of_a_model_names_its_parent_and_no_length():
    lora = _served(recording("q3_models_with_lora").body, CAN)[1]
    assert (lora.id, lora.parent, lora.context_length) == ("my-lora", "tiny-qwen3", None)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"data":5}', b'{"data":[{}]}', b'{"data":["x"]}'],
)
def test_what_is_no_list(body: bytes):
    with pytest.raises(UpstreamBroken) as broken:
        _served(body, CAN)
    assert broken.value.message == "the engine sent a malformed list of models"


@given(JSON)
def test_a_row_of_any_shape_is_a_model_or_a_fault(value: object):
    for row in (value, {"id": "x", "max_model_len": value}, {"id": value, "root": value}):
        try:
            rows = _served(json.dumps({"data": [row]}).encode(), CAN)
        except UpstreamBroken:
            continue
        for served in rows:
            assert isinstance(served.id, str)
            assert served.context_length is None or type(served.context_length) is int


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("http://h:8000", "http://h:8000/v1/"),
        ("http://h:8000/v1", "http://h:8000/v1/"),
        ("http://h:8000/v3", "http://h:8000/v3/"),
        ("https://h/openai", "https://h/openai/v1/"),
    ],
)
async def test_the_root_of_an_engines_routes(url: str, root: str):
    async with open_session() as session:
        assert str(Upstream(UpstreamSettings(name="a", url=url), session)._root) == root
