"""Whether there is room for a model, and how many connections may fetch it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from launcher import hardware, ports
from launcher.errors import CannotRun

SPARE = 1.05
"""What is kept free besides: the file system's own blocks, logs, caches."""
THREADS, MOST_THREADS = 4, 32
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]i?|k)?B?")
UNITS = {"": 1, "k": 10**3} | {
    letter + tail: base**power
    for power, letter in enumerate("KMGTP", 1)
    for tail, base in (("", 1000), ("i", 1024))
}


def threads(environ: Mapping[str, str]) -> int:
    text = environ.get("FETCH_PARALLEL", "").strip()
    number = ports.whole_number(text) if text else THREADS
    if number is None or not 1 <= number <= MOST_THREADS:
        raise CannotRun(f"FETCH_PARALLEL is no number from 1 to {MOST_THREADS}: {text}")
    return number


def limit(environ: Mapping[str, str]) -> int | None:
    """EPHEMERAL_LIMIT in bytes, written as Kubernetes writes it: 50Gi, 100G."""
    text = environ.get("EPHEMERAL_LIMIT", "").strip()
    match = QUANTITY.fullmatch(text)
    if text and not match:
        raise CannotRun(f"EPHEMERAL_LIMIT is no size: {text}; one looks like 50Gi")
    return int(float(match[1]) * UNITS[match[2] or ""]) if match else None


def require(model: str, place: Path, size: int, present: int, limit: int | None) -> None:
    """Raises CannotRun with the numbers. `limit` counts what is there already, free space not."""
    free = hardware.free_disk(place)
    need = int((size - present) * SPARE)
    if need > free:
        raise CannotRun(
            f"too little disk space for {model}: {amount(need)} needed, {amount(free)} free at "
            f"{place}; make room or take a smaller MODEL"
        )
    if limit is not None and size * SPARE > limit:
        raise CannotRun(
            f"{model} is larger than EPHEMERAL_LIMIT: {amount(int(size * SPARE))} needed, "
            f"{amount(limit)} allowed; raise the limit, or put MODELS_DIR on a volume"
        )


def amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 10**8 else f"{size / 1e6:.1f} MB"
