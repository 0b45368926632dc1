from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from tests.load.figures import Measurement, Start, summary
from tests.load.goals import GOALS, Goal, Results
from tests.load.phases import BY_NAME
from tests.load.report import Surroundings, document, drawn, markdown, table

AROUND = Surroundings(
    command="bench",
    date="2026-01-02",
    machine="a machine",
    load=(0.1, 1.5),
    versions={"adapter": "all (aiohttp 3)"},
    skipped={"nginx": "nginx is not installed"},
)


def run(target: str, phase: str, cpu: float, **more: object) -> Measurement:
    one = Measurement(
        target=target,
        phase=phase,
        answers=10,
        tokens=1000,
        seconds=2.0,
        cpu=cpu,
        others=0.0,
        first_token_p50=1.0,
        first_token_p99=2.0,
        memory_before=0,
        memory_most=1024 * 1000,
    )
    return replace(one, **more)


def summarised(*runs: Measurement) -> Results:
    return {(one.phase, one.target): summary([one], 1000) for one in runs}


def reported(*runs: Measurement) -> str:
    results = summarised(*runs)
    phases = [BY_NAME[name] for name in dict.fromkeys(one.phase for one in runs)]
    return markdown(AROUND, phases, results)


def row(page: str, begin: str) -> list[str]:
    line = next(line for line in page.splitlines() if line.startswith(f"| {begin} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_table_is_aligned():
    assert table(["a", "bb"], [["long", "1"], ["x", "22.5"]]).splitlines() == [
        "| a    |   bb |",
        "| ---- | ---: |",
        "| long |    1 |",
        "| x    | 22.5 |",
    ]


def test_cpu_per_token_beside_the_baseline_and_the_floor():
    page = reported(
        run("adapter", "lock32", 0.015),
        run("passthrough", "lock32", 0.010),
        run("nginx", "lock32", 0.006),
    )
    assert row(page, "target")[1:4] == ["µs CPU/token", "÷ passthrough", "÷ nginx"]
    assert row(page, "adapter")[1:4] == ["15.0", "1.50", "2.50"]
    assert row(page, "nginx")[1:4] == ["6.0", "0.60", "1.00"]


def test_a_ratio_to_a_target_that_is_skipped_has_no_column():
    page = reported(run("adapter", "lock32", 0.015))
    assert "÷ nginx" not in row(page, "target")
    assert "- skipped nginx: nginx is not installed" in page


def test_short_requests_are_counted_singly():
    assert row(reported(run("adapter", "short", 0.002)), "adapter")[1] == "200.0"


def test_failures_are_told_by_kind():
    page = reported(run("adapter", "burst", 0.01, failed={"wrong text": 2, "cut": 1}))
    assert row(page, "adapter")[-1] == "1 cut, 2 wrong text of 13"


def test_times_are_added_to_those_without_a_target():
    page = reported(run("direct", "ttft", 0.0), run("adapter", "ttft", 0.01, first_token_p50=1.25))
    assert row(page, "adapter")[1:5] == ["0.250", "0.000", "1.250", "2.000"]
    assert row(page, "added time to first token, p50, ms")[1:] == ["≤ 0.3", "≤ 0.1", "0.25", "yes"]


def test_no_times_of_a_busy_machine():
    page = reported(run("direct", "ttft", 0.0), run("adapter", "ttft", 0.01, others=0.9))
    assert row(page, "adapter")[1:5] == ["busy"] * 4
    assert row(page, "added time to first token, p50, ms")[3:] == ["-", ""]


def test_memory_of_each_stream():
    page = reported(run("adapter", "conc1000", 0.01))
    assert row(page, "adapter")[1] == "1.0"


def test_a_goal_that_is_missed_and_one_that_is_not_measured():
    page = reported(run("adapter", "lock200", 0.021), run("nginx", "lock200", 0.01))
    assert row(page, "CPU per token ÷ nginx, 200 streams")[1:] == ["≤ 2", "≤ 1.4", "2.10", "NO"]
    assert row(page, "CPU per token, 200 ÷ 32 streams")[3:] == ["-", ""]


def test_goals_in_both_directions():
    assert Goal("", 2.0, 1.0, lambda _: None).met(2.0)
    assert not Goal("", 2.0, 3.0, lambda _: None, most=False).met(1.9)


def test_delays_beside_those_without_a_target():
    page = reported(
        run("direct", "calm", 0.0, delays=(0.1, 0.2, 0.3)),
        run("adapter", "calm", 0.01, delays=(0.15, 0.5, 2.0)),
    )
    assert row(page, "adapter")[1:5] == ["0.050", "0.150", "0.500", "2.000"]


def test_rates_by_the_share_of_the_cores():
    page = reported(run("2 workers", "workers", 0.01, free=1.0, workers=2, own=0.001, engine=0.002))
    assert row(page, "2 workers")[1:7] == ["5", "10", "0.01", "1000.0", "100.0", "200.0"]


def test_a_start():
    start = Start(0.25, 0.5, 40e6, 50e6, 30e6)
    page = reported(run("adapter", "start", 0.1, start=start))
    assert row(page, "adapter")[1:6] == ["0.25", "0.50", "40.0", "50.0", "30.0"]
    failed = reported(run("adapter", "start", 0.1, answers=0, failed={"no answer": 1}))
    assert row(failed, "adapter")[1:6] == ["-"] * 5


def test_a_note_is_printed():
    around = replace(AROUND, note="as of today")
    assert markdown(around, [], {}).endswith("as of today\n")


def test_what_the_picture_shows():
    bars, lines = drawn(
        summarised(
            run("adapter", "lock200", 0.02),
            run("nginx", "lock200", 0.01),
            run("nginx", "lock32", 0.5),
            run("adapter", "paced8", 0.1, delays=(0.5, 1.0, 2.0)),
            run("adapter", "paced1", 0.1, delays=(0.25, 1.0, 2.0)),
            run("adapter", "paced32", 0.1, delays=(9.9, 9.9, 9.9), others=0.9),
        )
    )
    assert bars == {"nginx": pytest.approx(10.0), "adapter": pytest.approx(20.0)}
    assert lines == {"adapter": {1: 0.25, 8: 0.5}}


def test_the_document_holds_every_measurement():
    one = run("adapter", "lock32", 0.015, failed={"cut": 1})
    results = {("lock32", "adapter"): summary([one], 32)}
    read = orjson.loads(orjson.dumps(document(AROUND, results, [one])))
    assert read["measurements"][0]["failed"] == {"cut": 1}
    assert read["summaries"][0]["cpu_per_token"] == pytest.approx(15.0)
    assert len(read["goals"]) > len(GOALS)
    assert read["surroundings"]["skipped"] == {"nginx": "nginx is not installed"}
