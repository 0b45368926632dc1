"""The one-shot service that measures a model for FP8 on Gaudi (`vllm-gaudi-calibrate`)."""

from __future__ import annotations

from collections.abc import Mapping

from launcher import accounts, contents
from launcher.engine_settings import EngineSettings, flag
from launcher.findings import Findings

PROGRAM = "vllm-gaudi-calibrate"
GENERATIONS = ("g2", "g3")


def command(settings: EngineSettings, environ: Mapping[str, str]) -> list[str]:
    """What is run. The generation can be named for a dry run only: else it is the machine's."""
    given = [PROGRAM, "run", str(settings.folder), "-o", str(settings.calibrations)]
    if settings.tensor_parallel > 1:
        given += ["--tp", str(settings.tensor_parallel)]
    if flag(environ, "CALIBRATE_DRY_RUN"):
        given += ["--dry-run", "--device", environ.get("GAUDI_GENERATION") or GENERATIONS[-1]]
    return given


def check(settings: EngineSettings, environ: Mapping[str, str]) -> Findings:
    found = Findings()
    generation = environ.get("GAUDI_GENERATION", "")
    if generation and generation not in GENERATIONS:
        found.refuse(f"GAUDI_GENERATION is none of {' and '.join(GENERATIONS)}: {generation}")
    model = contents.read(settings.folder)
    if not model.ready:
        found.not_yet(f"{settings.model} is not complete in {settings.folder}; fetch it first")
    if not accounts.writable(settings.calibrations):
        found.refuse(accounts.owner_line(settings.calibrations))
    return found
