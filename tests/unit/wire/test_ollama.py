from __future__ import annotations

import json
import math
from typing import Any

import pytest
from pydantic import ValidationError

from adapter.errors import BadRequest
from adapter.wire.gojson import parse
from adapter.wire.ollama import (
    THINK_LEVELS,
    ChatRequest,
    CreateRequest,
    EmbedRequest,
    GenerateRequest,
    ShowRequest,
)

LEVELS = '(must be "high", "medium", "low", "max", true, or false)'
THINK_KIND = "think must be a boolean or string (high, medium, low, max, true, or false)"


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b'{"model":"a"}', "a"),
        (b'{"name":"b"}', "b"),
        (b'{"model":"","name":"b"}', "b"),
        (b'{"model":null,"name":"b"}', "b"),
        (b'{"model":"a","name":"b"}', "a"),
        (b'{"model":" a "}', " a "),
        (b"{}", ""),
    ],
)
def test_the_name_as_the_client_wrote_it(body: bytes, asked: str):
    for request in (ChatRequest, GenerateRequest, EmbedRequest, ShowRequest):
        assert parse(request, body).asked == asked


@pytest.mark.parametrize(
    ("body", "streams"),
    [
        (b"{}", True),
        (b'{"stream":null}', True),
        (b'{"stream":true}', True),
        (b'{"stream":false}', False),
    ],
)
def test_only_false_stops_the_stream(body: bytes, streams: bool):
    assert parse(ChatRequest, body).streams is streams


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"null", None),
        (b"0", 0.0),
        (b"300", 300.0),
        (b"-1.0", math.inf),
        (b'"5m"', 300.0),
        (b'"-1m"', math.inf),
        (b'"0"', 0.0),
    ],
)
def test_keep_alive_in_seconds(value: bytes, seconds: float | None):
    assert parse(ChatRequest, b'{"keep_alive":%b}' % value).keep_alive == seconds


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (b'"keep_alive":"-1"', 'time: missing unit in duration "-1"'),
        (b'"keep_alive":"5x"', 'time: unknown unit "x" in duration "5x"'),
        (b'"keep_alive":""', 'time: invalid duration ""'),
        (b'"keep_alive":"{x}"', 'time: invalid duration "{x}"'),
        (b'"keep_alive":true', "Unsupported type: 'bool'"),
        (b'"keep_alive":[]', "Unsupported type: '[]interface {}'"),
        (b'"keep_alive":{}', "Unsupported type: 'map[string]interface {}'"),
        (b'"think":"deeply"', f'invalid think value: "deeply" {LEVELS}'),
        (b'"think":"{0}"', f'invalid think value: "{{0}}" {LEVELS}'),
        (b'"think":5', THINK_KIND),
        (b'"think":[]', THINK_KIND),
        (b'"think":{"a":1}', THINK_KIND),
        (
            b'"messages":[{"content":["a"]}]',
            "json: cannot unmarshal array into Go struct field "
            "ChatRequest.messages.content of type string",
        ),
        (
            b'"messages":["a"]',
            "json: cannot unmarshal string into Go struct field "
            "ChatRequest.messages of type api.Message",
        ),
        (
            b'"messages":[{"images":"QQ=="}]',
            "json: cannot unmarshal string into Go struct field "
            "ChatRequest.messages.images of type []api.ImageData",
        ),
        (
            b'"tools":{}',
            "json: cannot unmarshal object into Go struct field "
            "ChatRequest.tools of type []api.Tool",
        ),
        (
            b'"messages":[{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]',
            "json: cannot unmarshal string into Go struct field "
            "ChatRequest.messages.tool_calls.function.arguments of type "
            "api.ToolCallFunctionArguments",
        ),
        (
            b'"messages":[{"tool_calls":["f"]}]',
            "json: cannot unmarshal string into Go struct field "
            "ChatRequest.messages.tool_calls of type api.ToolCall",
        ),
        (
            b'"messages":[{"images":["QUJD","data:image/png;base64,QUJD"]}]',
            "illegal base64 data at input byte 4",
        ),
        (b'"messages":[{"images":["%%%"]}]', "illegal base64 data at input byte 0"),
        (
            b'"top_logprobs":1.5',
            "json: cannot unmarshal number into Go struct field "
            "ChatRequest.top_logprobs of type int",
        ),
        (
            b'"top_logprobs":1e30',
            "json: cannot unmarshal number into Go struct field "
            "ChatRequest.top_logprobs of type int",
        ),
        (
            b'"top_logprobs":true',
            "json: cannot unmarshal bool into Go struct field ChatRequest.top_logprobs of type int",
        ),
        (
            b'"logprobs":1',
            "json: cannot unmarshal number into Go struct field ChatRequest.logprobs of type bool",
        ),
    ],
)
def test_a_field_of_another_kind(field: bytes, text: str):
    with pytest.raises(BadRequest) as refused:
        parse(ChatRequest, b"{%b}" % field)
    assert (refused.value.status, refused.value.message) == (400, text)


