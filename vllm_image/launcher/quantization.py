"""Which quantization runs on which device. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from launcher.engine_settings import EngineSettings
from launcher.findings import Findings

ON_A_CPU = "AWQ, GPTQ and compressed-tensors INT8 (W8A8) run there"
KEEPS_FP8 = ("fp8", "fbgemm_fp8")
NO_GAUDI_FP8 = ("mixtral-8x7b",)
"""Models whose calibration is known to fail."""


def of(settings: EngineSettings, config: Mapping[str, Any]) -> str:
    """The method asked for, else the one the checkpoint was made with; empty for none."""
    if settings.quantization:
        return settings.quantization.lower()
    return stored(config)


def stored(config: Mapping[str, Any]) -> str:
    kept = config.get("quantization_config")
    if not isinstance(kept, dict):
        return ""
    method = str(kept.get("quant_method", "")).lower()
    groups = kept.get("config_groups")
    if method == "compressed-tensors" and isinstance(groups, dict) and _floats(groups):
        return "compressed-tensors fp8"
    return method


def _floats(groups: Mapping[str, Any]) -> bool:
    """Whether a group of compressed-tensors keeps weights as 8-bit floats."""
    kept = [group.get("weights") for group in groups.values() if isinstance(group, dict)]
    return any(
        isinstance(weights, dict)
        and weights.get("type") == "float"
        and weights.get("num_bits") == 8
        for weights in kept
    )


def check(device: str, settings: EngineSettings, model: str, method: str, found: Findings) -> None:
    if device == "cpu":
        _on_a_cpu(settings, method, found)
    elif device == "hpu":
        _on_gaudi(settings, model, method, found)
    elif method == "inc":
        found.refuse("QUANTIZATION=inc is for Gaudi; on a GPU take fp8, awq or gptq")


def arguments(device: str, settings: EngineSettings) -> list[str]:
    if not settings.quantization:
        return []
    given = ["--quantization", settings.quantization]
    if device == "hpu" and settings.quantization == "inc":
        given += ["--kv-cache-dtype", "fp8_inc"]
    return given


def with_calibration(settings: EngineSettings) -> EngineSettings:
    """QUANT_CONFIG from the calibration's folder, when it isn't named and there is just one."""
    if settings.quantization != "inc" or settings.quant_config:
        return settings
    made = sorted(settings.calibrations.glob("**/maxabs_quant_g*.json"))
    return replace(settings, quant_config=str(made[0])) if len(made) == 1 else settings


def _on_a_cpu(settings: EngineSettings, method: str, found: Findings) -> None:
    if method == "inc":
        found.refuse(f"QUANTIZATION=inc is for Gaudi and doesn't run on a CPU; {ON_A_CPU}")
    elif "fp8" in method and not settings.allow_cpu_fp8:
        whose = "QUANTIZATION asks for" if settings.quantization else "the model is kept as"
        found.refuse(
            f"{whose} {method}, which vLLM doesn't run on a CPU; {ON_A_CPU} "
            "(ALLOW_CPU_FP8=1 tries all the same)"
        )
    elif "fp8" in method:
        found.warn(f"{method} on a CPU is tried since ALLOW_CPU_FP8 is set; it mostly fails")


def _on_gaudi(settings: EngineSettings, model: str, method: str, found: Findings) -> None:
    if method == "inc" and not settings.quant_config:
        found.refuse(
            "QUANTIZATION=inc needs QUANT_CONFIG, the maxabs_quant_g2.json or maxabs_quant_g3.json "
            f"that `launcher calibrate` makes below {settings.calibrations}"
        )
    elif method == "inc" and not Path(settings.quant_config).is_file():
        found.refuse(f"QUANT_CONFIG names a file that is not there: {settings.quant_config}")
    elif method in KEEPS_FP8 and settings.quantization:
        found.refuse(
            "on Gaudi FP8 is QUANTIZATION=inc with a QUANT_CONFIG; `launcher calibrate` makes one"
        )
    if method == "inc" and any(name in model.lower() for name in NO_GAUDI_FP8):
        found.warn(f"calibration to FP8 is known to fail for {model}")
