"""Tokens → tree, by recursive descent, with Go's words for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal as OneOf
from typing import NoReturn

from adapter.translate.gotemplate.functions import FUNCTIONS, REFUSED
from adapter.translate.gotemplate.lexer import Token, lex
from adapter.translate.gotemplate.limits import (
    DEEPEST,
    LONGEST_TEMPLATE,
    TemplateError,
    excerpt,
)
from adapter.translate.gotemplate.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Dot,
    Field,
    Function,
    Jump,
    Literal,
    Nil,
    Node,
    Operand,
    Pipe,
    Text,
    Variable,
)
from adapter.translate.gotemplate.quoting import quote, read_number, read_rune, unquote

End = OneOf["end", "else", "EOF"]
_OPERANDS = frozenset(
    ("bool", "rune", ".", "field", "identifier", "number", "nil", "raw", "string", "variable", "(")
)
_BRANCHES: dict[str, OneOf["if", "with", "range"]] = {
    "if": "if",
    "with": "with",
    "range": "range",
}
_JUMPS: dict[str, OneOf["break", "continue"]] = {"break": "break", "continue": "continue"}
_SHARED_PARTS = ("block", "define", "template")
_READERS: dict[str, Callable[[str], str | int | float | bool]] = {
    "bool": lambda word: word == "true",
    "number": read_number,
    "raw": unquote,
    "rune": read_rune,
    "string": unquote,
}


def parse_nodes(text: str) -> tuple[Node, ...]:
    """The tree of a template.

    Raises:
        TemplateError: `template: :LINE: what is wrong`.
    """
    if len(text) > LONGEST_TEMPLATE:
        raise TemplateError(f"template: : longer than {LONGEST_TEMPLATE} characters")
    return _Parser(text).template()


class _Parser:
    def __init__(self, text: str) -> None:
        self._coming = lex(text)
        self._tokens: list[Token] = []
        self._at = 0
        self._action_line = 0
        self._ranges = 0
        self._depth = 0
        # Names in order of declaration, and how many of each are in sight.
        self._declared: list[str] = ["$"]
        self._in_sight = {"$": 1}

    def template(self) -> tuple[Node, ...]:
        nodes, end = self._list()
        if end != "EOF":
            self._fail(f"unexpected {{{{{end}}}}}")
        return nodes

    # Tokens

    def _take(self) -> Token:
        if self._at == len(self._tokens):
            # The last one, EOF, comes again and again.
            self._tokens.append(next(self._coming, None) or self._tokens[-1])
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> Token:
        token = self._take()
        self._at -= 1
        return token

    def _take_past_space(self) -> Token:
        token = self._take()
        return self._take() if token.kind == "space" else token

    def _peek_past_space(self) -> Token:
        token = self._take_past_space()
        self._at -= 1
        return token

    def _expect_closing(self, context: str) -> None:
        token = self._take_past_space()
        if token.kind != "}}":
            self._unexpected(token, context)

    def _fail(self, message: str) -> NoReturn:
        line = self._tokens[-1].line
        raise TemplateError(f"template: :{line}: {excerpt(message)}")

    def _unexpected(self, token: Token, context: str) -> NoReturn:
        if token.kind != "error":
            self._fail(f"unexpected {token} in {context}")
        started = ""
        if self._action_line not in (0, token.line):
            # Not «action in action».
            word = "" if token.value.endswith(" action") else " in action"
            started = f"{word} started at :{self._action_line}"
        self._fail(f"{token}{started}")

    # Lists and controls

    def _list(self) -> tuple[tuple[Node, ...], End]:
        """Nodes, and what ended them; that is taken, but for the `if` of an `else if`."""
        nodes: list[Node] = []
        while (token := self._take_past_space()).kind != "EOF":
            if token.kind == "text":
                nodes.append(Text(token.value))
                continue
            if token.kind != "{{":
                self._unexpected(token, "input")
            self._action_line = token.line
            node = self._action()
            self._action_line = 0
            if node == "end" or node == "else":
                return tuple(nodes), node
            nodes.append(node)
        return tuple(nodes), "EOF"

    def _action(self) -> Node | OneOf["end", "else"]:
        token = self._take_past_space()
        kind = token.kind
        if kind in _BRANCHES:
            return self._branch(_BRANCHES[kind])
        if kind in _JUMPS:
            return self._jump(_JUMPS[kind])
        if kind == "end":
            self._expect_closing("end")
            return "end"
        if kind == "else":
            if self._peek_past_space().kind not in ("if", "with"):
                self._expect_closing("else")
            return "else"
        if kind in _SHARED_PARTS:
            self._fail(f"{{{{{kind}}}}} is not supported")
        self._at -= 1
        return Action(self._pipe("command", "}}"))

    def _jump(self, kind: OneOf["break", "continue"]) -> Jump:
        self._expect_closing(f"{{{{{kind}}}}}")
        if not self._ranges:
            self._fail(f"{{{{{kind}}}}} outside {{{{range}}}}")
        return Jump(kind)

    def _branch(self, kind: OneOf["if", "with", "range"]) -> Branch:
        visible = len(self._declared)
        self._descend()
        pipe = self._pipe(kind, "}}")
        self._ranges += kind == "range"
        body, end = self._list()
        self._ranges -= kind == "range"
        otherwise = self._otherwise(kind) if end == "else" else None
        if end == "EOF":
            self._fail("unexpected EOF")
        self._depth -= 1
        while len(self._declared) > visible:
            self._in_sight[self._declared.pop()] -= 1
        return Branch(kind, pipe, body, otherwise)

    def _otherwise(self, kind: OneOf["if", "with", "range"]) -> tuple[Node, ...]:
        if kind != "range" and self._peek_past_space().kind == kind:
            self._take_past_space()
            return (self._branch(kind),)
        nodes, end = self._list()
        if end == "EOF":
            self._fail("unexpected EOF")
        if end == "else":
            self._fail("expected end; found {{else}}")
        return nodes

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(f"more than {DEEPEST} controls or parentheses inside one another")

    # Pipelines

    def _pipe(self, context: str, closing: str) -> Pipe:
        start = self._peek_past_space().start
        variables, assigns = self._declarations(context)
        commands: list[Command] = []
        while (token := self._take_past_space()).kind != closing:
            if token.kind not in _OPERANDS:
                self._unexpected(token, context)
            self._at -= 1
            commands.append(self._command())
        if not commands:
            self._fail(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], start=2):
            if isinstance(command.operands[0], (Literal, Dot, Nil)):
                self._fail(f"non executable command in pipeline stage {stage}")
        return Pipe(start, tuple(commands), variables, assigns)

    def _declarations(self, context: str) -> tuple[tuple[str, ...], bool]:
        variables: list[str] = []
        while self._peek_past_space().kind == "variable":
            back = self._at
            name = self._take_past_space().value
            sign = self._peek_past_space()
            if sign.kind not in ("=", ":=") and sign.value != ",":
                self._at = back
                break
            self._take_past_space()
            variables.append(name)
            self._declared.append(name)
            self._in_sight[name] = self._in_sight.get(name, 0) + 1
            if sign.value != ",":
                return tuple(variables), sign.kind == "="
            if context != "range" or len(variables) > 1:
                self._fail(f"too many declarations in {context}")
            if self._peek_past_space().kind not in ("variable", "}}", ")"):
                self._fail("range can only initialize variables")
        return tuple(variables), False

    def _command(self) -> Command:
        start = self._peek_past_space().start
        operands: list[Operand] = []
        while True:
            self._peek_past_space()
            if (operand := self._operand()) is not None:
                operands.append(operand)
            token = self._take()
            if token.kind == "space":
                continue
            if token.kind in ("}}", ")"):
                self._at -= 1
            elif token.kind != "|":
                self._unexpected(token, "operand")
            break
        if not operands:
            self._fail("empty command")
        return Command(start, tuple(operands))

    def _operand(self) -> Operand | None:
        term = self._term()
        if term is None or self._peek().kind != "field":
            return term
        start = self._peek().start
        fields: list[str] = []
        while self._peek().kind == "field":
            fields.append(self._take().value[1:])
        if isinstance(term, Field):
            return Field(start, (*term.names, *fields))
        if isinstance(term, Variable):
            return Variable(start, term.name, tuple(fields))
        if isinstance(term, (Literal, Nil, Dot)):
            self._fail(f"unexpected . after term {quote(str(term))}")
        return Chain(start, term, tuple(fields))

    def _term(self) -> Operand | None:
        token = self._take_past_space()
        kind, value, start = token.kind, token.value, token.start
        if kind == "identifier":
            return self._function(token)
        if kind == ".":
            return Dot(start)
        if kind == "nil":
            return Nil(start)
        if kind == "variable":
            if not self._in_sight.get(value):
                self._fail(f"undefined variable {quote(value)}")
            return Variable(start, value)
        if kind == "field":
            return Field(start, (value[1:],))
        if kind in _READERS:
            return self._literal(token)
        if kind == "(":
            self._descend()
            pipe = self._pipe("parenthesized pipeline", ")")
            self._depth -= 1
            return pipe
        self._at -= 1
        return None

    def _function(self, token: Token) -> Function:
        if token.value in REFUSED:
            self._fail(f"function {quote(token.value)} is not supported")
        if token.value not in FUNCTIONS:
            self._fail(f"function {quote(token.value)} not defined")
        return Function(token.start, token.value)

    def _literal(self, token: Token) -> Literal:
        try:
            return Literal(token.start, token.value, _READERS[token.kind](token.value))
        except ValueError as error:
            self._fail(str(error))
