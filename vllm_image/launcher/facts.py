"""What a plan is made of besides the user's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from launcher.contents import Contents
from launcher.hardware import Machine
from launcher.installed import Installed, Registry
from launcher.topology import Topology


@dataclass(frozen=True)
class Facts:
    device: str
    machine: Machine
    cpus: Topology
    shared_memory: int
    contents: Contents
    account: Mapping[str, str] = field(default_factory=dict)
    """HOME, USER, LOGNAME where the environment lacks them."""
    installed: Installed | None = None
    registry: Registry | None = None
    flags: frozenset[str] | None = None
    """Options that this vLLM knows; None when that wasn't asked."""
