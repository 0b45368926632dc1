"""What ranks passages for a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.engines.http import Http, Origin
from services.errors import EngineError
from services.settings import Settings

_CUT = {"truncate_prompt_tokens": -1}
"""A passage that is too long for the model is ranked by its beginning, not refused."""


class Reranker:
    """vLLM's and Cohere's /v1/rerank, or TEI's /rerank."""

    def __init__(self, http: Http, settings: Settings) -> None:
        self._http = http
        self._model = settings.rerank_model
        self._tei = settings.rerank_kind == "tei"
        self._url = settings.asked_at("reranker")

    async def scores(self, query: str, texts: Sequence[str], origin: Origin) -> list[float]:
        """In the order of the texts; more is better.

        Raises:
            EngineError: it failed, or left a text out.
        """
        if self._tei:
            body: dict[str, Any] = {"query": query, "texts": list(texts), "truncate": True}
            answer = await self._http.post(f"{self._url}/rerank", body, origin)
        else:
            body = {"model": self._model, "query": query, "documents": list(texts), **_CUT}
            answer = await self._http.post(f"{self._url}/v1/rerank", body, origin)
        try:
            rows, key = (answer, "score") if self._tei else (answer["results"], "relevance_score")
            scores = {int(row["index"]): float(row[key]) for row in rows}
            return [scores[at] for at in range(len(texts))]
        except (LookupError, TypeError, ValueError):
            raise EngineError("the reranker sent a malformed answer") from None
