from __future__ import annotations

from pathlib import Path

import pytest
from launcher import calibration
from launcher.engine_settings import read

from tests.vllm_image.launcher.tensors import safetensors


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {"MODEL": str(folder / "m"), "CALIBRATION_DIR": str(folder / "inc"), **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "m"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "tokenizer.json").write_text("{}")
    (model / "model.safetensors").write_bytes(safetensors(10))
    return tmp_path


def test_the_command(folder: Path) -> None:
    env = environ(folder)
    assert calibration.command(read(env), env) == [
        *("vllm-gaudi-calibrate", "run", f"{folder}/m", "-o", f"{folder}/inc")
    ]


def test_a_dry_run_for_a_generation(folder: Path) -> None:
    env = environ(folder, TENSOR_PARALLEL_SIZE="4", CALIBRATE_DRY_RUN="1", GAUDI_GENERATION="g2")
    assert calibration.command(read(env), env)[5:] == ["--tp", "4", "--dry-run", "--device", "g2"]


def test_what_is_there_can_be_measured(folder: Path) -> None:
    env = environ(folder)
    assert calibration.check(read(env), env).code == 0


def test_a_model_still_to_be_fetched_is_not_yet(folder: Path) -> None:
    (folder / "m" / "config.json").unlink()
    env = environ(folder)
    assert calibration.check(read(env), env).code == 75


def test_an_unknown_generation_is_refused(folder: Path) -> None:
    env = environ(folder, GAUDI_GENERATION="g7")
    assert calibration.check(read(env), env).code == 78


def test_the_folder_by_default() -> None:
    assert read({"MODEL": "org/m"}).calibrations == Path("/models/inc/org--m")
