"""The statements: `statements.jsonl` beside this file, a JSON object each.

`id`, `route`, `statement` (a sentence), `request` {method, path, headers, body | raw_body}; a
header that is null is not sent. `expect`: see rules.py and streams.py. `level`: `core`, every
client depends on it or it is cheap; `extended`, a full drop-in; `na`, true of Ollama and not asked
of a server that drives another engine (`why` says why). `source`: where it is so in ollama/ollama,
or which client needs it. `verified_against_reference`: put to the server of Ollama 0.33 and passed;
null if that was not possible, and for the suite's own, whose id starts with X.

Optional: `mock`, the word in the prompt that a scripted engine must obey; `setup`, a request sent
first (`POST … first`) or `unload all`; `creates`, names of models that may come into being, which
are deleted afterwards; `requires`, conditions of target.py; `note`.

Placeholders: {{model}} a chat model with tools and thinking; {{plain}} one that can do nothing but
talk, {{PLAIN}} the same in upper case; {{embed}} an embedding model; {{insert}} one that fills in
the middle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import orjson

Level = Literal["core", "extended", "na"]
INCLUDED: dict[str, tuple[Level, ...]] = {
    "core": ("core",),
    "extended": ("core", "extended"),
    "all": ("core", "extended", "na"),
}
"""The levels that a choice on the command line takes in."""
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Statement:
    id: str
    route: str
    statement: str
    request: dict[str, Any]
    expect: dict[str, Any]
    level: Level
    source: str
    verified_against_reference: bool | None
    why: str = ""
    note: str = ""
    mock: str = ""
    setup: str = ""
    requires: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()

    @property
    def placeholders(self) -> set[str]:
        """What it needs names for."""
        used = orjson.dumps([self.request, self.expect, self.setup]).decode()
        return set(_PLACEHOLDER.findall(used))

    def filled(self, names: Mapping[str, str]) -> Statement:
        """With names in the place of placeholders. Raises KeyError if one has no name."""
        return replace(
            self,
            request=_fill(self.request, names),
            expect=_fill(self.expect, names),
            setup=_fill(self.setup, names),
        )


@cache
def all_statements() -> tuple[Statement, ...]:
    """In the order of the file, which is that of the routes."""
    text = files("adapter.conformance").joinpath("statements.jsonl").read_text("utf-8")
    rows = (orjson.loads(line) for line in text.split("\n") if line)
    return tuple(Statement(**row) for row in rows)


def select(level: str = "extended", prefix: str = "") -> tuple[Statement, ...]:
    """Those of a choice of levels (see INCLUDED) whose id starts with a prefix."""
    levels = INCLUDED[level]
    return tuple(s for s in all_statements() if s.level in levels and s.id.startswith(prefix))


def _fill(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: names[match[1]], value)
    if isinstance(value, dict):
        return {key: _fill(held, names) for key, held in value.items()}
    if isinstance(value, list):
        return [_fill(held, names) for held in value]
    return value
