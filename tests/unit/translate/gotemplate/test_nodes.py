from __future__ import annotations

import pytest

from adapter.translate.gotemplate.nodes import names
from adapter.translate.gotemplate.parser import parse_nodes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", set()),
        ("{{ .Prompt }}", {"Prompt"}),
        ("{{ $.A.B }}", {"$", "A", "B"}),
        ("{{ if .A }}{{ .B }}{{ else }}{{ .C }}{{ end }}", {"A", "B", "C"}),
        ("{{ range .A }}{{ with .B }}{{ end }}{{ break }}{{ end }}", {"A", "B"}),
        ('{{ print (len .A) "B" | printf "%s" }}', {"A"}),
        ("{{ (index .A 0).B }}", set()),
    ],
)
def test_the_names_that_a_template_speaks_of(text, found):
    assert set(names(parse_nodes(text))) == found


@pytest.mark.parametrize(
    "source",
    ["$i, $v := .A", "$x = nil", "(print 1).B", 'print . "a" `b` 0x1 (len $) | len', "$x.A.B"],
)
def test_a_pipeline_prints_as_it_was_written(source):
    declared = "{{$x := 1}}"
    opening = "range " if source.startswith("$i") else ""
    nodes = parse_nodes(f"{declared}{{{{{opening}{source}}}}}{'{{end}}' if opening else ''}")
    assert str(nodes[1].pipe) == source
