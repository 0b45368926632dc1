"""Prints the reference pages that are tables of the code: `make docs`.

With `--check`, writes nothing and fails if a page is not what the code says.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from math import isinf
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from adapter.observe.metrics import Metrics
from adapter.settings import (
    FimSettings,
    ModelSettings,
    RoutingSettings,
    ServerSettings,
    Timeouts,
    UpstreamSettings,
)
from adapter.translate.options import DROPPED_BY_OLLAMA, OPTIONS

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.support
from docs.compatibility import compatibility_page

REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- Printed from the code by `make docs`; changes here are lost. -->\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def options_page() -> str:
    rows = [
        (f"`{row.name}`", row.kind, f"`{row.field}`" if row.field else "none", row.note)
        for row in OPTIONS
    ]
    gone = ", ".join(f"`{name}`" for name in DROPPED_BY_OLLAMA)
    return f"""# Options

What `options` of a request, and `options` of a model's entry, become in vLLM. A field is sent
only when one of the two sets it; otherwise the model's own generation_config rules (or Ollama's
defaults, with `sampling_defaults = "ollama"`). `null` counts as not set. Integers may come with a
fraction, which is cut. A value of the wrong kind is answered as Ollama answers it: status 500,
`option "x" must be of type …`.

{table(("option", "kind", "vLLM's field", "note"), rows)}
Unknown options are ignored, among them those that Ollama has dropped and older clients still
send: {gone}.
"""


def settings_page() -> str:
    return f"""# Settings

A flag beats the environment, the environment beats the file, the file beats the default. The file
(TOML) is named by `--config` or `ADAPTER_CONFIG`; an unknown key in it is an error that names the
key and the nearest known one. `ollama-vllm check-config FILE` reads a file and judges it.

Without a file, `VLLM_URL` (or `--upstream`) names the one engine, and `VLLM_API_KEY` its key.
`--upstream` beats a file's engines.

## `[server]`
{table(*_section(ServerSettings))}
## `[[upstreams]]`
An engine each. Replicas (several urls) are not supported yet and refused.
[How to put several engines behind one port](../howto/several-upstreams.md).

{table(*_section(UpstreamSettings))}
`timeouts` of an engine; the variables count where the engine comes from `VLLM_URL`:

{table(*_section(Timeouts))}
## `[models."NAME"]`
A model that an engine serves needs no entry. An entry gives it another name, further names,
defaults, or a window of its own.

{table(*_section(ModelSettings))}
`fim` of a code model, such as `<|fim_prefix|>`, `<|fim_suffix|>` and `<|fim_middle|>`; all three
are needed, and give the model the capability `insert`:

{table(*_section(FimSettings))}
`fallback`: [how to fall back and roll back](../howto/fall-back-and-roll-back.md).

## `[routing]`
Names of models, for requests that a model can't do:

{table(*_section(RoutingSettings))}"""


def _section(section: type[BaseModel]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    fields = {key: field for key, field in section.model_fields.items() if not field.exclude}
    extras = {key: _extra(field) for key, field in fields.items()}
    columns = [
        word for word in ("env", "flag") if any(extra.get(word) for extra in extras.values())
    ]
    titles = {"env": "variable", "flag": "flag"}
    head = ("key", *(titles[column] for column in columns), "default", "meaning")
    rows = [
        (
            f"`{key}`",
            *(f"`{value}`" if (value := extras[key].get(column)) else "" for column in columns),
            _default(field),
            field.description or "",
        )
        for key, field in fields.items()
    ]
    return head, rows


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=False)
    if field.default_factory is not None or value in ((), "", None):
        return ""
    if isinstance(value, float) and isinf(value):
        return "for ever"
    return f"`{value}`"


def metrics_page() -> str:
    rows = [
        (
            f"`{family.name}{'_total' if family.type == 'counter' else ''}`",
            family.type,
            family.documentation,
        )
        for family in Metrics().registry.collect()
    ]
    return f"""# Metrics

`GET /metrics`, in Prometheus' text format. Labels are bounded: `route` is a path of the route
table or `unknown`, `model` and `upstream` are set for models of the catalog only, `outcome` is one
of four words. Nothing is counted per token; counts come from the engine at the end of an answer.

{table(("metric", "type", "meaning"), rows)}
`outcome`: `ok`; `client_gone`, the client hung up; `upstream_fault`, the engine failed or was away;
`refused`, the request was at fault or too many were waiting.
"""


PAGES: dict[str, Callable[[], str]] = {
    "options.md": options_page,
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "api-compatibility.md": lambda: compatibility_page(table),
}


def main(arguments: list[str]) -> int:
    logging.disable()  # what the adapter logs while it is asked is no part of a page
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, NOTICE + page()
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"stale: {', '.join(stale)}; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
