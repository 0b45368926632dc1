"""Whole templates, in the short forms that models are known by, and whatever else comes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.gotemplate import TemplateError, parse
from adapter.wire.ollama import Message

SYSTEM = Message(role="system", content="Be kind.")
TALK = [
    Message(role="user", content="Hi"),
    Message(role="assistant", content="Hello!"),
    Message(role="user", content="Name?"),
]
CUT_SHORT = [*TALK, Message(role="assistant", content="I am")]
TOOL = {
    "type": "function",
    "function": {
        "name": "get",
        "description": "d",
        "parameters": {"type": "object", "properties": {"x": {"type": "string"}}},
    },
}
CALLED = [
    Message(role="user", content="Go"),
    Message.model_validate(
        {
            "role": "assistant",
            "tool_calls": [{"function": {"name": "get", "arguments": {"x": "1"}}}],
        }
    ),
    Message(role="tool", content="done", tool_name="get"),
]

LLAMA3 = (
    "{{ if .System }}<|sh|>system<|eh|>\n\n{{ .System }}<|eot|>{{ end }}"
    "{{ if .Prompt }}<|sh|>user<|eh|>\n\n{{ .Prompt }}<|eot|>{{ end }}"
    "<|sh|>assistant<|eh|>\n\n{{ .Response }}<|eot|>"
)
CHATML = """{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ .Response }}<|im_end|>
"""
MISTRAL = "[INST] {{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }} [/INST]"
GEMMA = """<start_of_turn>user
{{ if .System }}{{ .System }} {{ end }}{{ .Prompt }}<end_of_turn>
<start_of_turn>model
{{ .Response }}<end_of_turn>
"""
PHI3 = """{{ if .System }}<|system|>
{{ .System }}<|end|>
{{ end }}{{ if .Prompt }}<|user|>
{{ .Prompt }}<|end|>
{{ end }}<|assistant|>
{{ .Response }}<|end|>
"""
ALPACA = """{{ if .System }}{{ .System }}

{{ end }}{{ if .Prompt }}### Instruction:
{{ .Prompt }}

{{ end }}### Response:
{{ .Response }}

"""
VICUNA = """{{ if .System }}{{ .System }}

