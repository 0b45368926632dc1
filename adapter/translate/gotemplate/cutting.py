"""A tree without what follows its `.Response`: the model goes on from there."""

from __future__ import annotations

from collections.abc import Iterable

from adapter.translate.gotemplate.nodes import Action, Branch, Command, Field, Node, Operand, Pipe


def cut_at_response(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes up to the first that prints `.Response`, that one included.

    As Ollama cuts: the response in a condition is none, and a pipeline that goes on after it
    goes altogether.
    """
    return _Cut().nodes(nodes)


class _Cut:
    def __init__(self) -> None:
        self._done = False

    def nodes(self, nodes: Iterable[Node]) -> tuple[Node, ...]:
        kept = (self._node(node) for node in nodes)
        return tuple(node for node in kept if node is not None)

    def _node(self, node: Node) -> Node | None:
        if self._done:
            return None
        if isinstance(node, Branch):
            body = self.nodes(node.body)
            otherwise = None if node.otherwise is None else self.nodes(node.otherwise)
            return Branch(node.kind, node.pipe, body, otherwise)
        if isinstance(node, Action):
            pipe = self._pipe(node.pipe)
            return None if pipe is None else Action(pipe)
        return node

    def _pipe(self, pipe: Pipe) -> Pipe | None:
        commands: list[Command] = []
        for command in pipe.commands:
            kept = tuple(filter(self._keeps, command.operands))
            if not kept:
                return None
            commands.append(Command(command.start, kept))
        return Pipe(pipe.start, tuple(commands), pipe.variables, pipe.assigns)

    def _keeps(self, operand: Operand) -> bool:
        if self._done:
            return False
        if isinstance(operand, Field) and "Response" in operand.names:
            self._done = True
        if isinstance(operand, Pipe):
            return self._pipe(operand) is not None
        return True
