"""A parsed template, and Ollama's ways to execute one: at once, turn by turn, around a gap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from adapter.translate.gotemplate.cutting import cut_at_response
from adapter.translate.gotemplate.data import (
    ANYTHING,
    collate,
    messages_value,
    thinking,
    tools_value,
)
from adapter.translate.gotemplate.execution import Execution
from adapter.translate.gotemplate.functions import Surroundings
from adapter.translate.gotemplate.limits import Budget
from adapter.translate.gotemplate.nodes import Action, Command, Field, Node, Pipe, names
from adapter.translate.gotemplate.parser import parse_nodes
from adapter.translate.gotemplate.values import Table, Value
from adapter.wire.ollama import Message


@lru_cache(maxsize=64)
def parse(text: str) -> Template:
    """The template in a text. Kept, for a model's own comes with every request.

    Raises:
        TemplateError: it is none, or uses what is not supported (`define`, `template`, `block`,
            `html` and its like); the text says which and begins with `template: `.
    """
    return Template(text, parse_nodes(text))


class Template:
    """Immutable; may be kept and used by many requests."""

    def __init__(self, text: str, nodes: tuple[Node, ...]) -> None:
        self._text = text
        self._names = frozenset(name.lower() for name in names(nodes))
        if not self._names & {"messages", "response"}:
            # An answer belongs at the end where a template does not say so.
            field = Field(len(text), ("Response",))
            command = Command(len(text), (field,))
            nodes = (*nodes, Action(Pipe(len(text), (command,))))
        self._nodes = nodes
        self._last_turn = cut_at_response(nodes)

    def uses(self, name: str) -> bool:
        """Whether it speaks of a field or variable anywhere, `Tools` or `.Tools`, in any case."""
        return name.removeprefix(".").lower() in self._names

    def render(
        self,
        messages: Sequence[Message] = (),
        *,
        prompt: str = "",
        suffix: str = "",
        tools: Sequence[Any] = (),
        think: bool | str | None = None,
        today: date | None = None,
    ) -> str:
        """The prompt.

        With `prompt` and `suffix` both, they alone count: code to fill in. Else a template that
        uses `.Messages` is given all; another is executed for each exchange with `.System`,
        `.Prompt` and `.Response`, and ends where the last `.Response` does. A system text and a
        plain prompt are messages too. `tools` are as in a request, `today` is for `currentDate`.

        Raises:
            TemplateError: the template and its data don't fit, or it takes too much work.
        """
        around = Surroundings(Budget(), today)
        common = thinking(think)
        if prompt and suffix:
            gap = {"Prompt": prompt, "Suffix": suffix, "Response": ""}
            return self._execute(self._nodes, {**gap, **common}, around)
        system, turns = collate(messages)
        if not self.uses("messages"):
            return self._turn_by_turn(turns, common, around)
        everything: dict[str, Value] = {
            "System": system,
            "Messages": messages_value(turns),
            "Tools": tools_value(tools),
            "Response": "",
        }
        return self._execute(self._nodes, {**everything, **common}, around)

    def _execute(self, nodes: Sequence[Node], data: dict[str, Value], around: Surroundings) -> str:
        return Execution(self._text, Table(ANYTHING, dict(sorted(data.items()))), around).run(nodes)

    def _turn_by_turn(
        self, turns: Iterable[Message], common: dict[str, Value], around: Surroundings
    ) -> str:
        done: list[str] = []
        exchange = _blank()
        for turn in turns:
            if any(exchange[part] for part in _ENDED_BY.get(turn.role, ())):
                done.append(self._execute(self._nodes, {**exchange, **common}, around))
                exchange = _blank()
            if turn.role in _PARTS:
                exchange[_PARTS[turn.role]] = turn.content
        done.append(self._execute(self._last_turn, {**exchange, **common}, around))
        return "".join(done)


_PARTS = {"system": "System", "user": "Prompt", "assistant": "Response"}
_ENDED_BY = {"system": ("Prompt", "Response"), "user": ("Response",)}
"""What an exchange holds when a turn of this role begins the next one."""


def _blank() -> dict[str, Value]:
    return {"System": "", "Prompt": "", "Response": ""}
