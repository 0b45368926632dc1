"""The facts that a plan is made of, read from this machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from launcher import accounts, contents, devices, engine_plan, hardware, installed, topology
from launcher.engine_plan import Plan
from launcher.engine_settings import EngineSettings, read
from launcher.errors import CannotRun
from launcher.facts import Facts
from launcher.processes import environment
from launcher.quantization import with_calibration

OWN = Path(__file__).resolve().parent.parent


def plan(environ: Mapping[str, str], *, ask_flags: bool = False) -> Plan:
    """Raises CannotRun when the settings make no sense. Nothing is written.

    `ask_flags`: have vLLM list its options where no list of them was kept, which takes 10-20 s.
    """
    settings = with_calibration(read(environ))
    return engine_plan.make(settings, environ, facts(settings, environ, ask_flags=ask_flags))


def facts(settings: EngineSettings, environ: Mapping[str, str], *, ask_flags: bool) -> Facts:
    env = environment(environ, OWN)
    command = vllm(environ)
    about = installed.ask([command], env) if command else None
    return Facts(
        device=devices.choose(settings.device, devices.there()),
        machine=hardware.read(),
        cpus=topology.read(),
        shared_memory=devices.shared_memory(),
        contents=contents.read(settings.folder),
        account=accounts.lacking(environ, Path(tempfile.gettempdir())),
        installed=about,
        registry=installed.registry(about) if about else None,
        flags=options(settings, environ, about, command, ask=ask_flags),
    )


def options(
    settings: EngineSettings,
    environ: Mapping[str, str],
    about: installed.Installed | None,
    command: str,
    *,
    ask: bool,
) -> frozenset[str] | None:
    if not settings.extra or about is None:
        return None
    kept = installed.kept_flags(environ.get("ENGINE_FLAGS", ""), about.version)
    if kept is None and ask:
        kept = installed.flags([command], environment(environ, OWN))
    return None if kept is None else frozenset(kept)


def vllm(environ: Mapping[str, str]) -> str:
    """The engine's script; empty when there is none."""
    return shutil.which("vllm", path=environ.get("PATH")) or ""


def require_vllm(environ: Mapping[str, str]) -> str:
    if command := vllm(environ):
        return command
    raise CannotRun("there is no vllm on PATH; this command is for the engine images")
