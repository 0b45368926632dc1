"""What a model's folder holds, as far as the start of an engine depends on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher import accounts, gate, hub
from launcher.ready import ready

# Formats of Mistral's own bring no template: vLLM builds their prompts itself.
TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")
OWN_FORMAT = ("tekken.json", "tokenizer.model.v3")


@dataclass(frozen=True)
class Contents:
    there: bool
    ready: bool = False
    unreadable: str = ""
    """The folder or file in it that this user may not read."""
    config: Mapping[str, Any] = field(default_factory=dict)
    size: int = 0
    """Bytes of the weights."""
    template: bool = False
    faults: tuple[str, ...] = ()
    """Why it isn't complete, when it isn't."""


def read(folder: Path, may_read: Callable[[Path], bool] = accounts.readable) -> Contents:
    try:
        there = folder.is_dir() and any(folder.iterdir())
    except PermissionError:
        return Contents(there=True, unreadable=str(folder))
    if not there:
        return Contents(there=False)
    if closed := next((path for path in sorted(folder.iterdir()) if not may_read(path)), None):
        return Contents(there=True, unreadable=str(closed))
    whole = ready(folder)
    faults = () if whole else tuple(gate.faults(folder)) or ("its files are not those fetched",)
    return Contents(
        there=True,
        ready=whole,
        config=_object(folder / "config.json"),
        size=hub.size_of(hub.weights(folder)),
        template=has_template(folder),
        faults=faults,
    )


def has_template(folder: Path) -> bool:
    if any((folder / name).exists() for name in (*TEMPLATES, *OWN_FORMAT)):
        return True
    return bool(_object(folder / "tokenizer_config.json").get("chat_template"))


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
