from __future__ import annotations

import pytest

from adapter.translate.gotemplate.limits import TemplateError
from adapter.translate.gotemplate.nodes import Action, Branch, Jump, Text
from adapter.translate.gotemplate.parser import parse_nodes


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("{{ .A.B  |f }}".replace("f", "print"), ".A.B | print"),
        ("{{$x:=1}}", "$x := 1"),
        ("{{$.A.B}}", "$.A.B"),
        ('{{printf "%s" (len .A) nil true}}', 'printf "%s" (len .A) nil true'),
        ("{{(index .A 0).B.C}}", "(index .A 0).B.C"),
        ("{{.}}", "."),
        ("{{len.A}}", "len.A"),
    ],
)
def test_an_action(text, source):
    (action,) = parse_nodes(text)
    assert isinstance(action, Action)
    assert str(action.pipe) == source


def test_branches():
    (text, branch) = parse_nodes("a{{if .A}}b{{else if .B}}c{{else}}d{{end}}")
    assert isinstance(branch, Branch)
    assert text == Text("a")
    assert branch.body == (Text("b"),)
    (inner,) = branch.otherwise or ()
    assert isinstance(inner, Branch)
    assert (inner.kind, inner.body, inner.otherwise) == ("if", (Text("c"),), (Text("d"),))


def test_loops():
    (loop,) = parse_nodes("{{range $i, $v := .A}}{{break}}{{continue}}{{else}}none{{end}}")
    assert isinstance(loop, Branch)
    assert (loop.kind, str(loop.pipe)) == ("range", "$i, $v := .A")
    assert loop.body == (Jump("break"), Jump("continue"))
    assert loop.otherwise == (Text("none"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{.Bad", ":1: unclosed action"),
        ("a\n{{.Bad\n\n", ":4: unclosed action started at :2"),
        ('a\n{{.Bad\n"', ":3: unterminated quoted string in action started at :2"),
        ("{{}}", ":1: missing value for command"),
        ("{{if}}{{end}}", ":1: missing value for if"),
        ("{{end}}", ":1: unexpected {{end}}"),
        ("{{else}}", ":1: unexpected {{else}}"),
        ("\n{{if .A}}x", ":2: unexpected EOF"),
        ("{{if .A}}x{{else}}y", ":1: unexpected EOF"),
        ("{{if .A}}{{else}}{{else}}{{end}}", ":1: expected end; found {{else}}"),
        ("{{range .A}}{{else if .B}}{{end}}", ":1: unexpected <if> in input"),
        ("{{end 1}}", ":1: unexpected \"1\" in end"),
        ("{{| .A}}", ':1: unexpected "|" in command'),
        ("{{.A | | .B}}", ':1: unexpected "|" in command'),
        ("{{1 | 2}}", ":1: non executable command in pipeline stage 2"),
        ("{{nofn .A}}", ':1: function "nofn" not defined'),
        ("{{html .A}}", ':1: function "html" is not supported'),
        ("{{$x}}", ':1: undefined variable "$x"'),
        ("{{if $x := 1}}{{end}}{{$x}}", ':1: undefined variable "$x"'),
        ("{{$x, $y := 1}}", ":1: too many declarations in command"),
        ("{{range $x, 1}}{{end}}", ":1: range can only initialize variables"),
        ("{{range $x, $y, $z := .A}}{{end}}", ":1: too many declarations in range"),
        ("{{1.5.A}}", ':1: unexpected . after term "1.5"'),
        ('{{"a".B}}', ':1: unexpected . after term "\\"a\\""'),
        ("{{nil.B}}", ':1: unexpected . after term "nil"'),
        ("{{(.A}}", ":1: unclosed left paren"),
        ("{{()}}", ":1: missing value for parenthesized pipeline"),
        ("{{.A .B!}}", ":1: bad character U+0021 '!'"),
        ("{{.A !}}", ':1: unexpected "!" in operand'),
        ('{{"\\q"}}', ":1: invalid syntax"),
        ("{{089}}", ':1: integer overflow: "089"'),
        ("{{break}}", ":1: {{break}} outside {{range}}"),
        ("{{range .A}}{{end}}{{continue}}", ":1: {{continue}} outside {{range}}"),
        ("{{range .A}}{{break 1}}{{end}}", ':1: unexpected "1" in {{break}}'),
        ('{{define "a"}}{{end}}', ":1: {{define}} is not supported"),
        ('x\n{{template "a"}}', ":2: {{template}} is not supported"),
        ('{{block "a" .}}{{end}}', ":1: {{block}} is not supported"),
    ],
)  # fmt: skip
def test_what_is_wrong(text, message):
    with pytest.raises(TemplateError) as caught:
        parse_nodes(text)
    assert caught.value.message == f"template: {message}"
    assert caught.value.status == 500


@pytest.mark.parametrize(
    "text",
    ["{{if 1}}" * 61 + "{{end}}" * 61, "{{" + "(" * 61, "{{if 1}}" + "{{else if 1}}" * 60],
    ids=["controls", "parentheses", "else if"],
)
def test_it_does_not_go_deeper_than_sense(text):
    with pytest.raises(TemplateError, match=r"^template: :1: more than 60 controls or parenth"):
        parse_nodes(text)


def test_sixty_levels_are_well():
    parse_nodes("{{if 1}}" * 30 + "{{" + "(" * 30 + "1" + ")" * 30 + "}}" + "{{end}}" * 30)


def test_it_reads_no_book():
    parse_nodes("x" * 65_536)
    with pytest.raises(TemplateError, match=r"^template: : longer than 65536 characters$"):
        parse_nodes("x" * 65_537)
