"""What a request asks for that not every model has: images to look at."""

from __future__ import annotations

from typing import Any

from adapter.errors import BadRequest
from adapter.wire.gojson import read_json
from adapter.wire.longtext import Json

_WHERE = ("images", "messages", "input")
"""The fields of all the routes in which images stand."""
_KINDS = ("image_url", "input_image", "image")
"""The types of parts that are one."""


def has_images(body: Json) -> bool:
    """Whether there is an image in a request, of whatever route. One that is no JSON has none."""
    if b"image" not in body.lower():
        return False
    try:
        value = read_json(body)
    except BadRequest:
        return False
    if not isinstance(value, dict):
        return False
    fields = {key.lower(): field for key, field in value.items()}
    return bool(fields.get("images")) or any(_holds(fields.get(name)) for name in _WHERE[1:])


def _holds(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds, value))
    if not isinstance(value, dict):
        return False
    if value.get("type") in _KINDS:
        return True
    images = value.get("images")
    return (isinstance(images, list) and bool(images)) or _holds(value.get("content"))
