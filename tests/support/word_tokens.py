"""An engine whose tokens are words, for tests that count them; its window is as it is told.

A turn is `<role>`, its words and `<end>`; `<assistant>` follows where an answer is to come.
What is generated is always the recording's.
"""

from __future__ import annotations

from typing import Any

import orjson

from tests.support import plays
from tests.support.recordings import recording
from tests.support.scripted_vllm import CHAT, Stage


class WordTokens:
    """`window` in tokens. `prompts` holds the words of every prompt that was answered."""

    def __init__(self, window: int, *, answers: str = "chat_return_token_ids_stream") -> None:
        self.window = window
        self.answers = answers
        self.prompts: list[list[str]] = []
        self.counted: list[int] = []
        """Lengths of what /tokenize was asked about."""
        self.strict = False
        """Whether the template refuses a chat that does not begin with a user's turn."""
        self._ids: dict[str, int] = {}

    async def play(self, stage: Stage) -> None:
        path, body = stage.received.path, stage.received.body
        spoken = [turn["role"] for turn in body.get("messages", ()) if turn["role"] != "system"]
        if self.strict and spoken[:1] not in ([], ["user"]):
            error = {"message": "Conversation roles must alternate", "code": 400}
            await plays.refuse(400, {"error": error})(stage)
        elif path == "/tokenize":
            tokens = self.tokens(words_of(body))
            self.counted.append(len(tokens))
            count = {"count": len(tokens), "max_model_len": self.window, "tokens": tokens}
            await _answer(stage, count | {"token_strs": None})
        elif path == "/detokenize":
            await _answer(stage, {"prompt": " ".join(self.words(body["tokens"]))})
        elif len(prompt := self.prompt_of(body)) >= self.window:
            await stage.answer(recording("err_context"))
        else:
            self.prompts.append(prompt)
            name = self.answers if path == CHAT else "compl_stream_usage"
            await plays.recorded(name)(stage)

    def prompt_of(self, body: dict[str, Any]) -> list[str]:
        prompt = body.get("prompt")
        return self.words(prompt) if isinstance(prompt, list) else words_of(body)

    def tokens(self, words: list[str]) -> list[int]:
        return [self._ids.setdefault(word, len(self._ids) + 1) for word in words]

    def words(self, tokens: list[int]) -> list[str]:
        known = {number: word for word, number in self._ids.items()}
        return [known.get(number, f"#{number}") for number in tokens]


def words_of(body: dict[str, Any]) -> list[str]:
    """The words of a prompt or of messages, tools before them."""
    if "messages" not in body:
        return str(body["prompt"]).split()
    found = [f"<tool:{tool['function']['name']}>" for tool in body.get("tools", ())]
    for message in body["messages"]:
        found += [f"<{message['role']}>", *_text(message["content"]).split(), "<end>"]
    if body.get("continue_final_message"):
        return found[:-1]
    return [*found, "<assistant>"]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "<image>") for part in content)


async def _answer(stage: Stage, value: dict[str, Any]) -> None:
    reply = orjson.dumps(value)
    await stage.head(200, {"content-type": "application/json"}, length=len(reply))
    await stage.write(reply)