@pytest.mark.parametrize("level", [True, False, None, *THINK_LEVELS])
def test_thinking(level: Any):
    assert ChatRequest.model_validate({"think": level}).think is level


def test_calls_of_earlier_turns():
    request = parse(
        ChatRequest,
        b'{"messages":[{"role":"assistant","tool_calls":[{"ID":"a","type":"function","function":'
        b'{"name":"f","index":0,"arguments":{"z":{"y":[1,null]},"a":1.5}}},{},{"function":null},'
        b'{"id":null,"function":{"name":null,"arguments":null}}]}]}',
    )
    first, *others = request.messages[0].tool_calls
    assert (first.id, first.function.name) == ("a", "f")
    assert json.dumps(first.function.arguments) == '{"z": {"y": [1, null]}, "a": 1.5}'
    for call in others:
        assert (call.id, call.function.name, call.function.arguments) == ("", "", {})


@pytest.mark.parametrize(
    ("body", "images"),
    [
        (b'{"images":["QUJD"]}', ("QUJD",)),
        (b'{"images":["QU\\nJD\\r\\n"]}', ("QUJD",)),
        (b'{"images":[null,""]}', ("", "")),
        (b'{"images":null}', ()),
    ],
)
def test_images_are_bare_base64(body: bytes, images: tuple[str, ...]):
    assert parse(GenerateRequest, body).images == images


def test_tool_choice_is_taken_as_it_is():
    assert parse(ChatRequest, b'{"tool_choice":{"a":[1]}}').tool_choice == {"a": [1]}
    assert parse(ChatRequest, b"{}").tool_choice is None


def test_floats_that_are_integers_are_integers():
    assert parse(ChatRequest, b'{"top_logprobs":5.0}').top_logprobs == 5
    assert parse(GenerateRequest, b'{"context":[1.0,2]}').context == (1, 2)
    assert parse(EmbedRequest, b'{"dimensions":64.0}').dimensions == 64


def test_what_clients_built_on_ollama_python_send():
    request = parse(
        ChatRequest,
        b'{"model":"nat","stream":true,"options":null,"format":"","keep_alive":-1.0,"tools":[],'
        b'"messages":[{"role":"user","content":"hi","images":[]},{"role":"assistant",'
        b'"tool_calls":[{"function":{"name":"f","arguments":{"b":1,"a":2}}}]},'
        b'{"role":"tool","content":"5"}]}',
    )
    assert (request.options, request.tools, request.keep_alive) == ({}, (), math.inf)
    _, call, result = request.messages
    assert (call.content, list(call.tool_calls[0].function.arguments)) == ("", ["b", "a"])
    assert (result.role, result.tool_call_id) == ("tool", "")


def test_a_request_does_not_change():
    request = parse(ChatRequest, b'{"model":"a"}')
    with pytest.raises(ValidationError):
        request.model = "b"


def test_a_create_is_read_in_any_case_of_its_keys():
    body = b'{"Model":"m","FROM":"base","adapters":{"a.json":"sha256:1"},"files":null}'
    made = parse(CreateRequest, body)
    assert (made.asked, made.from_, made.adapters) == ("m", "base", {"a.json": "sha256:1"})
    assert (made.files, made.streams) == ({}, True)


@pytest.mark.parametrize(
    ("body", "culprit"),
    [
        (b'{"from":5}', "number into Go struct field CreateRequest.from of type string"),
        (b'{"files":[]}', "array into Go struct field CreateRequest.files of type map"),
        (b'{"adapters":{"a":5}}', "number into Go struct field CreateRequest.adapters.a of type"),
        (b'{"messages":"x"}', "string into Go struct field CreateRequest.messages of type"),
        (b'{"stream":"x"}', "string into Go struct field CreateRequest.stream of type bool"),
    ],
)
def test_a_create_of_wrong_types(body: bytes, culprit: str):
    with pytest.raises(BadRequest) as error:
        parse(CreateRequest, body)
    assert error.value.message.startswith(f"json: cannot unmarshal {culprit}")
