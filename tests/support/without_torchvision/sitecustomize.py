"""For a vLLM that has no torchvision, which would have to fit its torch to the last digit.

Its module for Pixtral imports one of transformers' that needs torchvision, and with it fail all
models that see. Python runs this file at its start, as its folder is in PYTHONPATH, and the
import finds an empty stand-in: nothing of Pixtral is used by the models under test.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

NAME = "transformers.models.pixtral.image_processing_pixtral"
HELD = ("_num_image_tokens", "get_resize_output_image_size", "PixtralImageProcessor")


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(NAME, self) if fullname == NAME else None

    def exec_module(self, module: ModuleType) -> None:
        for name in HELD:
            setattr(module, name, lambda *_args, **_named: None)


sys.meta_path.insert(0, StandIn())
