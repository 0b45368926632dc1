"""The report, as Markdown and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from adapter.bench.figures import Figures

DIRECT = "direct"
_HEAD = (
    *("streams", "server", "tokens/s", "÷ direct", "first token p50 ms", "p99 ms"),
    *("between tokens p50 ms", "p99 ms", "answers", "failed"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured, and how. `servers`: address and model by what the report calls them."""

    date: str
    version: str
    tokens: int
    requests: int
    servers: Mapping[str, tuple[str, str]]
    complete: bool = True


def markdown(run: Run, found: Sequence[Figures]) -> str:
    parts = [
        f"ollama-vllm {run.version}, {run.date}: tokens of an answer {run.tokens} at most, "
        f"answers of each stream and turn {run.requests}"
    ]
    parts.append(
        "\n".join(f"- {name}: {url}, model {model}" for name, (url, model) in run.servers.items())
    )
    if not run.complete:
        parts.append("**Interrupted**: this is what was measured until then.")
    if found:
        parts.append(table(found))
    faults = [
        f"- {row.server}, {n} times: {kind}" for row in found for kind, n in row.failed.items()
    ]
    if faults:
        parts.append("Failed:\n\n" + "\n".join(faults))
    return "\n\n".join(parts) + "\n"


def table(found: Sequence[Figures]) -> str:
    return _table([_HEAD, *(_row(row, found) for row in found)])


def document(run: Run, found: Sequence[Figures]) -> dict[str, Any]:
    rows = [asdict(row) | {"ratio_to_direct": ratio_to_direct(row, found)} for row in found]
    return {"run": asdict(run), "figures": rows}


def ratio_to_direct(row: Figures, found: Sequence[Figures]) -> float | None:
    """Tokens per second as a share of those of the engine alone, with as many streams."""
    for other in found:
        if other.server == DIRECT and other.streams == row.streams and other.tokens_per_second:
            return row.tokens_per_second / other.tokens_per_second
    return None


def _row(row: Figures, found: Sequence[Figures]) -> Sequence[str]:
    return (
        str(row.streams),
        row.server,
        _number(row.tokens_per_second, 1),
        _number(ratio_to_direct(row, found), 3),
        *(_number(time, 1) for time in (row.first_p50, row.first_p99)),
        *(_number(time, 1) for time in (row.gap_p50, row.gap_p99)),
        str(row.answers),
        str(sum(row.failed.values())),
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "| " + " | ".join("-" * (width - 1) + ":" for width in widths) + " |"
    return "\n".join([lines[0], rule, *lines[1:]])
