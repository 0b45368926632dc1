"""Requests of Ollama's native API, as clients send them.

Null and absent are the same everywhere. Source of fields and Go types: `api/types.go` of
Ollama 0.33.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from adapter.duration import keep_alive_seconds
from adapter.wire import gobase64
from adapter.wire.gojson import GoStruct, go_type, text_error

THINK_LEVELS = ("high", "medium", "low", "max")


def _integer(value: Any) -> Any:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return value
    if not -(2**63) <= value < 2**63:
        return float(value)  # no Go integer
    # Clients in languages without integers send 5.0 for 5.
    return int(value) if value == int(value) else value


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


def _image(value: str) -> str:
    try:
        return gobase64.checked(value)
    except ValueError as error:
        raise text_error(str(error)) from None


Text = Annotated[str, go_type("string", str, zero="")]
Flag = Annotated[bool, go_type("bool", bool, zero=False)]
OptionalFlag = Annotated[bool | None, go_type("bool", bool)]
Integer = Annotated[int, go_type("int", int, zero=0), BeforeValidator(_integer)]
Mapping = Annotated[dict[str, Any], go_type("map[string]interface {}", dict, zero={})]
Think = Annotated[bool | str | None, BeforeValidator(_think)]
KeepAlive = Annotated[float | None, BeforeValidator(_keep_alive)]
Image = Annotated[str, BeforeValidator(_image), go_type("api.ImageData", str, zero="")]
Images = Annotated[tuple[Image, ...], go_type("[]api.ImageData", list, zero=())]
Tool = Annotated[Mapping, go_type("api.Tool", dict, zero={})]
Tools = Annotated[tuple[Tool, ...], go_type("[]api.Tool", list, zero=())]
Tokens = Annotated[tuple[Integer, ...], go_type("[]int", list, zero=())]


class CalledFunction(GoStruct):
    """What a model called, with arguments by name."""

    name: Text = ""
    arguments: Annotated[
        dict[str, Any], go_type("api.ToolCallFunctionArguments", dict, zero={})
    ] = Field(default_factory=dict)


class ToolCall(GoStruct):
    id: Text = ""
    function: Annotated[CalledFunction, go_type("api.ToolCallFunction", dict, zero={})] = Field(
        default_factory=CalledFunction
    )


Calls = Annotated[
    tuple[Annotated[ToolCall, go_type("api.ToolCall", dict, zero={})], ...],
    go_type("[]api.ToolCall", list, zero=()),
]


class Message(GoStruct):
    """One turn. `role` and `content` may be empty; Ollama validates neither."""

    role: Text = ""
    content: Text = ""
    thinking: Text = ""
    images: Images = ()
    tool_calls: Calls = ()
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
    """`tool_choice` is no field of Ollama's; vLLM has it, and it is passed on."""

    messages: Turns = ()
    tools: Tools = ()
    tool_choice: Any = None


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
    """`system` and `options` stand for the model's own in the answer."""

    verbose: Flag = False
    system: Text = ""
    options: Mapping = Field(default_factory=dict)


class ProgressRequest(NamedRequest):
    """Asks for something that is told line by line."""

    stream: OptionalFlag = None

    @property
    def streams(self) -> bool:
        return self.stream is not False


class PullRequest(ProgressRequest):
    pass


class PushRequest(ProgressRequest):
    pass


Digests = Annotated[
    dict[str, Annotated[str, go_type("string", str, zero="")]],
    go_type("map[string]string", dict, zero={}),
]


class CreateRequest(ProgressRequest):
    """`files` and `adapters`: file name → digest of a blob. `license`: a text or a list of them."""

    from_: Text = Field("", alias="from")
    files: Digests = Field(default_factory=dict)
    adapters: Digests = Field(default_factory=dict)
    template: Text = ""
    license: Any = None
    system: Text = ""
    parameters: Mapping = Field(default_factory=dict)
    messages: Turns = ()
    quantize: Text = ""


class CopyRequest(GoStruct):
    source: Text = ""
    destination: Text = ""


class DeleteRequest(NamedRequest):
    pass
