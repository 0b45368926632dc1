from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.wire.toplevel import Place, replaced, texts


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", {}),
        (b"null", {}),
        (b'"model"', {}),
        (b'["model", "x"]', {}),
        (b'{"model":"x"}', {"model": "x"}),
        (b' \n{ "model" :\t"x" , "name":"y"}', {"model": "x", "name": "y"}),
        (b'{"MODEL":"x"}', {"model": "x"}),
        (rb'{"\u006dodel":"\u0078"}', {"model": "x"}),
        (b'{"model":"x","model":"y"}', {"model": "y"}),
        (b'{"model":null,"name":"y"}', {"name": "y"}),
        (b'{"model":{"model":"x"}}', {}),
        (b'{"a":["model","x"],"b":{"model":"y"},"model":"z"}', {"model": "z"}),
        (b'{"a":"{\\"model\\":\\"x\\"","model":"z"}', {"a": '{"model":"x"', "model": "z"}),
        (rb'{"a":"\\","model":"z"}', {"a": "\\", "model": "z"}),
        (rb'{"a":"\\\"model","model":"z"}', {"a": '\\"model', "model": "z"}),
        (b'{"model":"x"} {"model":"y"}', {"model": "x"}),
        (b'{"a":1,"b":[1,2,3],"c":true,"model":"x"', {"model": "x"}),
        (b'{"model":"x', {}),
        (b'{"model":"\xff"}', {}),
        (b'{"model":"x","a":"unfinished', {"model": "x"}),
    ],
)
def test_what_is_found(body: bytes, found: dict[str, str]):
    assert {key: place.text for key, place in texts(body).items()} == found
    assert {key: place.text for key, place in texts(bytearray(body)).items()} == found


def test_every_other_byte_stays():
    body = b'{ "a":{"model":"x"}, "model" : "x" ,"b":1.50}  rest'
    place = texts(body)["model"]
    assert place == Place("x", 31, 34)
    changed = replaced(body, place, 'né"w')
    assert changed == body[:31] + orjson.dumps('né"w') + body[34:]
    assert orjson.loads(changed[:-6])["a"] == {"model": "x"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text('abM\\"é{[:,', min_size=1), VALUES), st.booleans())
def test_of_any_object(value: dict[str, object], spaced: bool):
    body = json.dumps(value, indent=1 if spaced else None).encode()
    wanted = {key.lower(): text for key, text in value.items() if isinstance(text, str)}
    found = texts(body)
    assert {key: place.text for key, place in found.items()} == wanted
    for place in found.values():
        assert json.loads(body[place.start : place.end]) == place.text
