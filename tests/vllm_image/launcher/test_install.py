"""The installer with a stand-in for the processes: what would be run, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from launcher import install
from launcher.errors import CannotRun, TryAgain
from launcher.install import Installer


class Commands:
    """Notes each command; makes the environments, fails where it is told to."""

    def __init__(self, failing: str = "") -> None:
        self.run_: list[str] = []
        self.failing = failing

    def run(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        tick: Callable[[], None],
    ) -> int:
        tick()
        text = " ".join(command[1:])
        self.run_.append(text)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("WARNING: noise\nERROR: No matching distribution found\nnote\n")
        if "venv" in command:
            folder = Path(command[-1])
            install._purelib(folder).mkdir(parents=True)
            (folder / "bin").mkdir()
            (folder / "bin" / "python").write_text("#!/bin/sh\n")
            (folder / "bin" / "python").chmod(0o755)
        return 1 if self.failing and text.endswith(self.failing) else 0

    def pip(self) -> list[str]:
        """What pip was told beyond the options that it always gets."""
        return [text.partition("--progress-bar off ")[2] for text in self.run_ if " pip " in text]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    locks = ("adapter/requirements.lock", "vllm_image/cpu/requirements.lock")
    for name in (*locks, "pyproject.toml", "compose/services/local.lock"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def installer(root: Path, commands: Commands) -> Installer:
    return Installer(root, root / "vllm_image", commands, {})  # type: ignore[arg-type]


def no_tick(_detail: str) -> None:
    return None


def test_the_adapter_is_installed_once(root: Path) -> None:
    commands = Commands()
    first = installer(root, commands)
    assert not first.has_adapter()
    first.adapter(no_tick)
    assert commands.pip() == [
        f"--require-hashes -r {root}/adapter/requirements.lock",
        f"--no-deps --no-build-isolation -e {root}",
    ]
    assert installer(root, Commands()).has_adapter()


@pytest.mark.parametrize("changed", ["adapter/requirements.lock", "pyproject.toml"])
def test_it_is_installed_again_when_its_files_change(root: Path, changed: str) -> None:
    installer(root, Commands()).adapter(no_tick)
    (root / changed).write_text("other")
    assert not installer(root, Commands()).has_adapter()


def test_an_interrupted_adapter_is_installed_with_force(root: Path) -> None:
    with pytest.raises(TryAgain, match="install") as raised:
        installer(root, Commands(failing="requirements.lock")).adapter(no_tick)
    assert raised.value.details == ["ERROR: No matching distribution found"]
    commands = Commands()
    again = installer(root, commands)
    assert not again.has_adapter()
    again.adapter(no_tick)
    assert commands.pip()[0].startswith("--require-hashes --force-reinstall")


def test_a_working_environment_of_others_is_kept(root: Path) -> None:
    installer(root, Commands()).adapter(no_tick)
    (root / ".venv" / "theirs").touch()
    (root / "pyproject.toml").write_text("other")
    installer(root, Commands()).adapter(no_tick)
    assert (root / ".venv" / "theirs").exists()


def test_the_engine_is_torch_then_the_lock_then_the_stub(root: Path) -> None:
    commands = Commands()
    first = installer(root, commands)
    first.engine(no_tick)
    assert commands.pip() == [
        f"--no-deps {install.TORCH}",
        f"--no-deps --require-hashes -r {root}/vllm_image/cpu/requirements.lock",
    ]
    assert commands.run_[-1] == "--version"
    stub = install._purelib(root / ".venv" / "vllm") / install.STUB / "METADATA"
    assert stub.read_text() == install.STUB_METADATA
    assert first.has_engine()


def test_torch_is_taken_from_pytorch_where_pip_finds_none(root: Path) -> None:
    commands = Commands()
    real = commands.run

    def run(
        command: Sequence[str], env: Mapping[str, str], log: Path, tick: Callable[[], None]
    ) -> int:
        code = real(command, env, log, tick)
        return 1 if install.TORCH in command and "--index-url" not in command else code

    commands.run = run  # type: ignore[method-assign]
    installer(root, commands).engine(no_tick)
    assert commands.pip()[1] == f"--no-deps --index-url {install.TORCH_INDEX} {install.TORCH}"


def test_half_an_engine_is_thrown_away(root: Path) -> None:
    with pytest.raises(TryAgain):
        installer(root, Commands(failing="requirements.lock")).engine(no_tick)
    half = root / ".venv" / "vllm" / "half"
    half.touch()
    assert not installer(root, Commands()).has_engine()
    installer(root, Commands()).engine(no_tick)
    assert not half.exists()


def test_the_services_have_an_environment_of_their_own(root: Path) -> None:
    commands = Commands()
    first = installer(root, commands)
    assert not first.has_services()
    first.services(no_tick)
    assert commands.pip() == [f"--require-hashes -r {root}/compose/services/local.lock"]
    assert commands.run_[0].endswith(f"venv {root}/.venv/services")
    assert installer(root, Commands()).has_services()
    (root / "compose" / "services" / "local.lock").write_text("other")
    assert not first.has_services()


def test_what_took_long_to_get_outlives_a_broken_environment(root: Path) -> None:
    installer(root, Commands()).services(no_tick)
    (root / ".venv" / "documents").mkdir()
    (root / ".venv" / "lib").mkdir()
    installer(root, Commands())._clear_venv()
    assert {path.name for path in (root / ".venv").iterdir() if path.is_dir()} == {
        "services",
        "documents",
    }


def test_a_moved_checkout_is_installed_anew(root: Path) -> None:
    installer(root, Commands()).engine(no_tick)
    moved = root.with_name("moved")
    root.rename(moved)
    assert not installer(moved, Commands()).has_engine()


@pytest.mark.parametrize("missing", ["ensurepip", "venv"])
def test_debians_missing_part_is_named(missing: str) -> None:
    with pytest.raises(CannotRun, match="apt install python3-venv"):
        install.require_venv(lambda name: None if name == missing else object())


def test_an_incomplete_checkout_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=r"lacks .*requirements\.lock"):
        installer(tmp_path, Commands()).has_adapter()
