from __future__ import annotations

import time

import pytest

from adapter.translate.gotemplate.data import _plain, messages_value
from adapter.translate.gotemplate.execution import Execution
from adapter.translate.gotemplate.functions import Surroundings
from adapter.translate.gotemplate.limits import Budget, TemplateError
from adapter.translate.gotemplate.parser import parse_nodes
from adapter.translate.gotemplate.values import Table
from adapter.wire.ollama import Message

DATA = {
    "s": "héllo",
    "n": 5,
    "t": True,
    "nil": None,
    "l": [1, "a", None],
    "m": {"b": 1, "a": "x"},
    "e": [],
}
MESSAGES = [Message(role="user", content="hi"), Message(role="assistant", content="é" * 1000)]


def run(text: str) -> str:
    data = _plain(DATA)
    table = Table(data.type, {**data.entries, "Messages": messages_value(MESSAGES)})
    return Execution(text, table, Surroundings(Budget(), None)).run(parse_nodes(text))


# Checked against Go 1.27's text/template.
@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain", "plain"),
        ("{{.s}} {{.n}} {{.t}} {{.l}} {{.m}}", "héllo 5 true [1 a <nil>] map[a:x b:1]"),
        ("{{.m.a}}{{$.m.b}}{{(index .l 1)}}", "x1a"),
        ("{{.none}} {{.nil}}", "<no value> <no value>"),
        ("{{if .none}}a{{else}}b{{end}}", "b"),
        ("{{if .e}}a{{else if .m}}b{{else}}c{{end}}", "b"),
        ("{{with .m}}{{.a}}{{$.s}}{{end}}{{with .e}}{{else}}no{{end}}", "xhéllono"),
        ("{{with .e}}{{else with .m}}{{.a}}{{end}}", "x"),
        ("{{range .l}}<{{.}}>{{end}}", "<1><a><<no value>>"),
        ("{{range $i, $v := .l}}{{$i}}{{$v}} {{end}}", "01 1a 2<no value> "),
        ("{{range $v := .m}}{{$v}}{{end}}", "x1"),
        ("{{range $k, $v := .m}}{{$k}}={{$v}} {{end}}", "a=x b=1 "),
        ("{{range .e}}{{else}}none{{end}}{{range .none}}{{else}}none{{end}}", "nonenone"),
        ("{{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}", "01201"),
        ("{{range .l}}{{if eq 1 1}}{{break}}{{end}}x{{end}}", ""),
        ("{{range $i, $_ := .l}}{{if eq $i 1}}{{continue}}{{end}}{{$i}}{{end}}", "02"),
        ("{{range .l}}{{range $.l}}{{break}}{{end}}x{{end}}", "xxx"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{$y}}{{end}}{{$x}}", "32"),
        ("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"),
        ('{{$x := ""}}{{range $x = .l}}{{end}}{{$x}}', "<no value>"),
        ("{{$i := 9}}{{$v := 9}}{{range $i, $v = .l}}{{end}}{{$i}}{{$v}}", "2<no value>"),
        ("{{$x := .none}}{{$x.A.B}}", "<no value>"),
        ('{{"a" | printf "%s-%s" "b"}}', "b-a"),
        ("{{.l | len}}{{len .l | eq 3}}", "3true"),
        ('{{and 1 0 (index .l 9)}}{{or "" "x" (index .l 9)}}{{"z" | or 0}}', "0xz"),
        ("{{not .e}}{{print nil}}{{json .l}}", 'true<nil>[1,"a",null]'),
        ("{{print print}}{{true}}{{1.5}}{{'a'}}{{`raw`}}", "true1.597raw"),
        ("{{range .Messages}}{{.Role}}{{end}}", "userassistant"),
        ("{{(index .Messages 0).Content}}", "hi"),
    ],
)  # fmt: skip
def test_what_it_makes(text, made):
    assert run(text) == made


# The same.
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{.none.A}}", ":1:7: executing \"\" at <.none.A>: nil pointer evaluating interface {}.A"),
        ("é\né{{.s.A}}", ":2:6: executing \"\" at <.s.A>: can't evaluate field A in type"
         " interface {}"),
        ("{{range .Messages}}{{.No}}{{end}}", ":1:21: executing \"\" at <.No>: can't evaluate"
         " field No in type *template.templateMessage"),
        ("{{.s 1}}", ':1:2: executing "" at <.s>: s is not a method but has arguments'),
        ("{{range .Messages}}{{.Role 1}}{{end}}", ':1:21: executing "" at <.Role>: Role has'
         " arguments but cannot be invoked as function"),
        ("{{1 2}}", ':1:2: executing "" at <1>: can\'t give argument to non-function 1'),
        ("{{nil}}", ':1:2: executing "" at <nil>: nil is not a command'),
        ("{{$x = 1}}", ':1:7: executing "" at <1>: undefined variable: $x'),
        ("{{range .s}}{{end}}", ":1:8: executing \"\" at <.s>: range can't iterate over héllo"),
        ("{{range $i, $v := 3}}{{end}}", ':1:18: executing "" at <3>: can\'t use 3 to iterate'
         " over more than one variable"),
        ("{{len}}", ':1:2: executing "" at <len>: wrong number of args for len: want 1 got 0'),
        ("{{index}}", ':1:2: executing "" at <index>: wrong number of args for index: want at'
         " least 1 got 0"),
        ("{{len 3}}", ':1:2: executing "" at <len 3>: error calling len: len of type int'),
        ("{{slice .l 0 1 2 3}}", ':1:2: executing "" at <slice>: error calling slice: too many'
         " slice indexes: 4"),
        ("{{printf 5}}", ':1:9: executing "" at <5>: expected string; found 5'),
        ("{{printf nil}}", ':1:9: executing "" at <nil>: cannot assign nil to string'),
        ("{{.t | printf}}", ':1:7: executing "" at <printf>: wrong type for value; expected'
         " string; got bool"),
    ],
)  # fmt: skip
def test_what_is_wrong(text, message):
    with pytest.raises(TemplateError) as caught:
        run(text)
    assert caught.value.message == f"template: {message}"


@pytest.mark.parametrize(
    "text",
    [
        "{{range 1000000000}}{{end}}",
        "{{range 100000}}{{range 100000}}{{end}}{{end}}",
        '{{$x := "aaaaaaaa"}}{{range 1000}}{{$x = print $x $x}}{{end}}',
        "{{range 1000000}}{{$x := slice $.Messages 0}}{{len $x}}{{end}}",
        "{{range 1000000}}{{$x := json $}}{{end}}",
        "{{range 1000000}}{{$.Messages}}{{end}}",
        "{{$c := (index .Messages 1).Content}}{{range 1000000}}{{$x := len $c}}{{end}}",
        "{{range 1000000}}{{range $.Messages}}{{break}}{{end}}{{end}}",
    ],
)
def test_a_hostile_template_ends_soon(text):
    begun = time.process_time()
    with pytest.raises(TemplateError, match=r"^template: : (takes|makes) more than"):
        run(text)
    assert time.process_time() - begun < 10
