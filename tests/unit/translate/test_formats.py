from __future__ import annotations

import json

import pytest
from hypothesis import given

from adapter.errors import BadFormat
from adapter.translate.formats import response_format
from adapter.wire.gojson import parse
from adapter.wire.ollama import ChatRequest
from tests.unit.strategies import JSON

SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"$ref": "#/$defs/x"}}}
EXPECTED = '; expected "json" or a valid JSON Schema object'


@pytest.mark.parametrize("value", [None, ""])
def test_no_format(value):
    assert response_format(value) is None


def test_any_json():
    assert response_format("json") == {"type": "json_object"}


@pytest.mark.parametrize("schema", [SCHEMA, {}])
def test_a_schema_is_passed_on_as_it_is(schema):
    found = response_format(schema)
    assert found == {
        "type": "json_schema",
        "json_schema": {"name": "format", "schema": schema},
    }
    assert json.dumps(found["json_schema"]["schema"]) == json.dumps(schema)


@pytest.mark.parametrize(
    ("raw", "quoted"),
    [
        (b'"xml"', r'"\"xml\""'),
        (b'"JSON"', r'"\"JSON\""'),
        (b'" json"', r'"\" json\""'),
        (b"5", '"5"'),
        (b"1.5", '"1.5"'),
        (b"true", '"true"'),
        (b"false", '"false"'),
        (b"[]", '"[]"'),
        (b'["json"]', r'"[\"json\"]"'),
        (b'"\\\\"', r'"\"\\\\\""'),
    ],
)
def test_what_is_no_format_is_told_as_go_quotes_it(raw: bytes, quoted: str):
    request = parse(ChatRequest, b'{"format":%b}' % raw)
    with pytest.raises(BadFormat) as refused:
        response_format(request.format)
    assert refused.value.status == 500
    assert refused.value.message == f"invalid format: {quoted}{EXPECTED}"


@given(JSON)
def test_any_json_is_a_format_or_refused_by_name(value):
    value = parse(ChatRequest, json.dumps({"format": value}).encode()).format
    if value in (None, "", "json") or isinstance(value, dict):
        assert (response_format(value) is None) == (value in (None, ""))
    else:
        with pytest.raises(BadFormat, match="invalid format: "):
            response_format(value)
