"""Any JSON value in any field: an answer, or a refusal in Ollama's words; never a failure."""

import json
import logging

import pytest

from adapter.translate.options import OPTIONS
from adapter.wire.ollama import ChatRequest, GenerateRequest, Message
from tests.contract.conftest import House

VALUES = [
    *(None, True, False, 0, -1, 1, 5.5, 1e30, -1e30, 2**63, 2**64, 10**25),
    *("", "x", "json", "5m", "low", "QUJD", "AA=A", "\u2028\x00é", "{{ .Prompt }}", "{{"),
    *([], [1], [1.0], [2**70], ["x"], [None], [[]], [{}], [{"role": 5}], [{"tool_calls": [{}]}]),
    *({}, {"a": 1}, {"type": "object"}, {"function": {"name": "f"}}, {"temperature": [1]}),
]
BODIES = {
    "/api/chat": {"model": "nat", "messages": [{"role": "user", "content": "hi"}]},
    "/api/generate": {"model": "nat", "prompt": "hi"},
}
FIELDS = [("/api/chat", name) for name in ChatRequest.model_fields] + [
    ("/api/generate", name) for name in GenerateRequest.model_fields
]
OLLAMAS_500 = ("option ", "invalid format: ", "template: ")


async def check(house: House, path: str, body: dict) -> None:
    reply = await house.adapter.post(path, json.dumps(body).encode())
    last = json.loads(reply.text.splitlines()[-1])
    assert reply.status in (200, 400, 404, 500), (body, reply.text)
    if reply.status == 200:
        assert last["done"] is True, (body, reply.text)
    else:
        assert list(last) == ["error"], (body, reply.text)
    assert reply.status != 500 or last["error"].startswith(OLLAMAS_500), (body, reply.text)


@pytest.mark.parametrize(("path", "field"), FIELDS)
async def test_in_a_field(house: House, caplog, path: str, field: str):
    for value in VALUES:
        for more in ({}, {"stream": False}) if field != "stream" else ({},):
            await check(house, path, BODIES[path] | more | {field: value})
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("path", BODIES)
async def test_in_an_option(house: House, caplog, path: str):
    for option in OPTIONS:
        for value in VALUES:
            await check(house, path, BODIES[path] | {"options": {option.name: value}})
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("field", Message.model_fields)
async def test_in_a_turn(house: House, caplog, field: str):
    for role in ("user", "assistant", "tool"):
        for value in VALUES:
            turn = {"role": role, "content": "x"} | {field: value}
            await check(house, "/api/chat", BODIES["/api/chat"] | {"messages": [turn]})
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
