"""Passages that don't fit: the engine's tokens are words, its window is told."""

from __future__ import annotations

import pytest

from tests.services.house import Stack
from tests.support import plays
from tests.support import words as words_said
from tests.support.scripted_vllm import Stage
from tests.support.word_tokens import WordTokens
from tests.support.words import words

FILES = tuple((f"{n}.txt", f"cats {'word ' * 100}number{n}".encode()) for n in range(6))


async def test_as_many_of_the_best_as_fit(stack: Stack):
    engine = WordTokens(700)
    stack.chat.play, stack.chat.max_model_len = engine.play, 700
    async with stack.up() as rag:
        await rag.upload(*FILES)
        reply = (await rag.ask("cats number3", max_tokens=100)).json
        told = reply["choices"][0]["metadata"]["rag"]
        assert told["counted"]
        assert told["context_tokens"] == len(engine.prompts[-1]) <= 600
        assert told["left_out"] >= 1
        assert told["passages"] == len(reply["sources"]) == 6 - told["left_out"]
        assert "3.txt" in [source["file"] for source in reply["sources"]]
        room = 600 - told["context_tokens"]
        assert room < 220, "not more are left out than need be"


async def test_a_bound_of_the_settings(stack: Stack):
    stack.chat.play = WordTokens(4000).play
    async with stack.up(context_tokens=300) as rag:
        await rag.upload(*FILES)
        told = (await rag.ask("cats")).json["choices"][0]["metadata"]["rag"]
        assert told["context_tokens"] <= 300


@pytest.mark.parametrize("stream", [True, False])
async def test_a_conversation_that_is_too_long_by_itself(stack: Stack, stream: bool):
    stack.chat.play = WordTokens(300).play
    async with stack.up() as rag:
        await rag.upload(*FILES)
        reply = await rag.ask("cats " * 300, stream=stream)
        assert reply.status == 400
        assert "too long for the model: 358 tokens, and 225 " in reply.json["error"]["message"]


async def test_a_passage_too_long_for_the_model_takes_no_other_with_it(stack: Stack):
    stack.chat.play, stack.chat.max_model_len = WordTokens(500).play, 500
    async with stack.up(chunk_tokens=2000) as rag:
        await rag.upload(("long.txt", b"cats " * 900), ("short.txt", b"cats sleep"))
        reply = (await rag.ask("cats", max_tokens=100)).json
        assert [source["file"] for source in reply["sources"]] == ["short.txt"]
        await rag.post("dataprep", "/v1/dataprep/delete", {"file_path": "short.txt"})
        reply = await rag.ask("cats", max_tokens=100)
        assert reply.status == 400
        assert "no passage that was found is short enough" in reply.json["error"]["message"]


async def test_an_engine_that_counts_nothing(stack: Stack):
    async def no_count(stage: Stage) -> None:
        if stage.received.path == "/tokenize":
            await plays.refuse(404, {"detail": "Not Found"})(stage)
        else:
            await words(stage)

    stack.chat.play = no_count
    async with stack.up(context_tokens=400) as rag:
        await rag.upload(*FILES)
        told = (await rag.ask("cats", show_sources=False)).json["choices"][0]["metadata"]["rag"]
        assert told["left_out"] > 0
        assert told["context_tokens"] == words_said.PROMPT_TOKENS, "told with the answer"


async def test_what_surely_fits_is_not_counted_before_it_is_asked(stack: Stack):
    engine = WordTokens(50_000, answers="chat_stream_usage")
    stack.chat.play = engine.play
    async with stack.up() as rag:
        await rag.upload(*FILES)
        for _ in range(3):
            told = (await rag.ask("cats")).json["choices"][0]["metadata"]["rag"]
            assert told["counted"]
        assert len(engine.counted) <= 1, "to know the window"
        assert await rag.metric("rag_context_tokens_count") == 3
