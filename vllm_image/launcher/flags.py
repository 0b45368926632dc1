"""Arguments that this vLLM doesn't know are told before it starts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from launcher.engine_settings import options
from launcher.findings import Findings
from launcher.installed import Installed

# Understood by vLLM and named nowhere in its help.
UNLISTED = {"-O", "--help", "-h"}


def check(
    extra: Sequence[str], known: Collection[str], installed: Installed | None, found: Findings
) -> None:
    version = f" {installed.version}" if installed else ""
    for option in dict.fromkeys(options(tuple(extra))):
        if _understood(option, known):
            continue
        near = get_close_matches(option, known, 1)
        hint = f"; did you mean {near[0]}?" if near else "; `vllm serve --help=all` lists them"
        found.refuse(f"VLLM_EXTRA_ARGS: vLLM{version} has no option {option}{hint}")


def _understood(option: str, known: Collection[str]) -> bool:
    """An unmistakable beginning will do, as for argparse."""
    if option in known or option in UNLISTED:
        return True
    begun = [name for name in known if name.startswith(option)]
    if not option.startswith("--"):
        return any(option.startswith(name) for name in known if len(name) == 2)  # -q8
    return len(begun) == 1
