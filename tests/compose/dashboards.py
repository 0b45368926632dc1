"""What the dashboards ask Prometheus."""

from __future__ import annotations

import json
from typing import Any

from tests.support import machine

DASHBOARDS = machine.ROOT / "compose" / "grafana" / "dashboards"


def panels() -> list[dict[str, Any]]:
    """Every panel with targets, of every dashboard."""
    found = [json.loads(file.read_text()) for file in sorted(DASHBOARDS.glob("*.json"))]
    return [panel for one in found for panel in one["panels"] if panel.get("targets")]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]
