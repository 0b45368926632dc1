from __future__ import annotations

import pytest
from launcher.errors import CannotRun, TryAgain, engine_ended, explain, telling_lines

LOG = "\n".join(
    [
        "INFO 11-21 starting",
        "(EngineCore pid=7) ERROR [core.py:1] ValueError: No available memory for the cache.",
        *(f"(APIServer pid=1)   File line {i}" for i in range(40)),
        "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.",
    ]
)


@pytest.mark.parametrize(
    ("code", "word"),
    [(132, "SIGILL"), (-4, "SIGILL"), (137, "memory"), (-9, "memory"), (139, "SIGSEGV")],
)
def test_exit_codes_are_explained(code: int, word: str) -> None:
    assert word in explain(code)
    assert explain(code).startswith(f"exit code {128 - code if code < 0 else code}")


def test_an_exit_code_without_a_meaning_is_shown_bare() -> None:
    assert explain(3) == "exit code 3"


def test_the_first_cause_is_shown_though_it_is_far_up() -> None:
    lines = telling_lines(LOG)
    assert "ValueError: No available memory" in lines[0]
    assert lines[-1].endswith("See root cause above.")
    assert len(lines) == 15


def test_a_short_log_is_shown_whole_without_empty_lines() -> None:
    assert telling_lines("one\n\ntwo  \n") == ["one", "two"]


@pytest.mark.parametrize(
    ("code", "loading", "kind"),
    [
        (1, True, CannotRun),
        (132, True, CannotRun),
        (137, True, TryAgain),
        (1, False, TryAgain),
        (132, False, CannotRun),
        (0, False, TryAgain),
    ],
)
def test_only_what_comes_again_is_permanent(
    code: int, loading: bool, kind: type[Exception]
) -> None:
    error = engine_ended(code, LOG, loading=loading)
    assert type(error) is kind
    assert error.details


def test_an_engine_that_just_ends_has_not_succeeded() -> None:
    assert "exit code 0: it gave up" in engine_ended(0, "", loading=False).text


def test_codes_are_those_that_service_managers_know() -> None:
    assert (CannotRun.code, TryAgain.code) == (78, 75)
