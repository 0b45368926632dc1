"""Bodies as Go's decoder reads them. Texts were measured with Ollama."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadRequest
from adapter.wire.gojson import GoStruct, kind_of, parse, read_json
from adapter.wire.ollama import (
    ChatRequest,
    EmbeddingsRequest,
    EmbedRequest,
    GenerateRequest,
    ShowRequest,
)
from tests.unit.strategies import JSON

REQUESTS = [ChatRequest, GenerateRequest, EmbedRequest, EmbeddingsRequest, ShowRequest]


def refusal(body: bytes, struct: type[GoStruct] = ChatRequest) -> str:
    with pytest.raises(BadRequest) as refused:
        parse(struct, body)
    assert refused.value.status == 400
    return refused.value.message


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "missing request body"),
        (b" \r\n\t ", "missing request body"),
        (b'{"model":', "unexpected EOF"),
        (b'{"model":"x"', "unexpected EOF"),
        (b'{"model":"x', "unexpected EOF"),
        (b'{"model":tru', "unexpected EOF"),
        (b'{"model":-', "unexpected EOF"),
        (b"{", "unexpected EOF"),
        (b"{bad", "invalid character 'b' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b'{"a":x}', "invalid character 'x' looking for beginning of value"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b"<html>", "invalid character '<' looking for beginning of value"),
        (b'{"a":NaN}', "invalid character 'N' looking for beginning of value"),
        (b'{"a":Infinity}', "invalid character 'I' looking for beginning of value"),
        (b"[]", "json: cannot unmarshal array into Go value of type api.ChatRequest"),
        (b'"x"', "json: cannot unmarshal string into Go value of type api.ChatRequest"),
        (b"5", "json: cannot unmarshal number into Go value of type api.ChatRequest"),
        (b"true", "json: cannot unmarshal bool into Go value of type api.ChatRequest"),
        (
            b'{"model": 5}',
            "json: cannot unmarshal number into Go struct field ChatRequest.model of type string",
        ),
        (
            b'{"messages":{}}',
            "json: cannot unmarshal object into Go struct field ChatRequest.messages "
            "of type []api.Message",
        ),
        (
            b'{"stream":"yes"}',
            "json: cannot unmarshal string into Go struct field ChatRequest.stream of type bool",
        ),
        (
            b'{"options":[]}',
            "json: cannot unmarshal array into Go struct field ChatRequest.options "
            "of type map[string]interface {}",
        ),
    ],
)
def test_what_is_wrong_in_the_words_of_go(body: bytes, text: str):
    assert refusal(body) == text


@pytest.mark.parametrize(
    "body",
    [
        b"{'a':1}",
        b'{"a":1,}',
        b"[1,]",
        b"[1 2]",
        b'{"a":"\n"}',
        b'{"a":"\\x"}',
        b'{"a":"\\u12"}',
        b'{"a":01}',
        b"\xef\xbb\xbf{}",
        b"\x00",
        b"tru",
        b"nul",
        b"}",
    ],
)
def test_no_json_is_a_bad_request(body: bytes):
    assert refusal(body).startswith(("invalid character", "unexpected EOF", "json: "))


@pytest.mark.parametrize("request_type", REQUESTS)
@pytest.mark.parametrize("body", [b"null", b"{}", b' {"unknown":1}', b"null trailing"])
def test_null_and_nothing_are_an_empty_request(request_type: type[GoStruct], body: bytes):
    assert parse(request_type, body) == request_type()


@pytest.mark.parametrize("request_type", REQUESTS)
def test_every_field_may_be_null(request_type: type[GoStruct]):
    body = dict.fromkeys(request_type.model_fields)
    assert parse(request_type, json.dumps(body).encode()) == request_type()


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (b'{"model":"a"}', "a"),
        (b'{"MODEL":"a"}', "a"),
        (b'{"Model":"a","Stream":false}', "a"),
        (b'{"model":"a","model":"b"}', "b"),
        (b'{"MODEL":"a","model":"b"}', "b"),
        (b'{"model":"a","Model":"b"}', "b"),
        (b'{"model":"a"} trailing {', "a"),
        (b'{"model":"a"}{"model":"b"}', "a"),
        (b' \n{"model":"a"}\n', "a"),
        (b'{"model":"a\xffb"}', "a\ufffdb"),
        (b'{"model":"\\ud800"}', "\ufffd"),
        (b'{"model":"x\\udc00y"}', "x\ufffdy"),
        (b'{"model":"\\ud83d\\ude42"}', "\U0001f642"),
        ('{"model":"\u2028"}'.encode(), "\u2028"),
        (b'{"model":"a","unknown":{"model":5}}', "a"),
    ],
)
def test_how_go_reads_keys_and_strings(body: bytes, model: str):
    assert parse(ChatRequest, body).model == model


def test_keys_match_in_any_case_inside_messages_too():
    request = parse(ChatRequest, b'{"Messages":[{"Role":"user","CONTENT":"hi"}]}')
    assert (request.messages[0].role, request.messages[0].content) == ("user", "hi")


def test_keys_of_options_keep_their_case():
    assert parse(ChatRequest, b'{"options":{"Top_K":1}}').options == {"Top_K": 1}


@pytest.mark.parametrize(
    "number", [b"123456789012345678901234567890", b"-9223372036854775809", b"1e300", b"-0.0"]
)
@pytest.mark.parametrize("tail", [b"", b" x"])
def test_numbers_beyond_64_bits_are_numbers(number: bytes, tail: bytes):
    options = parse(ChatRequest, b'{"options":{"seed":%b}}' % number + tail).options
    assert options["seed"] == pytest.approx(float(number))


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" * 400, b"1" * 5000])
@pytest.mark.parametrize("tail", [b"", b" x"])
def test_a_number_that_no_float_holds_is_a_bad_request(number: bytes, tail: bytes):
    assert refusal(b'{"options":{"seed":%b}}' % number + tail)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("tail", [b"", b" x"])
def test_nesting_of_any_depth_is_read_or_refused(opening: bytes, tail: bytes):
    closing = b"]" if opening == b"[" else b"}"
    for depth in [*range(1, 1100, 13), *range(900, 1030), 5000, 100_000]:
        body = opening * depth + b"1" + closing * depth + tail
        try:
            value = read_json(body)
        except BadRequest:
            assert depth > 200
        else:
            assert type(value) in (list, dict)


@given(st.binary(max_size=30))
def test_any_bytes_are_json_or_a_bad_request(body: bytes):
    try:
        value = read_json(body)
    except BadRequest:
        return
    orjson.dumps(value)


@given(JSON, st.booleans())
def test_any_json_is_read_as_it_is(value: Any, trailing: bool):
    body = json.dumps(value).encode()
    assert read_json(body + (b" x" if trailing else b"")) == orjson.loads(body)


@pytest.mark.parametrize("request_type", REQUESTS)
@given(data=st.data())
def test_any_value_in_any_field_is_a_request_or_a_bad_request(request_type, data: st.DataObject):
    field = data.draw(st.sampled_from(sorted(request_type.model_fields)))
    body = {field: data.draw(JSON)}
    try:
        request = parse(request_type, json.dumps(body).encode())
    except BadRequest:
        return
    assert isinstance(request, request_type)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("", "string"),
        (1, "number"),
        (1.5, "number"),
        (True, "bool"),
        ([], "array"),
        ({}, "object"),
    ],
)
def test_gos_word_for_a_kind(value: object, kind: str):
    assert kind_of(value) == kind


@pytest.mark.parametrize("depth", [100, 240, 300, 900, 2000])
def test_nesting_beside_a_long_text_is_judged_as_without_it(depth: int):
    def body(text: bytes) -> bytes:
        return b'{"a":"%b","b":%b1%b}' % (text, b"[" * depth, b"]" * depth)

    if depth < 250:
        value = read_json(body(b"x"))
        assert read_json(body(b"x" * 10_000)) == value | {"a": "x" * 10_000}
    else:
        assert refusal(body(b"x" * 10_000)) == refusal(body(b"x")) == "json: exceeded max depth"
