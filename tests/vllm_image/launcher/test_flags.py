from __future__ import annotations

import pytest
from launcher import flags
from launcher.findings import Findings

KNOWN = {"--max-model-len", "--max-num-seqs", "--gpu-memory-utilization", "-tp", "-q", "--dtype"}


def judged(*extra: str) -> list[str]:
    found = Findings()
    flags.check(extra, KNOWN, None, found)
    return [fault.sentence for fault in found.faults]


@pytest.mark.parametrize(
    "extra",
    [
        (),
        ("--max-model-len", "4096"),
        ("--max_model_len=4096",),
        ("--max-model", "1"),  # argparse takes an unmistakable beginning
        ("-tp", "2"),
        ("-O3",),
        ("-qawq",),
    ],
)
def test_what_vllm_takes(extra: tuple[str, ...]) -> None:
    assert judged(*extra) == []


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("--cpu-memory-utilization", "did you mean --gpu-memory-utilization?"),
        ("--max", "has no option --max;"),  # there are two such beginnings
        ("--disable-gpu", "`vllm serve --help=all` lists them"),
        ("-x", "has no option -x"),
    ],
)
def test_what_it_does_not(option: str, hint: str) -> None:
    (sentence,) = judged(option, "0.9", option)
    assert f"no option {option}" in sentence
    assert hint in sentence
