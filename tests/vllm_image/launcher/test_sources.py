from __future__ import annotations

from pathlib import Path

import pytest
from launcher import sources
from launcher.errors import CannotRun


@pytest.mark.parametrize(
    ("environ", "kind", "model", "folder"),
    [
        ({"MODEL": "org/m"}, "hub", "org/m", "/models/org--m"),
        ({"MODEL_NAME": "org/m"}, "hub", "org/m", "/models/org--m"),
        ({"MODEL": "org/m", "MODEL_NAME": "x/y"}, "hub", "org/m", "/models/org--m"),
        ({"MODEL": "https://huggingface.co/org/m/tree/main"}, "hub", "org/m", "/models/org--m"),
        ({"MODEL": "org/m", "MODEL_REVISION": "v1.0"}, "hub", "org/m", "/models/org--m@v1.0"),
        ({"MODEL": "gpt2", "MODELS_DIR": "/data"}, "hub", "gpt2", "/data/gpt2"),
        ({"MODEL": "s3://b/p/m/"}, "s3", "s3://b/p/m", "/models/b--p--m"),
        ({"MODEL": "s3://b"}, "s3", "s3://b", "/models/b"),
        ({"MODEL": "/mnt/m"}, "folder", "/mnt/m", "/mnt/m"),
    ],
)
def test_what_the_environment_names(
    environ: dict[str, str], kind: str, model: str, folder: str
) -> None:
    named = sources.named(environ)
    assert (named.kind, named.model, named.folder) == (kind, model, Path(folder))


def test_what_is_gathered_lies_beside(tmp_path: Path) -> None:
    named = sources.named({"MODEL": "org/m", "MODELS_DIR": str(tmp_path)})
    assert named.partial == tmp_path / "org--m.partial"
    assert named.lock == tmp_path / ".org--m.lock"


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({}, "MODEL names no model; one that works: MODEL=Qwen/"),
        ({"MODEL": "a b"}, "is no name on the hub"),
        ({"MODEL": "llama3:8b"}, "is no name on the hub"),
        ({"MODEL": "s3:/x"}, "is no place in a bucket"),
        ({"MODEL": "s3://b/../c"}, "is no place in a bucket"),
        ({"MODEL": "org/m", "MODEL_REVISION": "../x"}, "MODEL_REVISION is no branch"),
        ({"MODEL": "org/m", "MODEL_REVISION": "a/../x"}, "MODEL_REVISION is no branch"),
    ],
)
def test_what_names_nothing(environ: dict[str, str], text: str) -> None:
    with pytest.raises(CannotRun, match=text):
        sources.named(environ)
