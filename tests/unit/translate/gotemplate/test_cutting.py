from __future__ import annotations

import pytest

from adapter.translate.gotemplate.cutting import cut_at_response
from adapter.translate.gotemplate.nodes import Action, Branch, Node, Text
from adapter.translate.gotemplate.parser import parse_nodes


def source(nodes: tuple[Node, ...]) -> str:
    parts = []
    for node in nodes:
        if isinstance(node, Text):
            parts.append(node.text)
        elif isinstance(node, Action):
            parts.append(f"{{{{{node.pipe}}}}}")
        elif isinstance(node, Branch):
            otherwise = "" if node.otherwise is None else f"{{{{else}}}}{source(node.otherwise)}"
            parts.append(
                f"{{{{{node.kind} {node.pipe}}}}}{source(node.body)}{otherwise}{{{{end}}}}"
            )
    return "".join(parts)


@pytest.mark.parametrize(
    ("whole", "kept"),
    [
        ("a{{.Response}}b{{.C}}", "a{{.Response}}"),
        ("a{{.Prompt}}b", "a{{.Prompt}}b"),
        ("{{if .A}}a{{.Response}}b{{end}}c", "{{if .A}}a{{.Response}}{{end}}"),
        ("{{if .Response}}a{{end}}b{{.Response}}c", "{{if .Response}}a{{end}}b{{.Response}}"),
        ("{{if .A}}a{{else}}{{.Response}}b{{end}}", "{{if .A}}a{{else}}{{.Response}}{{end}}"),
        ("{{if .A}}{{.Response}}{{else}}b{{end}}", "{{if .A}}{{.Response}}{{else}}{{end}}"),
        ("a{{.Response | print}}b", "a"),
        ("a{{print .A .Response .B}}b", "a{{print .A .Response}}"),
        ("a{{print (print .Response) .B}}b", "a{{print (print .Response)}}"),
        ("a{{$.Response}}b", "a{{$.Response}}b"),
    ],
)
def test_nothing_follows_the_response(whole, kept):
    assert source(cut_at_response(parse_nodes(whole))) == kept
