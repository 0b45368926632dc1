"""Static word vectors, for a machine without an embedding engine: weak, fast, always the same.

The package has its weights in its wheel, but looks for the tokenizer in a folder of another name:
a folder where both have the names it looks for is made once.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from services.engines.embedder import normalised
from services.engines.http import Origin
from services.errors import ConfigError
from services.store.model import Vectors

NAME = "wordllama-l2-supercat-256"


class WordLlama:
    def __init__(self) -> None:
        try:
            import wordllama  # type: ignore[import-untyped]
        except ImportError:
            raise ConfigError("EMBEDDING_KIND: wordllama is not installed") from None
        package = Path(wordllama.__file__).parent
        with tempfile.TemporaryDirectory() as folder:
            for wanted, there in (("weights", "weights"), ("tokenizers", "tokenizers")):
                (Path(folder) / wanted).symlink_to(package / there)
            (Path(folder) / "tokenizer").symlink_to(package / "tokenizers")
            self._model: Any = wordllama.WordLlama.load(
                cache_dir=Path(folder), disable_download=True
            )

    async def model_id(self) -> str:
        return NAME

    async def raw(self, texts: Sequence[str], origin: Origin | None = None) -> Vectors:
        # A text without a known word has no direction; a space in front changes no other text.
        rows = await asyncio.to_thread(self._model.embed, list(texts))
        return normalised(np.asarray(rows, np.float32), len(texts))
