"""What a Modelfile says of a model that stands on another: kept, laid over, told apart.

Sources: `server/create.go` of Ollama 0.33 (what is inherited, what is merged, the texts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from adapter.errors import BadOption, BadRequest
from adapter.translate import gotemplate
from adapter.translate.options import sampling
from adapter.translate.target import Target
from adapter.translate.untold import OWN_TEMPLATES, UNKNOWN
from adapter.wire.ollama import CreateRequest, Message

_SCALARS = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Definition:
    """`base` is a name that an engine or the configuration gives, never another alias.

    `options` in Ollama's names; `lora`: the engine's name for the adapter laid over the base.
    """

    base: str
    system: str = ""
    template: str = ""
    messages: tuple[Message, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    license: tuple[str, ...] = ()
    lora: str = ""


def laid_over(under: Definition, request: CreateRequest) -> Definition:
    """The definition that the request makes of another: what it leaves out is inherited.

    Clients send back what /api/show told them: the texts for what an engine does not tell mean
    the model's own template and licence, and are none of the alias's.

    Raises:
        BadRequest: parameters or the licence are of the wrong kind, the template can't be read.
    """
    template = "" if request.template in OWN_TEMPLATES else request.template or under.template
    if request.template:
        _check_template(request.template)
    return replace(
        under,
        system=request.system or under.system,
        template=template,
        messages=request.messages or under.messages,
        options={**under.options, **_options(request.parameters)},
        license=_license(request.license) or under.license,
    )


def _check_template(text: str) -> None:
    try:
        gotemplate.parse(text)
    except gotemplate.TemplateError as error:
        raise BadRequest(f"template error: {error.message}") from None


def _options(parameters: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in parameters.items():
        if value is None:
            continue
        many = value if isinstance(value, list) else [value]
        legal = name.isprintable() and name and " " not in name
        if not legal or not all(isinstance(item, _SCALARS) for item in many):
            raise BadRequest(f"parameter {orjson.dumps(name).decode()} is none")
        # A Modelfile's line holds one stop string; so do some clients' requests.
        options[name] = many if name == "stop" else value
    try:
        sampling(options, Target(""))
    except BadOption as error:
        raise BadRequest(error.message) from None
    return options


def _license(value: Any) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not all(text is None or isinstance(text, str) for text in texts):
        raise BadRequest("license must be a string or a list of strings")
    return tuple(text for text in texts if text and text != UNKNOWN)


def fingerprint(definition: Definition) -> str:
    """64 hex digits that stay the same as long as the definition does."""
    parts = [definition.base, *_parts(definition), definition.lora]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def digest_of(own: str, base: str) -> str:
    """That of an alias, of its fingerprint and its base's digest."""
    return hashlib.sha256(f"{base}\n{own}".encode()).hexdigest()


def layers(definition: Definition) -> list[str]:
    """Digests of what the definition adds to its base, as Ollama has them: `sha256:` and hex."""
    texts = filter(None, _parts(definition))
    return [f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" for text in texts]


def _parts(definition: Definition) -> list[str]:
    return [
        definition.template,
        "\n".join(definition.license),
        definition.system,
        _json(dict(definition.options), orjson.OPT_SORT_KEYS),
        _json([turn.model_dump() for turn in definition.messages], 0),
    ]


def _json(value: Any, option: int) -> str:
    return orjson.dumps(value, option=option).decode() if value else ""
