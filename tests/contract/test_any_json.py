"""Any JSON in any field of any route of /api: refused in one sentence, or answered; nothing else.

No status but those of the contract, no trace of a Python exception in the answer or in the log, no
hang. What hypothesis draws is the same on every run.
"""

from __future__ import annotations

import copy
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.conftest import NAMES, House
from tests.support.raw_http import Reply, send
from tests.unit.strategies import NUMBERS, TEXTS

EXAMPLES = 40
WITHIN = 5.0
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
ODDITIES = st.sampled_from(
    [
        *({}, [], "", [None], [[]], {"": None}, "5m", "-1", "json", "data:image/png;base64,AAAA"),
        *({"type": "object"}, {"type": 5}, ["a", 1], {"model": "nat"}, "high", "nat", " nat "),
        *(10**400, -(10**19), 1e308, 0.1, "\x00", "a" * 5000, {"a": {"b": {"c": [1, {"d": 2}]}}}),
    ]
)
VALUES = ODDITIES | st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.sampled_from(["type", "role", "function"]), inner, max_size=3)
    ),
    max_leaves=6,
)

CALL = {"id": "1", "function": {"name": "f", "arguments": {"a": 1}}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
TURN = {
    "role": "user",
    "content": "hi",
    "thinking": "",
    "images": [],
    "tool_calls": [CALL],
    "tool_name": "f",
    "tool_call_id": "1",
}
SHARED = {
    "stream": False,
    "format": None,
    "keep_alive": "5m",
    "think": None,
    "truncate": True,
    "shift": True,
    "logprobs": False,
    "top_logprobs": 0,
    "options": {
        "temperature": 0.5,
        "num_predict": 5,
        "stop": ["x"],
        "seed": 1,
        "num_ctx": 512,
        "top_k": 5,
        "top_p": 0.5,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "presence_penalty": 0,
    },
}
REQUESTS: dict[str, tuple[str, Any]] = {
    "/api/chat": ("POST", {"model": NAMES["model"], "messages": [TURN], "tools": [TOOL], **SHARED}),
    "/api/generate": (
        "POST",
        {
            "model": NAMES["plain"],
            "prompt": "hi",
            "suffix": "",
            "system": "",
            "template": "",
            "context": [1],
            "raw": False,
            "images": [],
            **SHARED,
        },
    ),
    "/api/embed": (
        "POST",
        {
            "model": NAMES["embed"],
            "input": ["hi"],
            "truncate": True,
            "dimensions": 2,
            "options": {"num_ctx": 5},
            "keep_alive": 5,
        },
    ),
    "/api/embeddings": ("POST", {"model": NAMES["embed"], "prompt": "hi", "options": {}}),
    "/api/show": (
        "POST",
        {"model": NAMES["model"], "name": "", "verbose": False, "system": "", "options": {}},
    ),
    "/api/pull": ("POST", {"model": NAMES["model"], "name": "", "stream": True, "insecure": False}),
    "/api/push": ("POST", {"model": NAMES["model"], "name": "", "stream": False}),
    "/api/create": (
        "POST",
        {
            "model": "any-json",
            "from": NAMES["model"],
            "stream": False,
            "system": "x",
            "template": "{{ .Prompt }}",
            "parameters": {"stop": ["x"], "temperature": 1},
            "messages": [{"role": "user", "content": "x"}],
            "license": "x",
            "quantize": "",
            "files": {},
            "adapters": {},
            "modelfile": "",
        },
    ),
    "/api/copy": ("POST", {"source": NAMES["model"], "destination": "any-json"}),
    "/api/delete": ("DELETE", {"model": "any-json", "name": ""}),
    "/api/experimental/web_search": ("POST", {"query": "x", "max_results": 1}),
    "/api/experimental/web_fetch": ("POST", {"url": "http://127.0.0.1:9/"}),
    "/api/me": ("POST", {}),
    "/api/signout": ("POST", {}),
}


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a value, itself included."""
    held: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        held = list(value.items())
    elif isinstance(value, list):
        held = list(enumerate(value))
    return [at, *(place for key, inner in held for place in places(inner, (*at, key)))]


def put(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at that place."""
    if not place:
        return new
    changed = copy.deepcopy(value)
    holder = changed
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = new
    return changed


@pytest.mark.timeout(60)
@pytest.mark.parametrize("path", REQUESTS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
async def test_any_value_in_any_field(
    house: House, caplog: pytest.LogCaptureFixture, path: str, data: st.DataObject
):
    method, request = REQUESTS[path]
    place = data.draw(st.sampled_from(places(request)), "place")
    asked = put(request, place, data.draw(VALUES, "value"))
    if data.draw(st.booleans(), "stream") and isinstance(asked, dict):
        asked = asked | {"stream": True}
    caplog.clear()
    body = json.dumps(asked).encode("utf-8", "surrogatepass")
    headers = {"Content-Type": "application/json"}
    reply = await send(house.adapter.url, method, path, body, headers, within=WITHIN)
    check(reply)
    assert [record for record in caplog.records if record.exc_info] == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def check(reply: Reply) -> None:
    """A 2xx or a refusal in one sentence."""
    assert reply.ended
    assert "Traceback" not in reply.text
    assert "internal error of the adapter" not in reply.text
    if reply.status < 300:
        if reply.headers.get("content-type") == "application/x-ndjson":
            assert all(isinstance(line, dict) for line in reply.lines)
            last = reply.lines[-1]
            assert last.get("done") is True or "status" in last or list(last) == ["error"]
        return
    assert 400 <= reply.status <= 501
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.json.keys() <= {"error", "signin_url"}
    assert isinstance(reply.json["error"], str)
    assert reply.json["error"]


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("number", [2**64, -(2.0**70), 1e300])
async def test_numbers_that_no_engine_can_take(house: House, path: str, number: float):
    method, request = REQUESTS[path]
    for place in places(request):
        body = json.dumps(put(request, place, number)).encode()
        check(await send(house.adapter.url, method, path, body, within=WITHIN))


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("raw", [b"\xff", b"[1", b"null", b"5", b'"a"', b"{}x", b"[" * 5000, b" "])
async def test_what_is_hardly_json(house: House, path: str, raw: bytes):
    method, _ = REQUESTS[path]
    check(await send(house.adapter.url, method, path, raw, within=WITHIN))
