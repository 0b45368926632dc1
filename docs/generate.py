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

from prometheus_client import CollectorRegistry
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
sys.path.insert(0, str(Path(__file__).parents[1] / "compose"))  # for the services
from services import errors
from services.cli import CANNOT, NOT_YET
from services.kit.app import COMMON
from services.kit.metrics import Metrics as ServicesMetrics
from services.roles.table import ROLES
from services.settings import Settings

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
    return f"""# Metrics

`GET /metrics`, in Prometheus' text format. Labels are bounded: `route` is a path of the route
table or `unknown`, `model` and `upstream` are set for models of the catalog only, `outcome` is one
of four words. Nothing is counted per token; counts come from the engine at the end of an answer.

{_metrics(Metrics().registry)}
`outcome`: `ok`; `client_gone`, the client hung up; `upstream_fault`, the engine failed or was away;
`refused`, the request was at fault or too many were waiting.
"""


def _metrics(registry: CollectorRegistry) -> str:
    rows = [
        (
            f"`{family.name}{'_total' if family.type == 'counter' else ''}`",
            family.type,
            family.documentation,
        )
        for family in registry.collect()
    ]
    return table(("metric", "type", "meaning"), rows)


def services_page() -> str:
    fields = Settings.model_fields
    settings = [
        (f"`{_extra(field)['env']}`", _default(field), field.description or "")
        for field in fields.values()
    ]
    roles = [
        (
            f"`{name}`",
            ", ".join(str(fields[port].default) for port in role.ports),
            ", ".join(f"`{route}`" for route in role.routes),
            role.card.description,
        )
        for name, role in ROLES.items()
    ]
    kinds = (errors.__doc__ or "").partition("\n\n")[2].partition("\n\nConfigError")[0]
    return f"""# The services

What answers from documents: [how to ask your documents](../howto/ask-your-documents.md). One
program, `python -m services ROLE` (in its image: the command's argument), where ROLE is one of the
roles below, or `all`, the default: all of them in one process.

## Roles
{table(("role", "port", "routes", "what it does"), roles)}
Each has {", ".join(f"`{route}`" for route in COMMON)}, too. Ports are OPEA's;
[in the stack](ports.md) only the first two are published. chatqna's port has a page, `/`, and
dataprep's routes for it: handed on to `DATAPREP_URL` where dataprep is another process. As a model
of the adapter the pipeline is
`chatqna:latest` on port 11434, on all routes for chats and completions there.

## Settings
Environment variables. One that is empty counts as not set.

{table(("variable", "default", "meaning"), settings)}
`STORE_URL` of a database may end in `?password_file=PATH`: the password is then what that file
holds. [Which store for what](../howto/ask-your-documents.md#which-store).

## Metrics
`GET /metrics` of every role; roles of one process tell the same.

{_metrics(ServicesMetrics().registry)}
Those that begin with `megaservice` are OPEA's, so that its dashboards go on.

## Errors
Every error is JSON, `{{"error": {{"message", "type", "code"}}, "detail"}}`, as clients of OpenAI's
API read it and as OPEA's read it. After the first byte of a stream it is the stream's last event,
without `[DONE]`. By kind, with the status of the answer:

```
{kinds.rstrip()}
```

503 comes with `Retry-After`. Of several files that are taken in at once, the status is 200 if all
were, 207 if some, and the first failure's if none.

## Exit codes
| code | meaning |
|---|---|
| 0 | it was told to stop |
| {NOT_YET} | it can't start yet: the database can't be reached |
| {CANNOT} | it can't start like this: one line names the setting to change |
"""


PAGES: dict[str, Callable[[], str]] = {
    "options.md": options_page,
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "services.md": services_page,
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
