"""What the stack was told: the environment, and .env beside compose.yaml."""

from __future__ import annotations

import os
import re
from pathlib import Path

SETTINGS = Path(__file__).resolve().parents[2] / ".env"


def environ(name: str, default: str) -> str:
    return os.environ.get(name, default)  # noqa: TID251  # a program of its own


def setting(name: str) -> str:
    """As compose finds it: in the environment, else in .env."""
    try:
        told = re.findall(rf"^{name}=(.*)$", SETTINGS.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        told = []
    return environ(name, told[-1].strip() if told else "")
