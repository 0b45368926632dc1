"""Which accelerators a container was given, by the device files that are there."""

from __future__ import annotations

import shutil
from pathlib import Path

from launcher.errors import CannotRun

DEV = Path("/dev")
HELP = {
    "gpu": "no NVIDIA device is in this container; start it with --gpus all (in a compose file: "
    "deploy.resources.reservations.devices), or take the image for the CPU",
    "hpu": "no Gaudi device is in this container; start it with --runtime=habana and "
    "HABANA_VISIBLE_DEVICES=all, or take the image for the CPU",
}
FILES = {"gpu": ("nvidia[0-9]*", "dxg"), "hpu": ("accel/accel_controlD*", "hl[0-9]*")}


def there(dev: Path = DEV) -> set[str]:
    """`dxg` is how a GPU shows under WSL."""
    return {
        device
        for device, patterns in FILES.items()
        if any(next(dev.glob(pattern), None) for pattern in patterns)
    }


def choose(asked: str, found: set[str]) -> str:
    """The device asked for, else the best there is. An accelerator that isn't there is refused."""
    if asked in HELP and asked not in found:
        raise CannotRun(HELP[asked])
    return asked or next((device for device in ("gpu", "hpu") if device in found), "cpu")


def shared_memory(dev: Path = DEV) -> int:
    """Bytes free in /dev/shm; 0 when there is none."""
    try:
        return shutil.disk_usage(dev / "shm").free
    except OSError:
        return 0
