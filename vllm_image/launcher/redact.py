"""Secrets are taken out of what is printed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "***"
SECRET = re.compile(r"(?i)token$|tokens?_|key$|secret|password|passwd|credential|_auth$|bearer")
HARMLESS = re.compile(r"(?i)_FILE$|_PATH$|TOKENS_DETAILS|MAX_.*TOKENS|TOKENIZER|BATCHED_TOKENS")
SECRET_OPTIONS = {"--api-key", "--hf-token", "--ssl-keyfile-password"}
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
        hide = name.replace("_", "-") in SECRET_OPTIONS
        if hide and equals:
            shown.append(f"{name}={HIDDEN}")
            hide = False
        else:
            shown.append(text(argument))
    return shown


def text(value: str, secrets: Iterable[str] = ()) -> str:
    """Without the user part of addresses, and without the secrets given."""
    shown = IN_ADDRESS.sub(f"{HIDDEN}@", value)
    for secret in filter(None, secrets):
        shown = shown.replace(secret, HIDDEN)
    return shown


def _secret(name: str) -> bool:
    return bool(SECRET.search(name)) and not HARMLESS.search(name)
