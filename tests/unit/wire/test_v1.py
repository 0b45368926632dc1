from contextlib import suppress

import orjson
import pytest
from hypothesis import given

from adapter.errors import BadRequest
from adapter.wire import v1
from tests.unit.strategies import JSON

TABLES = (v1.NAMED, v1.CHAT, v1.COMPLETION, v1.RESPONSES, v1.MESSAGES, v1.EMBEDDINGS)


def read(body: bytes) -> dict:
    return v1.read_object(body, "openai.Thing", v1.CHAT)


def test_nulls_are_as_good_as_absent():
    assert read(b'{"model":null,"messages":null,"x":null,"y":[null]}') == {"y": [None]}
    assert read(b"null") == {}


def test_what_no_table_names_stays():
    assert read(b'{"z":1,"a":{"b":[1.5]}} trailing') == {"z": 1, "a": {"b": [1.5]}}


def test_whole_numbers_with_a_point_are_integers():
    value = read(b'{"max_tokens":5.0}')["max_tokens"]
    assert (value, type(value)) == (5, int)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "EOF"),
        (b" \r\n\t", "EOF"),
        (b"{", "unexpected EOF"),
        (b"5", "json: cannot unmarshal number into Go value of type openai.Thing"),
        (
            b'{"model":true}',
            "json: cannot unmarshal bool into Go struct field Thing.model of type string",
        ),
        (
            b'{"stream":1}',
            "json: cannot unmarshal number into Go struct field Thing.stream of type bool",
        ),
        (
            b'{"max_tokens":true}',
            "json: cannot unmarshal bool into Go struct field Thing.max_tokens of type int",
        ),
        (
            b'{"max_tokens":1e300}',
            "json: cannot unmarshal number into Go struct field Thing.max_tokens of type int",
        ),
        (
            b'{"max_tokens":1.5}',
            "json: cannot unmarshal number into Go struct field Thing.max_tokens of type int",
        ),
        (
            b'{"tools":["a"]}',
            "json: cannot unmarshal string into Go struct field Thing.tools of type "
            "[]map[string]interface {}",
        ),
        (
            b'{"messages":{}}',
            "json: cannot unmarshal object into Go struct field Thing.messages of type "
            "[]map[string]interface {}",
        ),
        (b'{"x":' + b"[" * 300 + b"]" * 300 + b"}", "json: exceeded max depth"),
    ],
)
def test_what_is_wrong_in_gos_words(body: bytes, message: str):
    with pytest.raises(BadRequest) as caught:
        read(body)
    assert caught.value.message == message


def test_a_null_among_objects_is_an_empty_one():
    assert read(b'{"messages":[null,{"role":"user"}]}') == {"messages": [{}, {"role": "user"}]}


@pytest.mark.parametrize("table", TABLES)
@given(value=JSON)
def test_any_value_in_any_field(table: v1.Fields, value: object):
    for name in table:
        try:
            body = orjson.dumps({name: value})
        except orjson.JSONEncodeError:
            continue  # an integer that no JSON of ours can say
        with suppress(BadRequest):
            v1.read_object(body, "openai.Thing", table)


def test_keys_match_in_any_case():
    assert read(b'{"Model":"m","MESSAGES":[],"Other":1}') == {
        "model": "m",
        "messages": [],
        "Other": 1,
    }