{{ end }}{{ if .Prompt }}USER: {{ .Prompt }}
{{ end }}ASSISTANT: {{ .Response }}</s>
"""


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        (
            LLAMA3,
            "<|sh|>system<|eh|>\n\nBe kind.<|eot|><|sh|>user<|eh|>\n\nHi<|eot|>"
            "<|sh|>assistant<|eh|>\n\nHello!<|eot|><|sh|>user<|eh|>\n\nName?<|eot|>"
            "<|sh|>assistant<|eh|>\n\n",
        ),
        (
            CHATML,
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
            "<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>user\nName?<|im_end|>\n"
            "<|im_start|>assistant\n",
        ),
        (MISTRAL, "[INST] Be kind.\n\nHi [/INST]Hello![INST] Name? [/INST]"),
        (
            GEMMA,
            "<start_of_turn>user\nBe kind. Hi<end_of_turn>\n<start_of_turn>model\n"
            "Hello!<end_of_turn>\n<start_of_turn>user\nName?<end_of_turn>\n"
            "<start_of_turn>model\n",
        ),
        (
            PHI3,
            "<|system|>\nBe kind.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nHello!<|end|>\n"
            "<|user|>\nName?<|end|>\n<|assistant|>\n",
        ),
        (
            ALPACA,
            "Be kind.\n\n### Instruction:\nHi\n\n### Response:\nHello!\n\n"
            "### Instruction:\nName?\n\n### Response:\n",
        ),
        (VICUNA, "Be kind.\n\nUSER: Hi\nASSISTANT: Hello!</s>\nUSER: Name?\nASSISTANT: "),
    ],
    ids=["llama3", "chatml", "mistral", "gemma", "phi3", "alpaca", "vicuna"],
)
def test_turn_by_turn(template, prompt):
    assert parse(template).render([SYSTEM, *TALK]) == prompt


def test_an_answer_that_was_begun_is_gone_on_with():
    prompt = parse(CHATML).render(CUT_SHORT)
    assert prompt.endswith("Name?<|im_end|>\n<|im_start|>assistant\nI am")


def test_a_later_system_text_begins_an_exchange():
    template = parse("{{ if .System }}S={{ .System }} {{ end }}U={{ .Prompt }} A={{ .Response }};")
    assert template.render([*TALK[:2], SYSTEM, TALK[2]]) == "U=Hi A=Hello!;S=Be kind. U=Name? A="
    assert template.render([TALK[0], SYSTEM]) == "U=Hi A=;S=Be kind. U= A="
    assert template.render([]) == "U= A="


def test_turns_of_other_roles_are_not_seen():
    assert parse("{{ .Prompt }}|").render([TALK[0], Message(role="tool", content="x")]) == "Hi|"


QWEN = """{{- if or .System .Tools }}<|im_start|>system
{{- if .System }}
{{ .System }}
{{- end }}
{{- if .Tools }}
# Tools
<tools>
{{- range .Tools }}
{"type": "function", "function": {{ .Function }}}
{{- end }}
</tools>
{{- end }}<|im_end|>
{{ end }}
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 -}}
{{- if eq .Role "user" }}<|im_start|>user
{{ .Content }}<|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
{{ if .Content }}{{ .Content }}
{{- else if .ToolCalls }}<tool_call>
{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
{{ end }}</tool_call>
{{- end }}{{ if not $last }}<|im_end|>
{{ end }}
{{- else if eq .Role "tool" }}<|im_start|>user
<tool_response>
{{ .Content }}
</tool_response><|im_end|>
{{ end }}
{{- if and (ne .Role "assistant") $last }}<|im_start|>assistant
{{ end }}
{{- end }}"""


def test_all_messages_and_tools_at_once():
    assert parse(QWEN).render([SYSTEM, *CALLED], tools=[TOOL]) == (
        "<|im_start|>system\nBe kind.\n# Tools\n<tools>\n"
        '{"type": "function", "function": {"name":"get","description":"d","parameters":'
        '{"type":"object","properties":{"x":{"type":"string"}}}}}\n</tools><|im_end|>\n'
        "<|im_start|>user\nGo<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
        '{"name": "get", "arguments": {"x":"1"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\ndone\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_all_messages_the_last_begun():
    assert parse(QWEN).render(CUT_SHORT).endswith("<|im_start|>assistant\nI am")


def test_the_parts_of_a_tool():
    template = parse(
        "{{ range .Tools }}{{ with .Function }}{{ .Name }}: {{ .Description }}"
        "{{ range $name, $p := .Parameters.Properties }} {{ $name }} {{ $p.Type }}"
        " {{ toTypeScriptType $p }} {{ $p.ToTypeScriptType }}{{ end }}"
        " {{ .Parameters.Properties.String }}{{ end }}{{ end }}{{ if .Messages }}{{ end }}"
    )
    assert template.render(tools=[TOOL]) == 'get: d x string string string {"x":{"type":"string"}}'


MISTRAL_TOOLS = (
    '{{- range $index, $_ := .Messages }}{{- if eq .Role "user" }}'
    "{{- if and (eq (len (slice $.Messages $index)) 1) $.Tools }}"
    "[AVAILABLE_TOOLS] {{ $.Tools }}[/AVAILABLE_TOOLS]{{- end }}"
    "[INST] {{ .Content }}[/INST]"
    '{{- else if eq .Role "assistant" }}{{- if .Content }} {{ .Content }}</s>'
    "{{- else if .ToolCalls }}[TOOL_CALLS] ["
    '{{- range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": '
    "{{ .Function.Arguments }}}{{- end }}]</s>{{- end }}"
    '{{- else if eq .Role "tool" }}[TOOL_RESULTS] {"content": {{ .Content }}}[/TOOL_RESULTS]'
    "{{- end }}{{- end }}"
)


def test_tools_as_one_list():
    assert parse(MISTRAL_TOOLS).render([CALLED[0]], tools=[TOOL]) == (
        '[AVAILABLE_TOOLS] [{"type":"function","function":{"name":"get","description":"d",'
        '"parameters":{"type":"object","properties":{"x":{"type":"string"}}}}}]'
        "[/AVAILABLE_TOOLS][INST] Go[/INST]"
    )
    assert parse(MISTRAL_TOOLS).render(CALLED) == (
        '[INST] Go[/INST][TOOL_CALLS] [{"name": "get", "arguments": {"x":"1"}}]</s>'
        '[TOOL_RESULTS] {"content": done}[/TOOL_RESULTS]'
    )


@pytest.mark.parametrize(
    ("template", "gap"),
    [
        (
            "{{- if .Suffix }}<PRE> {{ .Prompt }} <SUF>{{ .Suffix }} <MID>"
            "{{- else }}{{ .Prompt }}{{- end }}",
            "<PRE> def f( <SUF>return <MID>",
        ),
        (
            "{{- if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>"
            "{{- else if .Messages }}{{ range .Messages }}{{ .Content }}{{ end }}"
            "{{- else }}{{ .Prompt }}{{ end }}",
            "<|fim_prefix|>def f(<|fim_suffix|>return<|fim_middle|>",
        ),
    ],
    ids=["codellama", "qwen2.5-coder"],
)
def test_a_gap_to_fill(template, gap):
    parsed = parse(template)
    assert parsed.render(prompt="def f(", suffix="return") == gap
    assert parsed.render([TALK[0]]) == "Hi"
    assert parsed.uses("Suffix")


def test_thinking():
    template = parse(
        "{{ range .Messages }}{{ .Content }}{{ end }}"
        "{{ if and $.IsThinkSet (not $.Think) }}/no_think{{ end }}{{ .ThinkLevel }}"
    )
    rendered = [template.render([TALK[0]], think=think) for think in (None, False, True, "low")]
    assert rendered == ["Hi", "Hi/no_think", "Himedium", "Hilow"]


def test_the_day():
    template = parse("{{ currentDate }} {{ .Prompt }}")
    assert template.render([TALK[0]], today=date(2026, 11, 21)) == "2026-11-21 Hi"
    with pytest.raises(TemplateError, match=r"error calling currentDate: today's date is not"):
        template.render([TALK[0]])


@pytest.mark.parametrize(
    ("template", "used", "unused"),
    [
        ("{{ .Prompt }}", ["Prompt", ".prompt"], ["Response", "Messages", "Tools"]),
        ("{{ range .Messages }}{{ .Thinking }}{{ end }}", ["Thinking", "Messages"], ["Suffix"]),
        ("{{ if $.Tools }}{{ end }}", [".Tools"], ["System"]),
        ('{{ "Tools" }} .Tools', [], ["Tools"]),
    ],
)
def test_what_it_uses(template, used, unused):
    parsed = parse(template)
    assert all(map(parsed.uses, used))
    assert not any(map(parsed.uses, unused))


def test_what_a_template_is_not_given():
    assert parse("{{ .Prompt }}{{ .Messages }}").render() == "<no value>[]"


def test_work_is_counted_over_all_turns():
    talk = [Message(role="user" if i % 2 == 0 else "assistant", content="x") for i in range(3000)]
    assert len(parse(CHATML).render(talk)) > 3000
    with pytest.raises(TemplateError, match=r"steps$"):
        parse("{{ .Prompt }}{{ .Response }}" + "{{ .Think }}" * 100).render(talk)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Bad", "template: :1: unclosed action"),
        ("{{ .Prompt.X }}", 'template: :1:10: executing "" at <.Prompt.X>: '
         "can't evaluate field X in type interface {}"),
    ],
)  # fmt: skip
def test_what_the_client_is_told(template, message):
    with pytest.raises(TemplateError) as caught:
        parse(template).render(TALK)
    assert (caught.value.message, caught.value.status) == (message, 500)


WORDS = [
    *("{{", "{{- ", "}}", " -}}", "{{end}}", "{{else}}", "{{if ", "{{range ", "{{with "),
    *("{{break}}", "$x := ", "$i, $x := ", "$x", "$", ".", ".Messages", ".Role", ".ToolCalls"),
    *(".Tools", ".Prompt", ".Response", ".System", ".Function.Arguments", "(", ")", "|", " "),
    *("\n", "text", '"a"', "`", "'", "1", "-2", "1e9", "nil", "true", "print ", "printf "),
    *("index ", "slice ", "len ", "json ", "eq ", "and ", "or ", "range 99999999", "/*", "*/"),
    *("%", "é", "\x00"),
]


def rendered(text: str, **given_: Any) -> str:
    """What comes out, or what is wrong; nothing else may be raised."""
    try:
        return parse(text).render(**given_)
    except TemplateError as error:
        return error.message


@given(st.lists(st.sampled_from(WORDS), max_size=30).map("".join) | st.text(max_size=60))
def test_any_text_is_a_template_or_a_template_error(text):
    assert isinstance(rendered(text), str)
    full = rendered(text, messages=[SYSTEM, *CALLED], tools=[TOOL], think=True)
    assert isinstance(full, str)
