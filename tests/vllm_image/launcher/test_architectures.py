from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from launcher import architectures
from launcher.findings import Findings
from launcher.installed import Installed, Registry

VLLM = Installed("0.32.0", Path("/x/vllm"), None, ())
REGISTRY = Registry(
    known=frozenset({"Qwen2ForCausalLM", "BertModel"}),
    dropped={"Phi3SmallForCausalLM": "0.9.2"},
    generic=frozenset({"CodeGenForCausalLM"}),
)


def judged(config: dict[str, Any], installed: Installed = VLLM) -> Findings:
    found = Findings()
    architectures.check(config, REGISTRY, installed, found)
    return found


@pytest.mark.parametrize(
    "name", ["Qwen2ForCausalLM", "Qwen2Model", "Qwen2ForSequenceClassification", "BertModel"]
)
def test_known_ones_and_what_vllm_makes_of_them(name: str) -> None:
    assert judged({"architectures": [name]}) == Findings()


def test_one_known_of_several_is_enough() -> None:
    assert judged({"architectures": ["Other", "BertModel"]}) == Findings()


@pytest.mark.parametrize("config", [{}, {"architectures": None}, {"architectures": []}])
def test_none_named_is_left_to_vllm(config: dict[str, Any]) -> None:
    assert judged(config) == Findings()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Qwen9ForCausalLM", "vLLM 0.32.0 doesn't know Qwen9ForCausalLM: the model is newer"),
        ("Phi3SmallForCausalLM", "no longer has Phi3SmallForCausalLM, 0.9.2 was the last"),
        ("Odd", "doesn't know Odd"),
    ],
)
def test_unknown_ones_are_refused(name: str, sentence: str) -> None:
    (fault,) = judged({"architectures": [name]}).faults
    assert sentence in fault.sentence
    assert fault.code == 78


@pytest.mark.parametrize(
    ("config", "installed", "sentence"),
    [
        ({"architectures": ["CodeGenForCausalLM"]}, VLLM, "vLLM's generic model"),
        ({"architectures": ["My"], "auto_map": {"AutoModel": "m.My"}}, VLLM, "--trust-remote-code"),
        ({"architectures": ["My"]}, replace(VLLM, plugins=("vllm-gaudi",)), "perhaps vllm-gaudi"),
    ],
)
def test_what_may_work_is_a_warning(
    config: dict[str, Any], installed: Installed, sentence: str
) -> None:
    found = judged(config, installed)
    assert not found.faults
    assert sentence in found.warnings[0]
