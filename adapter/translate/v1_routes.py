"""The routes below /v1 that are passed on, one row each: what is done on the way in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapter.errors import AdapterError, BadRequest, ModelNotFound
from adapter.translate import v1_answers, v1_chat, v1_messages, v1_responses
from adapter.translate.relay import COMPLETIONS, MESSAGES, RESPONSES, Grammar
from adapter.translate.v1_answers import Change
from adapter.translate.v1_fields import Body, Extras, Model
from adapter.wire import openai, v1

Check = Callable[[Body], None]
Translate = Callable[[Body, Extras, Model], None]


def as_it_is(body: Body) -> None:
    """Nothing to check."""


def unchanged(body: Body, extras: Extras, model: Model) -> None:
    """Nothing to change but the model's name."""


@dataclass(frozen=True, slots=True)
class PassedRoute:
    """`path` is the engine's, `struct` Ollama's name for the request in texts of its decoder,
    `ability` what an engine without the route is said to lack. `check` comes before the model is
    looked for, `translate` after it; both change the body in its place. `changes` are those of a
    whole answer. `counts`: the engine is asked for its counts in a stream."""

    path: str
    struct: str
    fields: v1.Fields
    ability: str
    check: Check = as_it_is
    translate: Translate = unchanged
    grammar: Grammar = COMPLETIONS
    changes: tuple[Change, ...] = ()
    counts: bool = False
    nameless_is_missing: bool = False
    """Ollama says 404 for no name where it says so for a wrong one, else 400."""

    def nameless(self, asked: str) -> AdapterError:
        if self.nameless_is_missing:
            return ModelNotFound(missing(asked))
        return BadRequest("model is required")


def missing(asked: str) -> str:
    return f"model '{asked}' not found"


CHAT = PassedRoute(
    openai.CHAT_PATH,
    "openai.ChatCompletionRequest",
    v1.CHAT,
    "chat",
    v1_chat.check_chat,
    v1_chat.chat,
    changes=v1_answers.GENERATED,
    counts=True,
)
COMPLETION = PassedRoute(
    openai.COMPLETIONS_PATH,
    "openai.CompletionRequest",
    v1.COMPLETION,
    "generate",
    translate=v1_chat.completion,
    changes=v1_answers.GENERATED,
    counts=True,
    nameless_is_missing=True,
)
RESPONSE = PassedRoute(
    v1.RESPONSES_PATH,
    "openai.ResponsesRequest",
    v1.RESPONSES,
    "chat",
    v1_responses.check_responses,
    v1_responses.responses,
    RESPONSES,
    v1_answers.RESPONSE,
)
MESSAGE = PassedRoute(
    v1.MESSAGES_PATH,
    "anthropic.MessagesRequest",
    v1.MESSAGES,
    "chat",
    v1_messages.check_messages,
    v1_messages.messages,
    MESSAGES,
    v1_answers.MESSAGE,
)
COUNT_TOKENS = PassedRoute(
    v1.COUNT_TOKENS_PATH,
    "anthropic.MessagesRequest",
    v1.MESSAGES,
    "chat",
    v1_messages.check_count,
    v1_messages.messages,
)


def _plain(path: str, struct: str, ability: str) -> PassedRoute:
    """A route of vLLM's that Ollama has not: passed on, unless the engine would have to fetch."""
    return PassedRoute(path, struct, v1.NAMED, ability, v1_chat.refuse_remote)


RERANK = _plain(v1.RERANK_PATH, "openai.RerankRequest", "rerank")
SCORE = _plain(v1.SCORE_PATH, "openai.ScoreRequest", "score")
TOKENIZE = _plain(openai.TOKENIZE_PATH, "openai.TokenizeRequest", "tokenize")
DETOKENIZE = _plain(openai.DETOKENIZE_PATH, "openai.DetokenizeRequest", "detokenize")
SYSTEM_ONE = _plain(v1.SYSTEM_ONE_PATH, "openai.SystemOneRequest", "systemone")
