from __future__ import annotations

from dataclasses import replace

import orjson

from adapter.bench.figures import Figures
from adapter.bench.report import Run, document, markdown, ratio_to_direct

OURS = Figures("server", 4, 8, 400, 95.0, 10.0, 20.0, 1.25, 2.0, {})
ALONE = replace(OURS, server="direct", tokens_per_second=100.0)
RUN = Run(
    "2026-01-02",
    "1.0",
    128,
    2,
    {"server": ("http://a:1", "m:latest"), "direct": ("http://b:2", "m")},
)


def cells(page: str) -> list[list[str]]:
    rows = [line for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table():
    page = markdown(RUN, [OURS, ALONE])
    assert cells(page)[2] == [
        "4",
        "server",
        "95.0",
        "0.950",
        "10.0",
        "20.0",
        "1.2",
        "2.0",
        "8",
        "0",
    ]
    assert cells(page)[3][3] == "1.000"
    assert "- direct: http://b:2, model m" in page
    assert "Interrupted" not in page


def test_nothing_to_compare_with():
    assert ratio_to_direct(OURS, [OURS]) is None
    assert ratio_to_direct(OURS, [OURS, replace(ALONE, streams=1)]) is None
    assert cells(markdown(RUN, [OURS]))[2][3] == "-"


def test_failures_are_told_by_kind():
    page = markdown(RUN, [replace(OURS, failed={"cut": 2, "timed out": 1})])
    assert cells(page)[2][-1] == "3"
    assert "- server, 2 times: cut\n- server, 1 times: timed out" in page


def test_an_interrupted_run_says_so():
    assert "**Interrupted**" in markdown(replace(RUN, complete=False), [])


def test_the_document():
    read = orjson.loads(orjson.dumps(document(RUN, [OURS, ALONE])))
    assert read["figures"][0]["ratio_to_direct"] == 0.95
    assert read["run"]["servers"]["server"] == ["http://a:1", "m:latest"]
