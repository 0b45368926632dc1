"""Requests below /v1, which are passed on: read as JSON objects, of which few fields are judged.

Source of the Go types: `openai/openai.go`, `openai/responses.go` and `anthropic/anthropic.go` of
Ollama 0.33. What a table does not name is for the engine to judge.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from adapter.errors import BadRequest
from adapter.wire.gojson import kind_of, read_json
from adapter.wire.longtext import Json

RESPONSES_PATH = "responses"
MESSAGES_PATH = "messages"
COUNT_TOKENS_PATH = "messages/count_tokens"
RERANK_PATH = "rerank"
SCORE_PATH = "score"
SYSTEM_ONE_PATH = "systemone"
TRANSCRIPTIONS_PATH = "audio/transcriptions"
TRANSLATIONS_PATH = "audio/translations"


class FieldType(NamedTuple):
    """A field's Go type by name, and Python's types for it."""

    go: str
    accepted: tuple[type, ...]


STRING = FieldType("string", (str,))
BOOL = FieldType("bool", (bool,))
INT = FieldType("int", (int,))
LIST = FieldType("[]interface {}", (list,))
OBJECT = FieldType("map[string]interface {}", (dict,))
OBJECTS = FieldType("[]map[string]interface {}", (list,))

Fields = dict[str, FieldType]

NAMED: Fields = {"model": STRING}
_GENERATING: Fields = NAMED | {"stream": BOOL, "tools": OBJECTS, "options": OBJECT}
CHAT: Fields = _GENERATING | {
    "messages": OBJECTS,
    "stream_options": OBJECT,
    "reasoning": OBJECT,
    "reasoning_effort": STRING,
    "chat_template_kwargs": OBJECT,
    "max_tokens": INT,
    "max_completion_tokens": INT,
    "top_logprobs": INT,
}
COMPLETION: Fields = NAMED | {
    "stream": BOOL,
    "stream_options": OBJECT,
    "options": OBJECT,
    "max_tokens": INT,
    "suffix": STRING,
}
RESPONSES: Fields = _GENERATING | {
    "reasoning": OBJECT,
    "instructions": STRING,
    "chat_template_kwargs": OBJECT,
    "max_output_tokens": INT,
}
MESSAGES: Fields = _GENERATING | {
    "messages": OBJECTS,
    "thinking": OBJECT,
    "chat_template_kwargs": OBJECT,
    "max_tokens": INT,
}
EMBEDDINGS: Fields = NAMED | {"encoding_format": STRING, "dimensions": INT, "truncate": BOOL}


def read_object(body: Json, struct: str, fields: Fields) -> dict[str, Any]:
    """The request in `body` without its nulls, which mean the same as absent fields.

    Raises:
        BadRequest: it is empty (`EOF`), no JSON object, or a field is of the wrong type.
    """
    if not body or body.isspace():
        raise BadRequest("EOF")
    value = read_json(body)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"json: cannot unmarshal {kind_of(value)} into Go value of type {struct}")
    given = {_known(key, fields): field for key, field in value.items() if field is not None}
    for name, wanted in fields.items():
        if name in given:
            given[name] = _typed(given[name], wanted, f"{struct.rpartition('.')[2]}.{name}")
    return given


def _known(key: str, fields: Fields) -> str:
    """The key as the tables have it: it matches in any case, as in Go."""
    return key if key in fields or key.lower() not in fields else key.lower()


def _typed(value: Any, wanted: FieldType, where: str) -> Any:
    if wanted is INT and isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)  # clients in languages without integers send 5.0 for 5
    _check_type(value, wanted.accepted, wanted.go, where)
    if wanted is not OBJECTS:
        return value
    items = [{} if item is None else item for item in value]
    for item in items:
        _check_type(item, (dict,), wanted.go, where)
    return items


def _check_type(value: Any, accepted: tuple[type, ...], go: str, where: str) -> None:
    if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
        kind = kind_of(value)
        raise BadRequest(f"json: cannot unmarshal {kind} into Go struct field {where} of type {go}")
