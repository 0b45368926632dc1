"""Which model the environment names, and what its folder is called.

    MODEL=org/name                 on the hub; MODEL_REVISION: a branch, tag or commit
    MODEL=s3://bucket/prefix       in a bucket, at AWS_ENDPOINT_URL
    MODEL=/path                    a mounted folder

MODEL_NAME is MODEL's older name. What is fetched lies in MODELS_DIR.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher import weights
from launcher.errors import CannotRun
from launcher.settings import expand

MODELS = "/models"
EXAMPLE = f"MODEL={weights.DEFAULT}"
REVISION = re.compile(r"[\w][\w./-]*", re.ASCII)
BUCKET = re.compile(r"s3://([A-Za-z0-9][\w.-]*)(?:/(.*))?", re.ASCII)


@dataclass(frozen=True)
class Named:
    kind: Literal["hub", "s3", "folder"]
    model: str
    """Hub id, s3://bucket/prefix without a slash at its end, or the folder."""
    folder: Path
    """Where it is served from."""
    revision: str = ""
    """As it was asked for; empty for the newest."""

    @property
    def partial(self) -> Path:
        """Where it is gathered."""
        return self.folder.with_name(self.folder.name + ".partial")

    @property
    def lock(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.lock")


def named(environ: Mapping[str, str]) -> Named:
    """Raises CannotRun."""
    model = (environ.get("MODEL") or environ.get("MODEL_NAME") or "").strip()
    revision = environ.get("MODEL_REVISION", "").strip()
    models = Path(environ.get("MODELS_DIR") or MODELS)
    if not model:
        raise CannotRun(f"MODEL names no model; one that works: {EXAMPLE}")
    if model.startswith("s3:"):
        return _bucket(model, models)
    if model.startswith(("/", "./", "../", "~")):
        return Named("folder", model, expand(model))
    model = weights.tidied(model)
    if not weights.HUB_ID.fullmatch(model) or len(model) > weights.HUB_LONGEST:
        raise CannotRun(
            f"MODEL is no name on the hub, no s3://bucket/prefix and no /folder: {model}; "
            f"one that works: {EXAMPLE}"
        )
    if revision and (not REVISION.fullmatch(revision) or ".." in revision):
        raise CannotRun(f"MODEL_REVISION is no branch, tag or commit: {revision}")
    folder = model.replace("/", "--") + (f"@{revision.replace('/', '--')}" if revision else "")
    return Named("hub", model, models / folder, revision)


def _bucket(model: str, models: Path) -> Named:
    match = BUCKET.fullmatch(model.rstrip("/"))
    parts = [match[1], *(match[2] or "").split("/")] if match else []
    parts = [part for part in parts if part]
    if not match or {".", ".."} & {*parts}:
        raise CannotRun(
            f"MODEL is no place in a bucket: {model}; one looks like s3://bucket/prefix"
        )
    return Named("s3", "s3://" + "/".join(parts), models / "--".join(parts))
