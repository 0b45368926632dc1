"""/v1/responses: what vLLM would refuse of what Codex and others send.

Source: `openai/responses.go` of Ollama 0.33; vLLM's refusals were tried with 0.32.
"""

from __future__ import annotations

from typing import Any

from adapter.errors import BadRequest
from adapter.translate import thinking
from adapter.translate.v1_chat import REMOTE_IMAGE, image_url
from adapter.translate.v1_fields import (
    Body,
    Extras,
    Model,
    add_sampling,
    add_switch,
    check_template,
    check_tools,
    drop_empty_tools,
    effort,
    limit,
    spoken,
    think_of,
)
from adapter.wire.gojson import kind_of

DROPPED_ITEMS = {
    "web_search_call": "a search that the other server did; vLLM refuses the item",
    "file_search_call": "the same",
    "item_reference": "points into another server's memory; vLLM refuses it",
}
DROPPED_KEYS = {
    "encrypted_content": "only the server that wrote it can read it; vLLM refuses it",
}
USABLE_TOOLS = ("function", "custom", "namespace")
"""Tools that the client runs; the others are the server's, which vLLM ignores."""


def check_responses(body: Body) -> None:
    """What Ollama looks at before it looks for the model.

    Raises:
        BadRequest: with Ollama's text.
    """
    given = body.get("input", "")
    if not isinstance(given, (str, list)):
        kind = kind_of(given)
        raise BadRequest(
            "input must be a string or array: json: cannot unmarshal "
            f"{kind} into Go value of type []json.RawMessage"
        )
    body["input"] = given
    if isinstance(given, list):
        items = [_item(item) for item in given]
        body["input"] = [item for item in items if str(item.get("type")) not in DROPPED_ITEMS]
    effort(body)


def responses(body: Body, extras: Extras, model: Model) -> None:
    """The checked body → vLLM's."""
    target = model.target
    check_template(model)
    think = think_of(effort(body), extras, model)
    drop_empty_tools(body)
    if any(tool.get("type") in USABLE_TOOLS for tool in body.get("tools", ())):
        check_tools(model)
    body.pop("reasoning_effort", None)
    if "reasoning" in body:
        level = thinking.fields(think, target).get("reasoning_effort")
        rest = {key: value for key, value in body["reasoning"].items() if key != "effort"}
        body["reasoning"] = rest | ({"effort": level} if level else {})
    add_switch(body, think, target)
    limit(body, "max_output_tokens", target)
    add_sampling(body, extras, target, max_tokens="max_output_tokens")
    if target.system and not _has_system(body):
        body["instructions"] = target.system
    if own := spoken(target.turns):
        given = body["input"]
        turns = given if isinstance(given, list) else [{"role": "user", "content": given}]
        body["input"] = [*own, *turns]


def _has_system(body: Body) -> bool:
    given = body["input"]
    first: Body = given[0] if isinstance(given, list) and given else {}
    return bool(body.get("instructions")) or first.get("role") == "system"


def _item(item: Any) -> Body:
    if not isinstance(item, dict):
        raise BadRequest(
            f"input must be a string or array: json: cannot unmarshal {kind_of(item)} "
            "into Go value of type struct"
        )
    kept: Body = {key: value for key, value in item.items() if key not in DROPPED_KEYS}
    if kept.get("role") == "developer":
        kept["role"] = "system"  # templates know no other word for it
    for field in ("content", "output"):
        if isinstance(kept.get(field), list):
            kept[field] = [_part(part) for part in kept[field]]
    return kept


def _part(part: Any) -> Any:
    """The engine would fetch a picture or file that is not in the request itself."""
    if not isinstance(part, dict):
        return part
    if part.get("type") == "input_image" and part.get("image_url") is not None:
        return {**part, "image_url": image_url(part["image_url"])}
    if part.get("file_url"):
        raise BadRequest(REMOTE_IMAGE)
    return part
