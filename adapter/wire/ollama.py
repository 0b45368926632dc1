"""Requests of Ollama's native API, as clients send them.

Null and absent are the same everywhere. Source of fields and Go types: `api/types.go` of
Ollama 0.33.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from adapter.duration import keep_alive_seconds
from adapter.wire.gojson import GoStruct, go_type, text_error

THINK_LEVELS = ("high", "medium", "low", "max")


def _integer(value: Any) -> Any:
    # Clients in languages without integers send 5.0 for 5.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _think(value: Any) -> bool | str | None:
    if value is None or isinstance(value, bool) or value in THINK_LEVELS:
        return value  # type: ignore[no-any-return]  # one of the three, as just checked
    if isinstance(value, str):
        levels = ", ".join(f'"{level}"' for level in THINK_LEVELS)
        raise text_error(f'invalid think value: "{value}" (must be {levels}, true, or false)')
    raise text_error("think must be a boolean or string (high, medium, low, max, true, or false)")


def _keep_alive(value: Any) -> float | None:
    try:
        return keep_alive_seconds(value)
    except ValueError as error:
        raise text_error(str(error)) from None


Text = Annotated[str, go_type("string", str, zero="")]
Flag = Annotated[bool, go_type("bool", bool, zero=False)]
OptionalFlag = Annotated[bool | None, go_type("bool", bool)]
Integer = Annotated[int, go_type("int", int, zero=0), BeforeValidator(_integer)]
Mapping = Annotated[dict[str, Any], go_type("map[string]interface {}", dict, zero={})]
Think = Annotated[bool | str | None, BeforeValidator(_think)]
KeepAlive = Annotated[float | None, BeforeValidator(_keep_alive)]
Images = Annotated[tuple[Text, ...], go_type("[]api.ImageData", list, zero=())]
Tools = Annotated[tuple[Any, ...], go_type("[]api.Tool", list, zero=())]
ToolCalls = Annotated[tuple[Any, ...], go_type("[]api.ToolCall", list, zero=())]
Tokens = Annotated[tuple[Integer, ...], go_type("[]int", list, zero=())]


class Message(GoStruct):
    """One turn. `role` and `content` may be empty; Ollama validates neither."""

    role: Text = ""
    content: Text = ""
    thinking: Text = ""
    images: Images = ()
    tool_calls: ToolCalls = ()
    tool_name: Text = ""
    tool_call_id: Text = ""


Turn = Annotated[Message, go_type("api.Message", dict, zero={})]
Turns = Annotated[tuple[Turn, ...], go_type("[]api.Message", list, zero=())]


class NamedRequest(GoStruct):
    """Anything that names a model; `name` is the older word for `model`."""

    model: Text = ""
    name: Text = ""

    @property
    def asked(self) -> str:
        """The name as the client wrote it, blanks included; replies echo it."""
        return self.model or self.name


class GenerationRequest(NamedRequest):
    """What /api/chat and /api/generate share. `keep_alive` in seconds, infinity = for ever."""

    stream: OptionalFlag = None
    format: Any = None
    keep_alive: KeepAlive = None
    options: Mapping = Field(default_factory=dict)
    think: Think = None
    truncate: OptionalFlag = None
    shift: OptionalFlag = None
    logprobs: Flag = False
    top_logprobs: Integer = 0

    @property
    def streams(self) -> bool:
        return self.stream is not False


class ChatRequest(GenerationRequest):
    messages: Turns = ()
    tools: Tools = ()


class GenerateRequest(GenerationRequest):
    prompt: Text = ""
    suffix: Text = ""
    system: Text = ""
    template: Text = ""
    context: Tokens = ()
    raw: Flag = False
    images: Images = ()


class EmbedRequest(NamedRequest):
    """`input` is a string or a list of strings; its type is judged by the translator."""

    input: Any = None
    truncate: OptionalFlag = None
    dimensions: Integer = 0
    keep_alive: KeepAlive = None
    options: Mapping = Field(default_factory=dict)


class EmbeddingsRequest(NamedRequest):
    """The older endpoint: one prompt, one vector."""

    prompt: Text = ""
    keep_alive: KeepAlive = None
    options: Mapping = Field(default_factory=dict)


class ShowRequest(NamedRequest):
    verbose: Flag = False
