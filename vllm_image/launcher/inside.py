"""The commands that run inside an engine image: plan, check, serve, flags, calibrate, explain.

Each takes the environment and what followed its name, and returns an exit code.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launcher import (
    accounts,
    calibration,
    engine_settings,
    errors,
    fetching,
    gather,
    health,
    installed,
    ports,
    redact,
)
from launcher.engine_plan import Plan
from launcher.errors import CannotRun, LauncherError
from launcher.findings import Findings
from launcher.processes import environment
from launcher.ready import ready

CACHES = ("VLLM_CACHE_ROOT", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")


def plan(environ: Mapping[str, str], _: Sequence[str]) -> int:
    """Prints the plan as JSON. Its own faults don't make it fail: they are in the plan."""
    try:
        made = gather.plan(environ).printable(environ)
    except LauncherError as error:
        made = {"warnings": [], "fatal": [{"sentence": error.text, "code": error.code}]}
    print(json.dumps(made, indent=2))
    return 0


def check(environ: Mapping[str, str], _: Sequence[str]) -> int:
    return _told(checked(environ))


def serve(environ: Mapping[str, str], _: Sequence[str]) -> int:
    """Becomes vLLM; returns only when that can't work."""
    command = gather.require_vllm(environ)
    if code := _fetched(environ):
        return code
    made = checked(environ)
    if code := _told(made):
        return code
    env = environment(made.environment(environ), gather.OWN)
    print(json.dumps(made.printable(environ), indent=2), file=sys.stderr)
    shown = shlex.join([command, *redact.arguments(made.arguments)])
    print(f"starting: {shown}", file=sys.stderr, flush=True)
    Path(env["HOME"]).mkdir(parents=True, exist_ok=True)
    try:
        os.execve(command, [command, *made.arguments], env)
    except OSError as error:
        raise CannotRun(f"{command}: {error.strerror}") from error


def flags(environ: Mapping[str, str], _: Sequence[str]) -> int:
    """Prints vLLM's options, for an image to keep in the file that ENGINE_FLAGS names."""
    command = [gather.require_vllm(environ)]
    env = environment(environ, gather.OWN)
    about = installed.ask(command, env)
    print(installed.print_flags(about, installed.flags(command, env)))
    return 0


def calibrate(environ: Mapping[str, str], _: Sequence[str]) -> int:
    """Becomes vllm-gaudi-calibrate, which measures a model for FP8 on Gaudi."""
    settings = engine_settings.read(environ)
    command = calibration.command(settings, environ)
    findings = calibration.check(settings, environ)
    if code := _say(findings):
        return code
    print(f"starting: {shlex.join(command)}", file=sys.stderr, flush=True)
    try:
        os.execvpe(command[0], command, environment(environ, gather.OWN))
    except OSError as error:
        raise CannotRun(
            f"{command[0]}: {error.strerror}; calibration runs in the Gaudi image"
        ) from error


def explain(_: Mapping[str, str], arguments: Sequence[str]) -> int:
    """`explain 137` says what that exit code means."""
    for argument in arguments:
        number = ports.whole_number(argument)
        if number is None:
            raise CannotRun(f"{argument} is no exit code")
        print(errors.explain(number))
    return 0


def ask_health(environ: Mapping[str, str], _: Sequence[str]) -> int:
    state = health.of(environ)
    print(state.sentence)
    return 0 if state.well else 1


def checked(environ: Mapping[str, str]) -> Plan:
    """The plan, with what only this machine can tell: port, folders, vLLM's own options."""
    gather.require_vllm(environ)
    made = gather.plan(environ, ask_flags=True)
    found = made.findings
    try:
        ports.require_free(engine_settings.address(environ), ports.IN_AN_IMAGE)
    except LauncherError as error:
        found.add(error)
    _temporary(found)
    _caches(made.environment(environ), found)
    template = made.settings.chat_template
    if template.startswith("/") and not Path(template).is_file():
        found.refuse(f"CHAT_TEMPLATE names a file that is not there: {template}")
    return made


def _fetched(environ: Mapping[str, str]) -> int:
    """A lone container fetches its model itself; FETCH=no leaves that to another."""
    settings = engine_settings.read(environ)
    wanted = environ.get("FETCH", "yes").strip().lower() not in ("0", "no", "false", "off")
    if settings.source == "folder" or not wanted:
        return 0
    if ready(settings.folder):
        return 0
    found = Findings()
    base = settings.folder.parent
    if not accounts.writable(base):
        found.refuse(accounts.owner_line(base))
        return _say(found)
    return fetching.run(environ)


def _temporary(found: Findings) -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        found.refuse("no temporary folder can be written; mount a tmpfs at /tmp (--tmpfs /tmp)")


def _caches(
    env: Mapping[str, str], found: Findings, may_write: Callable[[Path], bool] = accounts.writable
) -> None:
    for name in CACHES:
        if env.get(name) and not may_write(Path(env[name])):
            found.refuse(f"{name}: {accounts.owner_line(Path(env[name]))}")


def _told(made: Plan) -> int:
    for warning in made.findings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return _say(made.findings)


def _say(found: Findings) -> int:
    for fault in found.faults:
        print(f"error: {fault.sentence}", file=sys.stderr)
    sys.stderr.flush()
    return found.code
