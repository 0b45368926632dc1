from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from launcher import quantization
from launcher.engine_settings import EngineSettings, read
from launcher.findings import Findings


def settings(**env: str) -> EngineSettings:
    return read({"MODEL": "org/m", **env})


def kept(method: str, **more: Any) -> dict[str, Any]:
    return {"quantization_config": {"quant_method": method, **more}}


FP8_GROUPS = {"group_0": {"weights": {"type": "float", "num_bits": 8}}}
INT8_GROUPS = {"group_0": {"weights": {"type": "int", "num_bits": 8}}}


def faults(device: str, config: dict[str, Any], model: str = "org/m", **env: str) -> list[str]:
    found = Findings()
    asked = settings(**env)
    method = quantization.of(asked, config)
    quantization.check(device, asked, model, method, found)
    assert all(fault.code == 78 for fault in found.faults)
    return [fault.sentence for fault in found.faults]


@pytest.mark.parametrize(
    "config",
    [{}, kept("awq"), kept("gptq"), kept("compressed-tensors", config_groups=INT8_GROUPS)],
)
def test_what_runs_on_a_cpu(config: dict[str, Any]) -> None:
    assert faults("cpu", config) == []


@pytest.mark.parametrize(
    "config", [kept("fp8"), kept("compressed-tensors", config_groups=FP8_GROUPS)]
)
def test_fp8_on_a_cpu_is_refused_unless_allowed(config: dict[str, Any]) -> None:
    (sentence,) = faults("cpu", config)
    assert "fp8, which vLLM doesn't run on a CPU; AWQ, GPTQ" in sentence
    assert faults("cpu", config, ALLOW_CPU_FP8="1") == []
    assert faults("gpu", config) == []


def test_what_is_asked_for_is_told_apart() -> None:
    assert faults("cpu", {}, QUANTIZATION="fp8")[0].startswith("QUANTIZATION asks for fp8")
    assert faults("cpu", kept("fp8"))[0].startswith("the model is kept as fp8")


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_inc_is_for_gaudi(device: str) -> None:
    assert "is for Gaudi" in faults(device, {}, QUANTIZATION="inc")[0]


def test_fp8_on_gaudi_is_inc_with_a_calibration(tmp_path: Path) -> None:
    assert "on Gaudi FP8 is QUANTIZATION=inc" in faults("hpu", {}, QUANTIZATION="fp8")[0]
    assert "needs QUANT_CONFIG" in faults("hpu", {}, QUANTIZATION="inc")[0]
    nowhere = faults("hpu", {}, QUANTIZATION="inc", QUANT_CONFIG="/no.json")
    assert nowhere == ["QUANT_CONFIG names a file that is not there: /no.json"]
    file = tmp_path / "maxabs_quant_g3.json"
    file.touch()
    assert faults("hpu", {}, QUANTIZATION="inc", QUANT_CONFIG=str(file)) == []


def test_a_calibration_that_was_made_is_found(tmp_path: Path) -> None:
    file = tmp_path / "out" / "maxabs_quant_g3.json"
    file.parent.mkdir()
    file.touch()
    asked = settings(QUANTIZATION="inc", CALIBRATION_DIR=str(tmp_path))
    assert quantization.with_calibration(asked).quant_config == str(file)
    (tmp_path / "out" / "maxabs_quant_g2.json").touch()
    assert quantization.with_calibration(asked).quant_config == ""


def test_models_known_to_fail_are_warned_of() -> None:
    found = Findings()
    asked = settings(QUANTIZATION="inc")
    quantization.check("hpu", asked, "mistralai/Mixtral-8x7B-v0.1", "inc", found)
    assert "known to fail" in found.warnings[0]


@pytest.mark.parametrize(
    ("device", "asked", "given"),
    [
        ("cpu", "awq", ["--quantization", "awq"]),
        ("hpu", "inc", ["--quantization", "inc", "--kv-cache-dtype", "fp8_inc"]),
        ("gpu", "", []),
    ],
)
def test_arguments(device: str, asked: str, given: list[str]) -> None:
    assert quantization.arguments(device, settings(QUANTIZATION=asked)) == given
