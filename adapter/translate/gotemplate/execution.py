"""A tree and its data → text: one walk through the template, within a budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NoReturn, TypeAlias
from typing import Literal as OneOf

from adapter.translate.gotemplate.functions import (
    FUNCTIONS,
    CallFailed,
    Signature,
    Surroundings,
    typescript,
)
from adapter.translate.gotemplate.limits import TemplateError, excerpt
from adapter.translate.gotemplate.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Dot,
    Field,
    Function,
    Literal,
    Nil,
    Node,
    Operand,
    Pipe,
    Text,
    Variable,
)
from adapter.translate.gotemplate.printing import text, to_json
from adapter.translate.gotemplate.values import (
    Array,
    Record,
    Table,
    Value,
    truth,
    type_name,
    weight,
)

Signal: TypeAlias = OneOf["break", "continue"] | None
_Fed: TypeAlias = tuple[Value, ...]
"""What the command before in a pipeline made: one value, or nothing."""

NOTHING_FED: Final[_Fed] = ()


class Execution:
    """One walk. `source` is the template's text, of which errors tell the place."""

    def __init__(self, source: str, data: Table, around: Surroundings) -> None:
        self._source = source
        self._around = around
        self._data = data
        self._scopes: list[dict[str, Value]] = [{"$": data}]
        self._here: Operand | Command = Dot(0)
        self._written: list[str] = []

    def run(self, nodes: Sequence[Node]) -> str:
        """The text that the nodes make of the data.

        Raises:
            TemplateError: `template: :LINE:COLUMN: executing "" at <WHERE>: WHAT`, or over budget.
        """
        self._walk(nodes, self._data)
        return "".join(self._written)

    def _fail(self, message: str) -> NoReturn:
        before = self._source[: self._here.start]
        line = before.count("\n") + 1
        column = len(before[before.rfind("\n") + 1 :].encode("utf-8", "replace"))
        where = f'template: :{line}:{column}: executing "" at <{excerpt(str(self._here))}>'
        raise TemplateError(f"{where}: {excerpt(message)}")

    # Nodes

    def _walk(self, nodes: Sequence[Node], dot: Value) -> Signal:
        for node in nodes:
            self._around.budget.step()
            if isinstance(node, Text):
                self._write(node.text)
            elif isinstance(node, Action):
                value = self._pipe(node.pipe, dot)
                if not node.pipe.variables:
                    self._print(value)
            elif isinstance(node, Branch):
                self._scopes.append({})
                signal = self._branch(node, dot)
                self._scopes.pop()
                if signal:
                    return signal
            else:
                return node.kind
        return None

    def _print(self, value: Value) -> None:
        self._around.budget.step(weight(value))
        self._write("<no value>" if value is None else text(value))

    def _write(self, piece: str) -> None:
        self._around.budget.spend(len(piece))
        self._written.append(piece)

    def _branch(self, node: Branch, dot: Value) -> Signal:
        value = self._pipe(node.pipe, dot)
        if node.kind == "range":
            return self._range(node, value, dot)
        if truth(value):
            return self._walk(node.body, value if node.kind == "with" else dot)
        return self._walk(node.otherwise or (), dot)

    def _range(self, node: Branch, value: Value, dot: Value) -> Signal:
        empty = True
        for key, item in self._elements(node.pipe, value):
            empty = False
            self._around.budget.step()
            self._set_loop_variables(node.pipe, key, item)
            self._scopes.append({})
            signal = self._walk(node.body, item)
            self._scopes.pop()
            if signal == "break":
                return None
        return self._walk(node.otherwise or (), dot) if empty else None

    def _elements(self, pipe: Pipe, value: Value) -> Iterator[tuple[Value, Value]]:
        if isinstance(value, Array):
            return iter(enumerate(value.items))
        if isinstance(value, Table):
            return iter(value.entries.items())
        if value is None:
            return iter(())
        if isinstance(value, int) and not isinstance(value, bool):
            if len(pipe.variables) > 1:
                self._fail(f"can't use {value} to iterate over more than one variable")
            return ((None, number) for number in range(value))
        self._fail(f"range can't iterate over {excerpt(text(value))}")

    def _set_loop_variables(self, pipe: Pipe, key: Value, item: Value) -> None:
        values = (key, item) if len(pipe.variables) > 1 else (item,)
        for name, value in zip(pipe.variables, values, strict=False):
            if pipe.assigns:
                self._assign(name, value)
            else:
                self._scopes[-1][name] = value

    def _assign(self, name: str, value: Value) -> None:
        for scope in reversed(self._scopes):
            if name in scope:
                scope[name] = value
                return
        self._fail(f"undefined variable: {name}")

    # Expressions

    def _pipe(self, pipe: Pipe, dot: Value) -> Value:
        self._here = pipe
        fed = NOTHING_FED
        for command in pipe.commands:
            fed = (self._command(command, dot, fed),)
        (value,) = fed
        for name in pipe.variables:
            if pipe.assigns:
                self._assign(name, value)
            else:
                self._scopes[-1][name] = value
        return value

    def _command(self, command: Command, dot: Value, fed: _Fed) -> Value:
        first, arguments = command.operands[0], command.operands[1:]
        if isinstance(first, Function):
            return self._call(first, command, arguments, dot, fed)
        if isinstance(first, (Field, Chain)) or (isinstance(first, Variable) and first.names):
            return self._fields(first, dot, called=bool(arguments or fed))
        if not isinstance(first, Pipe):
            self._here = first
        if arguments or fed:
            self._fail(f"can't give argument to non-function {first}")
        if isinstance(first, (Pipe, Variable, Literal, Dot)):
            return self._value(first, dot)
        self._fail("nil is not a command")

    def _value(self, operand: Operand, dot: Value) -> Value:
        """An operand that stands as an argument, or alone."""
        self._around.budget.step()
        self._here = operand
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Pipe):
            return self._pipe(operand, dot)
        if isinstance(operand, Dot):
            return dot
        if isinstance(operand, Function):
            return self._call(operand, operand, (), dot, NOTHING_FED)
        if isinstance(operand, Variable) and not operand.names:
            return self._variable(operand.name)
        if isinstance(operand, (Field, Chain, Variable)):
            return self._fields(operand, dot, called=False)
        return None

    def _variable(self, name: str) -> Value:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        self._fail(f"undefined variable: {name}")

    def _fields(self, operand: Field | Chain | Variable, dot: Value, *, called: bool) -> Value:
        self._here = operand
        if isinstance(operand, Field):
            value = dot
        elif isinstance(operand, Variable):
            value = self._variable(operand.name)
        else:
            value = self._value(operand.operand, dot)
        last = len(operand.names) - 1
        known_as = type_name(value)
        for place, name in enumerate(operand.names):
            if value is None:
                if place:
                    self._fail(f"nil pointer evaluating interface {{}}.{name}")
                return None
            self._around.budget.step()
            holder = value
            value = self._field(value, name, known_as, called=called and place == last)
            # What a map of anything holds is of no type yet.
            anything = isinstance(holder, Table) and holder.absent is None
            known_as = "interface {}" if anything else type_name(value)
        return value

    def _field(self, value: Value, name: str, known_as: str, *, called: bool) -> Value:
        known: Mapping[str, Value] = value.fields if isinstance(value, Record) else {}
        if isinstance(value, (Record, Array, Table)) and name not in known:
            if name == "String" and value.spoken:
                self._around.budget.step(weight(value))
                return to_json(value)
            if name == "ToTypeScriptType" and value.type == "api.ToolProperty":
                return typescript(value)
        if name in known:
            if called:
                self._fail(f"{name} has arguments but cannot be invoked as function")
            return known[name]
        if isinstance(value, Table):
            if called:
                self._fail(f"{name} is not a method but has arguments")
            return value.entries.get(name, value.absent)
        self._fail(f"can't evaluate field {name} in type {known_as}")

    # Calls

    def _call(
        self,
        function: Function,
        whole: Function | Command,
        arguments: Sequence[Operand],
        dot: Value,
        fed: _Fed,
    ) -> Value:
        self._around.budget.step()
        self._here = function
        signature = FUNCTIONS[function.name]
        self._check_count(function.name, signature, len(arguments), len(fed))
        if function.name in ("and", "or"):
            return self._until(function.name == "or", arguments, dot, fed)
        values = self._arguments(signature, arguments, dot, fed)
        try:
            made = signature.call(values, self._around)
        except CallFailed as failed:
            self._here = whole
            self._fail(f"error calling {function.name}: {failed}")
        if isinstance(made, str):
            self._around.budget.spend(len(made))
        return made

    def _check_count(self, name: str, signature: Signature, given: int, fed: int) -> None:
        count = given + fed
        if signature.least == signature.most:
            if count != signature.least:
                want = signature.least
                self._fail(f"wrong number of args for {name}: want {want} got {count}")
        elif count < signature.least:
            want = signature.least
            self._fail(f"wrong number of args for {name}: want at least {want} got {given}")
        elif signature.most is not None and count > signature.most:
            self._fail(f"error calling {name}: too many slice indexes: {count - 1}")

    def _arguments(
        self, signature: Signature, operands: Sequence[Operand], dot: Value, fed: _Fed
    ) -> list[Value]:
        values: list[Value] = []
        for operand in operands:
            values.append(self._value(operand, dot))
            if signature.text_first and len(values) == 1:
                self._check_text(values[0], operand)
        if signature.text_first and not operands:
            self._check_text(fed[0], None)
        return [*values, *fed]

    def _check_text(self, value: Value, operand: Operand | None) -> None:
        if isinstance(value, str):
            return
        if isinstance(operand, Literal):
            self._fail(f"expected string; found {operand}")
        if isinstance(operand, Nil):
            self._fail("cannot assign nil to string")
        self._fail(f"wrong type for value; expected string; got {type_name(value)}")

    def _until(self, sought: bool, arguments: Sequence[Operand], dot: Value, fed: _Fed) -> Value:
        """The first value of this truth, or the last; what follows it isn't evaluated."""
        value: Value = None
        for argument in arguments:
            value = self._value(argument, dot)
            if truth(value) == sought:
                return value
        return fed[0] if fed else value
