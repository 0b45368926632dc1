"""The tree of a template. `start` is a node's place in the text; `str()` is its source, tidied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Dot:
    start: int

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Nil:
    start: int

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, a number or a boolean."""

    start: int
    source: str
    value: str | int | float | bool

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True, slots=True)
class Field:
    """`.A.B` of the dot."""

    start: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.A.B`; the name holds its dollar sign."""

    start: int
    name: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.names))


@dataclass(frozen=True, slots=True)
class Function:
    start: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Chain:
    """`(…).A.B`, or a function's value and its fields."""

    start: int
    operand: Operand
    names: tuple[str, ...]

    def __str__(self) -> str:
        fields = "".join(f".{name}" for name in self.names)
        return f"{_in_parentheses(self.operand)}{fields}"


@dataclass(frozen=True, slots=True)
class Command:
    """An operand, or a function and its arguments."""

    start: int
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        return " ".join(map(_in_parentheses, self.operands))


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each fed with the value of the one before; the last one's goes to `variables`."""

    start: int
    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False

    def __str__(self) -> str:
        commands = " | ".join(map(str, self.commands))
        sign = "=" if self.assigns else ":="
        return f"{', '.join(self.variables)} {sign} {commands}" if self.variables else commands


Operand: TypeAlias = Dot | Nil | Literal | Field | Variable | Function | Chain | Pipe


def _in_parentheses(operand: Operand) -> str:
    return f"({operand})" if isinstance(operand, Pipe) else str(operand)


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` or `range`; `otherwise` is None where there is no `else`."""

    kind: OneOf["if", "with", "range"]
    pipe: Pipe
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] | None


@dataclass(frozen=True, slots=True)
class Jump:
    kind: OneOf["break", "continue"]


Node: TypeAlias = Text | Action | Branch | Jump


def names(nodes: Iterable[Node]) -> Iterator[str]:
    """Every field and variable that the nodes speak of.

    As Ollama looks for them: fields of a parenthesized pipeline are not seen, its inside is.
    """
    for node in nodes:
        if isinstance(node, Action):
            yield from _names_of(node.pipe)
        elif isinstance(node, Branch):
            yield from _names_of(node.pipe)
            yield from names(node.body)
            yield from names(node.otherwise or ())


def _names_of(operand: Operand) -> Iterator[str]:
    if isinstance(operand, Pipe):
        for command in operand.commands:
            for inner in command.operands:
                yield from _names_of(inner)
    elif isinstance(operand, Field):
        yield from operand.names
    elif isinstance(operand, Variable):
        yield from (operand.name, *operand.names)
