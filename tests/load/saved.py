"""The files that a run leaves, and what a later one reads of them."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tests.load.figures import Start, Summary

OWN, ENGINE = "report", "vllm"
"""What the files are called without their suffix: of `make bench`, of `make bench-vllm`."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The summaries of an earlier run, and a sentence on it."""

    results: Mapping[tuple[str, str], Summary] = field(default_factory=dict)
    note: str = "The figures of the real engine are measured by `make bench-vllm`."


def write(folder: Path, page: str, document: Mapping[str, Any], name: str = OWN) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(page)
    dumped = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    (folder / f"{name}.json").write_bytes(dumped)


def read(path: Path) -> Earlier:
    """Of the file with this name and the suffix `.json`, if there is one."""
    try:
        document = orjson.loads(path.with_suffix(".json").read_bytes())
    except FileNotFoundError:
        return Earlier()
    rows = [
        Summary(**row | {"start": Start(**row["start"]) if row["start"] else None})
        for row in document["summaries"]
    ]
    around = document["surroundings"]
    note = f"The figures of the real engine are of `{around['command']}`, {around['date']}."
    return Earlier({(row.phase, row.target): row for row in rows}, note)


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cpu = model[1] if model else platform.machine()
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {cpu}, {system}"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
