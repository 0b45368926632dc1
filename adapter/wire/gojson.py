"""JSON as Ollama's decoder (Go's encoding/json) reads it, with its words for what is wrong.

One value is read and trailing bytes are ignored, keys match in any case, the last of duplicate
keys wins, null means the zero value, invalid UTF-8 is replaced. Source: contract of Ollama 0.33,
`binding/json.go:decodeJSON`, measured.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from adapter.errors import BadRequest
from adapter.wire import longtext
from adapter.wire.longtext import Json, Taken

_SURROGATE = re.compile("[\ud800-\udfff]")

# Python's wording of a syntax error → Go's, which follows `invalid character 'x' `.
_GO_WORDING = {
    "Expecting property name": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after object key:value pair",
    "Invalid control character": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}
_LITERALS = ("true", "false", "null")
_MISSING: Any = object()
_SAFE_DEPTH = 245
"""Brackets in a body, below which nothing in it is too deep to be written again."""
_LONGEST_INTEGER = 19  # characters
# What is looked at in one step, for threads take turns between steps.
_STEP = 2**16  # bytes
_ITEMS = 1000


def read_json(body: Json) -> Any:
    """The first JSON value of a request body.

    Raises:
        BadRequest: the body is empty or no JSON, in the words of Go's decoder.
    """
    try:
        return _read(longtext.take_out(body))
    except orjson.JSONDecodeError:
        pass
    try:
        return _read(Taken(body))
    except orjson.JSONDecodeError:
        return _read_leniently(body.decode("utf-8", "replace").lstrip())


def _read(taken: Taken) -> Any:
    value = orjson.loads(taken.rest)
    if _may_be_deep(taken.rest):
        _require_writable(value)
    return taken.put_back(value)


def _may_be_deep(text: Json) -> bool:
    brackets = 0
    for at in range(0, len(text), _STEP):
        brackets += text.count(b"[", at, at + _STEP) + text.count(b"{", at, at + _STEP)
        if brackets > _SAFE_DEPTH:
            return True
    return False


def _require_writable(value: Any) -> None:
    """orjson reads what is nested four times as deep as what it writes."""
    fields = value.values() if isinstance(value, dict) else (value,)
    try:
        for field in fields:
            items = field if isinstance(field, list) else [field]
            for at in range(0, len(items), _ITEMS):
                # A format stands two brackets deeper in what the engine is asked.
                orjson.dumps([[[items[at : at + _ITEMS]]]])
    except orjson.JSONEncodeError:
        raise BadRequest("json: exceeded max depth") from None


def _read_leniently(text: str) -> Any:
    if not text:
        raise BadRequest("missing request body")
    try:
        value, _ = _DECODER.raw_decode(text)
        # Lone surrogates are legal here, but no encoder of ours takes them.
        return orjson.loads(_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
    except orjson.JSONDecodeError:
        raise BadRequest("json: exceeded max depth") from None
    except json.JSONDecodeError as error:
        raise BadRequest(_syntax_error(error, text)) from None
    except RecursionError:
        raise BadRequest("json: exceeded max depth") from None


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadRequest(f"json: cannot unmarshal number {text[:40]} into Go value of type float64")
    return number


def _integer(text: str) -> float:
    # Beyond 64 bits no encoder of ours takes an integer, nor does any field.
    return int(text) if len(text) < _LONGEST_INTEGER else _number(text)


def _refuse_constant(name: str) -> NoReturn:
    raise BadRequest(f"invalid character '{name[0]}' looking for beginning of value")


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_number, parse_int=_integer
)


def _syntax_error(error: json.JSONDecodeError, text: str) -> str:
    rest = text[error.pos :]
    cut_literal = bool(rest) and any(word.startswith(rest) for word in _LITERALS)
    if not rest or rest == "-" or cut_literal or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    for python, go in _GO_WORDING.items():
        if error.msg.startswith(python):
            return f"invalid character {_quoted(rest[0])} {go}"
    return f"invalid character {_quoted(rest[0])} looking for beginning of value"


def _quoted(character: str) -> str:
    return "'\\''" if character == "'" else f"'{character}'"


def kind_of(value: Any) -> str:
    """Go's word for the kind of a JSON value: string, number, bool, array, object."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)):
        return "number"
    return "array" if isinstance(value, list) else "object"


def go_type(name: str, *accepted: type, zero: Any = _MISSING) -> BeforeValidator:
    """A field of the Go type `name`; null becomes `zero`, or stays None where the type has none."""

    def check(value: Any) -> Any:
        if type(value) in accepted:
            return value
        if value is None:
            return None if zero is _MISSING else zero
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            raise PydanticCustomError("go_type", "{go}", {"go": name})
        return value

    return BeforeValidator(check)


class GoStruct(BaseModel):
    """A request, or a part of one, whose keys match in any case. Immutable."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _fold_keys(cls, data: Any) -> Any:
        known = cls.__pydantic_fields__
        if not isinstance(data, dict) or data.keys() <= known.keys():
            return data
        folded: dict[str, Any] = {}
        for key, value in data.items():
            folded[key if key in known else key.lower()] = value
        return folded


Struct = TypeVar("Struct", bound=GoStruct)


def parse(struct: type[Struct], body: Json) -> Struct:
    """The request in `body`; a body of `null` is an empty request.

    Raises:
        BadRequest: with the decoder's text, `json: cannot unmarshal …` for a wrong type.
    """
    value = read_json(body)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise BadRequest(
            f"json: cannot unmarshal {kind_of(value)} into Go value of type api.{struct.__name__}"
        )
    try:
        return struct.model_validate(value)
    except ValidationError as error:
        raise BadRequest(_type_error(struct.__name__, error)) from None


def _type_error(struct: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] != "go_type":
        # A text that a field's own validator raised, such as a bad duration.
        return first["msg"]
    path = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
    kind = kind_of(first["input"])
    field = f"{struct}.{path} of type {first['msg']}"
    return f"json: cannot unmarshal {kind} into Go struct field {field}"


def text_error(message: str) -> PydanticCustomError:
    """What a field's validator raises to have `message` told to the client as it is."""
    return PydanticCustomError("text", "{message}", {"message": message})
