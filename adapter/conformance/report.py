"""What came out of a run, as text, Markdown or JSON. Pure: the same results, the same report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from adapter.conformance.runner import Result, Verdict
from adapter.conformance.values import shown

VERDICTS: tuple[Verdict, ...] = ("passed", "failed", "not applicable")
MOST_FAULTS = 6
"""How many of one statement's are shown as text; JSON has them all."""


@dataclass(frozen=True)
class Report:
    url: str
    version: str
    names: dict[str, str]
    results: Sequence[Result]

    @property
    def counts(self) -> Counter[str]:
        """Of each verdict, without statements that nobody has to fulfil."""
        return Counter(r.verdict for r in self.results if r.statement.level != "na")

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if result.verdict == "failed"]

    @property
    def informative(self) -> list[Result]:
        return [result for result in self.results if result.statement.level == "na"]


def by_route(results: Iterable[Result]) -> dict[str, Counter[str]]:
    """Route to the count of each verdict; in the order in which routes first occur."""
    table: dict[str, Counter[str]] = {}
    for result in results:
        if result.statement.level != "na":
            table.setdefault(result.statement.route, Counter())[result.verdict] += 1
    return table


def as_text(report: Report) -> str:
    return "\n".join([*_head(report), "", *_table(report), *_text_failures(report), ""])


def _head(report: Report) -> Iterator[str]:
    yield f"{report.url}: version {report.version or 'unknown'}"
    used = {role: name for role, name in report.names.items() if role.islower()}
    yield "models: " + (", ".join(f"{role} = {name}" for role, name in used.items()) or "none")


def _table(report: Report) -> Iterator[str]:
    rows = by_route(report.results)
    width = max(map(len, [*rows, "route"]))
    yield f"{'route':{width}}  " + "  ".join(VERDICTS)
    for route, counts in [*rows.items(), ("", _total(rows.values()))]:
        numbers = (f"{counts[verdict]:{len(verdict)}}" for verdict in VERDICTS)
        yield f"{route:{width}}  " + "  ".join(numbers)


def _total(rows: Iterable[Counter[str]]) -> Counter[str]:
    return sum(rows, Counter())


def _text_failures(report: Report) -> Iterator[str]:
    for result in report.failed:
        statement = result.statement
        yield f"\nFAILED {statement.id} ({statement.level}): {statement.statement}"
        yield f"  {asked(result)}"
        yield f"  → {result.got}" if result.got else "  → nothing"
        yield from (f"  - {fault}" for fault in _first(result.faults))
    if absent := _reasons(report):
        yield "\nNot applicable:"
        yield from (f"  {count}: {reason}" for reason, count in absent)
    if report.informative:
        yield "\nNot asked of a server that drives another engine; for your information:"
        yield from (f"  {r.statement.id} {r.verdict}: {_about(r)}" for r in report.informative)


def asked(result: Result) -> str:
    """The request in a line; a long body is cut."""
    request = result.statement.request
    body = request.get("raw_body")
    if body is None and request.get("body") is not None:
        body = orjson.dumps(request["body"]).decode()
    line = f"{request['method']} {request['path']}"
    return line if body is None else f"{line} {shown(body)[1:-1]}"


def _first(faults: Sequence[str]) -> Iterator[str]:
    yield from faults[:MOST_FAULTS]
    if len(faults) > MOST_FAULTS:
        yield f"and {len(faults) - MOST_FAULTS} more"


def _reasons(report: Report) -> list[tuple[str, int]]:
    reasons = (r.reason for r in report.results if r.verdict == "not applicable")
    return Counter(reasons).most_common()


def _about(result: Result) -> str:
    return "; ".join([result.statement.statement, result.statement.why, *result.faults[:1]])


def as_markdown(report: Report) -> str:
    version, names = _head(report)
    lines = [f"# Ollama's API at {version}", "", names, "", *markdown_table(report.results), ""]
    if report.failed:
        lines += ["## Failed", ""]
    for result in report.failed:
        statement = result.statement
        lines += [f"- **{statement.id}** ({statement.level}) {escaped(statement.statement)}"]
        lines += [f"  - {_code(line)}" for line in (asked(result), *_first(result.faults))]
    if absent := _reasons(report):
        lines += ["", "## Not applicable", ""]
        lines += [f"- {count}: {escaped(reason)}" for reason, count in absent]
    if report.informative:
        lines += ["", "## For information", ""]
        lines += [f"- **{r.statement.id}** {r.verdict}: {_marked(r)}" for r in report.informative]
    return "\n".join(lines).rstrip() + "\n"


def _code(text: str) -> str:
    return "`" + text.replace("`", "'") + "`"


def _marked(result: Result) -> str:
    return escaped(_about(result))


def markdown_table(results: Iterable[Result]) -> Iterator[str]:
    rows = by_route(results)
    yield f"| route | {' | '.join(VERDICTS)} |"
    yield "| --- | " + " | ".join(["---:"] * len(VERDICTS)) + " |"
    for route, counts in rows.items():
        yield f"| `{route}` | " + " | ".join(str(counts[v]) for v in VERDICTS) + " |"
    total = _total(rows.values())
    yield "| all | " + " | ".join(str(total[verdict]) for verdict in VERDICTS) + " |"


def escaped(text: str) -> str:
    """Fit for a cell of a Markdown table, angle brackets as they are."""
    for character in "\\|*_<":
        text = text.replace(character, "\\" + character)
    return text


def as_json(report: Report) -> str:
    value: dict[str, Any] = {
        "url": report.url,
        "version": report.version,
        "models": report.names,
        "counts": _all_three(report.counts),
        "routes": {route: _all_three(counts) for route, counts in by_route(report.results).items()},
        "statements": [_as_object(result) for result in report.results],
    }
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"


def _all_three(counts: Counter[str]) -> dict[str, int]:
    """Zeros too: who reads a report by machine need not ask whether a key is there."""
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _as_object(result: Result) -> dict[str, Any]:
    statement = result.statement
    found: dict[str, Any] = {
        "id": statement.id,
        "route": statement.route,
        "level": statement.level,
        "statement": statement.statement,
        "verdict": result.verdict,
    }
    if result.reason:
        found["reason"] = result.reason
    if result.faults:
        found |= {"request": asked(result), "faults": list(result.faults), "got": result.got}
    return found


FORMATS = {"text": as_text, "json": as_json, "markdown": as_markdown}
