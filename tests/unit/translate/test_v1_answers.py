import json

import pytest

from adapter.errors import EngineFault, UpstreamBroken
from adapter.translate.v1_answers import GENERATED, MESSAGE, RESPONSE, counts, whole, with_prefix


def test_only_the_table_changes_an_answer():
    answer = {"z": [1.5, None], "model": "a", "system_fingerprint": "x", "choices": []}
    body, tokens = whole(json.dumps(answer).encode(), "b", GENERATED)
    assert json.loads(body) == answer | {"model": "b"}
    assert list(json.loads(body)) == list(answer)
    assert tokens == (0, 0)


def test_an_answer_without_a_model_gets_none():
    assert whole(b'{"count":1}', "b", ()) == (b'{"count":1}', (0, 0))


@pytest.mark.parametrize("given", [b"{}", b'{"system_fingerprint":null}'])
def test_a_fingerprint_is_made_up_where_there_is_none(given: bytes):
    assert whole(given, "b", GENERATED)[0] == b'{"system_fingerprint":"fp_ollama"}'


def test_calls_are_numbered_unless_they_are():
    calls = [{"id": "a"}, {"id": "b", "index": 7}]
    answer = {"choices": [{"message": {"tool_calls": calls}}, {"message": None}]}
    body, _ = whole(json.dumps(answer).encode(), "m", GENERATED)
    found = json.loads(body)["choices"][0]["message"]["tool_calls"]
    assert [call["index"] for call in found] == [0, 7]


def test_ids_have_the_beginnings_that_clients_know():
    assert whole(b'{"id":"chatcmpl-1"}', "m", MESSAGE)[0] == b'{"id":"msg_1"}'
    assert whole(b'{"id":"resp_1"}', "m", RESPONSE)[0] == b'{"id":"resp_1"}'
    assert with_prefix(None, "msg_") == "msg_"


@pytest.mark.parametrize(
    "given", [b"", b"[]", b"5", b"{", b'{"choices":[5]}', b'{"choices":5}', b'"x"', b"null"]
)
def test_what_is_no_answer(given: bytes):
    with pytest.raises(UpstreamBroken, match="malformed answer"):
        whole(given, "m", GENERATED)


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_what_the_engine_gave_up(reason: str):
    answer = json.dumps({"choices": [{"finish_reason": reason}]}).encode()
    with pytest.raises(EngineFault, match="aborted"):
        whole(answer, "m", GENERATED)


def test_line_separators_are_escaped():
    assert whole('{"a":"\u2028"}'.encode(), "m", ())[0] == b'{"a":"\\u2028"}'


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, (0, 0)),
        (5, (0, 0)),
        ({"prompt_tokens": 3, "completion_tokens": 2}, (3, 2)),
        ({"input_tokens": 3, "output_tokens": 2}, (3, 2)),
        (
            {
                "input_tokens": 3,
                "output_tokens": 2,
                "cache_creation_input_tokens": 4,
                "cache_read_input_tokens": 5,
            },
            (12, 2),
        ),
        ({"prompt_tokens": -1, "completion_tokens": True}, (0, 0)),
        ({"prompt_tokens": "3"}, (0, 0)),
    ],
)
def test_counts(usage: object, expected: tuple[int, int]):
    assert counts(usage) == expected
