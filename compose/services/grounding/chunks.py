"""The model's chunks → the answer's: citations checked, sources at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.grounding.citations import Citations, listed

Chunk = dict[str, Any]
QUOTE = 400
"""Characters of a passage that are told with an answer, unless others are asked for."""


class Rewriting:
    """One streamed answer. Every chunk of the model goes through `feed`, the end is `finish`."""

    def __init__(
        self,
        head: Mapping[str, Any],
        sources: Sequence[Chunk],
        info: Mapping[str, Any],
        *,
        cites: bool = True,
    ) -> None:
        """`head`: id, object, created and model of every chunk; `cites`: numbers in brackets are
        citations, which they are not in JSON, nor where no passage was looked for."""
        self._head = head
        self._sources = sources
        self._info = info
        self._citations = Citations(len(sources), checks=cites)
        self._reason = ""
        self.usage: Mapping[str, Any] | None = None
        self.text_seen = False

    @property
    def stripped(self) -> int:
        return self._citations.stripped

    @property
    def ended(self) -> bool:
        """Whether the model said why it stopped: else the answer is not whole."""
        return bool(self._reason)

    @property
    def prompt_tokens(self) -> int:
        """As the engine counted them; where it tells none, as they were before the answer."""
        told = (self.usage or {}).get("prompt_tokens")
        return told if isinstance(told, int) else int(self._info.get("context_tokens", 0))

    def feed(self, chunk: Chunk) -> Chunk | None:
        """The chunk to send, if there is anything in it."""
        self.usage = chunk.get("usage") or self.usage
        if not chunk["choices"]:
            return None
        choice = dict(chunk["choices"][0])
        delta = dict(choice.get("delta") or {})
        self._reason = choice.pop("finish_reason", None) or self._reason
        if isinstance(text := delta.get("content"), str) and text:
            self.text_seen = True
            delta["content"] = self._citations.feed(text)
            if not delta["content"] and not choice.get("logprobs"):
                del delta["content"]
        if not any(value for value in delta.values()):
            return None
        told = {"index": 0, **choice, "delta": delta, "finish_reason": None}
        return {**self._head, "choices": [told]}

    def finish(self, *, show: bool) -> list[Chunk]:
        """The last chunks: what was held back, the visible list, the reason with the sources."""
        rest = self._citations.flush()
        sources = [
            {**source, "cited": source["id"] in self._citations.used} for source in self._sources
        ]
        tail = rest + (listed(sources) if show else "")
        chunks = [self._told({"content": tail}, None)] if tail else []
        last = self._told({}, self._reason)
        info = dict(self._info)
        if info.get("counted") is False and self.usage:
            info |= {"context_tokens": self.prompt_tokens, "counted": True}
        last["choices"][0]["metadata"] = {"sources": sources, "rag": info}
        return [*chunks, {**last, "sources": sources}]

    def counts(self) -> Chunk:
        return {**self._head, "choices": [], "usage": self.usage}

    def _told(self, delta: dict[str, Any], reason: str | None) -> Chunk:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**self._head, "choices": [choice]}


def folded(chunks: Iterable[Chunk]) -> Chunk:
    """All chunks of an answer as one completion."""
    texts: dict[str, list[str]] = {"content": []}
    logprobs: list[Any] = []
    whole: Chunk = {}
    choice: Chunk = {}
    for chunk in chunks:
        whole |= {key: chunk[key] for key in chunk if key != "choices"}
        for part in chunk["choices"]:
            for key in ("content", "reasoning", "reasoning_content"):
                if isinstance(text := part["delta"].get(key), str):
                    texts.setdefault(key, []).append(text)
            logprobs += (part.get("logprobs") or {}).get("content") or []
            choice |= {key: value for key, value in part.items() if key != "delta"}
    message = {"role": "assistant", **{key: "".join(parts) for key, parts in texts.items()}}
    choice = {"index": 0, "message": message, **choice}
    if logprobs:
        choice["logprobs"] = {"content": logprobs}
    extras: Chunk = {key: whole.pop(key) for key in ("usage", "sources") if key in whole}
    return {**whole, "object": "chat.completion", "choices": [choice], **extras}


def source(
    number: int, document: str, header: str, text: str, most: int = QUOTE, **told: Any
) -> Chunk:
    """What is told of a passage that the model was shown; `most`: characters of its text."""
    return {
        "id": number,
        "file": document,
        "page": told.get("page"),
        "section": header.removeprefix(document).removeprefix(" > "),
        "score": told.get("score"),
        "chunk_id": told.get("key"),
        "quote": text if len(text) <= most else f"{text[:most]}…",
    }
