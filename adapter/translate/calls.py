"""The pieces of tool calls, as vLLM streams them → whole calls, as Ollama has them."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import Any

import orjson

from adapter.errors import EngineFault
from adapter.translate.events import CallPart

_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 8


@dataclass(slots=True)
class _Begun:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Calls:
    """The calls of one answer."""

    def __init__(self) -> None:
        self._begun: dict[int, list[_Begun]] = {}

    def __bool__(self) -> bool:
        return bool(self._begun)

    def add(self, part: CallPart) -> None:
        """A piece for the call of its index. Another id with a name begins another call: there are
        servers that give all calls the same index."""
        calls = self._begun.setdefault(part.index, [])
        named = part.id and part.name
        if not calls or (named and calls[-1].id and part.id != calls[-1].id):
            calls.append(_Begun())
        call = calls[-1]
        call.id = call.id or part.id
        call.name = call.name or part.name
        call.arguments.append(part.arguments)

    def whole(self, *, cut: bool = False) -> list[dict[str, Any]]:
        """The calls in their order, with arguments as objects and their keys in the model's order.

        `cut`: the answer ended at its length limit, so the last call may not be complete. One with
        nothing in its arguments is not: vLLM makes up `{}` behind a name that stands alone.

        Raises:
            EngineFault: a call was cut off, or its arguments are no JSON object.
        """
        begun = [call for _, calls in sorted(self._begun.items()) for call in calls]
        last = begun[-1] if cut and begun else None
        return [_laid_out(index, call, cut=call is last) for index, call in enumerate(begun)]


def _laid_out(index: int, call: _Begun, *, cut: bool) -> dict[str, Any]:
    if not call.name:
        raise EngineFault("the model began a tool call and did not name the tool")
    made_up = "call_" + "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
    function = {"index": index, "name": call.name, "arguments": _arguments(call, cut=cut)}
    return {"id": call.id or made_up, "function": function}


def _arguments(call: _Begun, *, cut: bool) -> dict[str, Any]:
    failed = f'the model returned invalid tool call arguments for "{call.name}": '
    too_short = failed + "they were cut off at the length limit"
    text = "".join(call.arguments)
    if cut and text in ("", "{}"):
        raise EngineFault(too_short)
    try:
        arguments = orjson.loads(text or "{}")
        orjson.dumps(arguments)  # what is nested too deeply is read, but can't be written
    except orjson.JSONEncodeError as error:
        raise EngineFault(failed + str(error)) from None
    except orjson.JSONDecodeError as error:
        raise EngineFault(too_short if cut else failed + str(error)) from None
    if not isinstance(arguments, dict):
        raise EngineFault(failed + "they are no JSON object")
    return arguments
