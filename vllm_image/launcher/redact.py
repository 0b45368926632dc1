"""Secrets are taken out of what is printed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "***"
SECRET = re.compile(r"(?i)token$|tokens?_|key$|secret|password|passwd|credential|_auth$|bearer")
HARMLESS = re.compile(r"(?i)_FILE$|_PATH$|TOKENS_DETAILS|MAX_.*TOKENS|TOKENIZER|BATCHED_TOKENS")
SECRET_OPTIONS = {"--api-key", "--hf-token", "--ssl-keyfile-password"}
IN_JSON = re.compile(r'"(\w+)"(\s*:\s*)("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^\s,{}\[\]"]+)')
"""A name and its value, which is no object."""
IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]+@")


def environment(values: Mapping[str, str]) -> dict[str, str]:
    return {name: HIDDEN if _secret(name) else text(value) for name, value in values.items()}


def arguments(given: Sequence[str]) -> list[str]:
    shown: list[str] = []
    hide = False
    for argument in given:
        if hide and not argument.startswith("--"):
            shown.append(HIDDEN)  # --api-key takes several
            continue
        name, equals, _ = argument.partition("=")
        hide = _hidden(name)
        if hide and equals:
            shown.append(f"{name}={HIDDEN}")
            hide = False
        else:
            shown.append(text(argument))
    return shown


def text(value: str, secrets: Iterable[str] = ()) -> str:
    """Without the user part of addresses, secrets by their names in JSON, and the secrets given."""
    shown = IN_JSON.sub(_without, IN_ADDRESS.sub(f"{HIDDEN}@", value))
    for secret in filter(None, secrets):
        shown = shown.replace(secret, HIDDEN)
    return shown


def _hidden(option: str) -> bool:
    """vLLM also takes a member of a JSON option by itself: `--speculative-config.hf_token x`."""
    dashed, member = option.replace("_", "-"), option.rpartition(".")[2]
    return dashed in SECRET_OPTIONS or (member != option and _secret(member))


def _without(pair: re.Match[str]) -> str:
    return f'"{pair[1]}"{pair[2]}"{HIDDEN}"' if _secret(pair[1]) else pair[0]


def _secret(name: str) -> bool:
    return bool(SECRET.search(name)) and not HARMLESS.search(name)
