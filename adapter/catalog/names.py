"""Model names: `[host/][namespace/]model[:tag]`, equal in any case, with defaults left out.

Source: `types/model/name.go:ParseName` and `internal/modelref` of Ollama 0.33.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from adapter.errors import BadRequest, Forbidden

HOST = "registry.ollama.ai"
NAMESPACE = "library"
TAG = "latest"

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Name:
    model: str
    tag: str = TAG
    namespace: str = NAMESPACE
    host: str = HOST

    @property
    def key(self) -> str:
        """What equal names have in common."""
        return self.full.lower()

    @property
    def full(self) -> str:
        """All four parts, as in `… does not support tools`."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def display(self) -> str:
        """As lists show it: without default host and namespace, always with the tag."""
        host = "" if self.host.lower() == HOST else f"{self.host}/"
        namespace = self.namespace
        bare = not host and namespace.lower() == NAMESPACE
        return f"{self.model}:{self.tag}" if bare else f"{host}{namespace}/{self.model}:{self.tag}"


def parse(text: str) -> Name | None:
    """The name, or None if it is no legal one."""
    *path, last = text.strip().split("/")
    model, colon, tag = last.partition(":")
    if len(path) > 2:
        return None
    host, namespace = [HOST, NAMESPACE][: 2 - len(path)] + path
    name = Name(model, tag if colon else TAG, namespace, host)
    legal = (
        _HOST.fullmatch(name.host)
        and _NAMESPACE.fullmatch(name.namespace)
        and _PART.fullmatch(name.model)
        and _PART.fullmatch(name.tag)
    )
    return name if legal else None


def asked(text: str) -> Name:
    """The name a client asks for; the suffix `:local` says where Ollama is to look, and is cut.

    Raises:
        BadRequest: the name is illegal.
        Forbidden: it means a model of Ollama's cloud, which does not exist here.
    """
    return _asked(text.strip())


@functools.lru_cache(1024)  # of names that are legal, so none is long
def _asked(bare: str) -> Name:
    lower = bare.lower()
    local, cloud = lower.endswith(":local"), lower.endswith((":cloud", "-cloud"))
    if (local and ":cloud" in lower) or (cloud and ":local" in lower):
        raise BadRequest(f'use either :local or :cloud, not both: "{bare}"')
    name = parse(bare[: -len(":local")] if local else bare)
    if name is None:
        raise BadRequest("invalid model name")
    if cloud and ":" in bare.rpartition("/")[2]:
        raise Forbidden("ollama cloud is disabled: remote model is unavailable")
    return name


def for_served(served_name: str) -> Name:
    """A legal name for what an engine serves: its own, or what is left of a path or odd id."""
    name = parse(served_name)
    if name is not None:
        return name
    last = served_name.rstrip("/").rpartition("/")[2]
    return Name(_ILLEGAL.sub("-", last).strip("-.")[:80] or "model")
