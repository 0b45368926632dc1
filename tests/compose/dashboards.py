"""What the dashboards ask Prometheus."""

from __future__ import annotations

import json
from typing import Any

from tests.support import machine

DASHBOARDS = machine.ROOT / "compose" / "grafana" / "dashboards"
DOCUMENTS = "Documents"
"""The row about the services, which not every stack has."""


def panels() -> list[dict[str, Any]]:
    """Every panel with targets, of every dashboard, with the title of its `row`."""
    found = []
    for file in sorted(DASHBOARDS.glob("*.json")):
        row = ""
        for panel in json.loads(file.read_text())["panels"]:
            row = panel["title"] if panel["type"] == "row" else row
            if panel.get("targets"):
                found.append(panel | {"row": row})
    return found


def expressions(*, documents: bool | None = None) -> list[str]:
    """All, or only those (not) of the row about documents."""
    return [
        target["expr"]
        for panel in panels()
        if documents is None or (panel["row"] == DOCUMENTS) is documents
        for target in panel["targets"]
    ]
