from __future__ import annotations

from typing import Any

from services.grounding.chunks import QUOTE, Rewriting, folded, source

HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "chatqna"}


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "vllm", "model": "m", "choices": [choice], **more}


def test_a_whole_stream():
    rows = [source(1, "a.md", "a.md > T", "text", score=0.5)]
    writer = Rewriting(HEAD, rows, {"found": 1})
    told = [
        writer.feed(one)
        for one in (
            chunk({"role": "assistant", "content": ""}),
            chunk({"reasoning": "hm"}),
            chunk({"content": "It is ["}),
            chunk({"content": "1]"}, "length"),
            {"choices": [], "usage": {"prompt_tokens": 3}},
        )
    ]
    assert [one["choices"][0]["delta"] if one else None for one in told] == [
        {"role": "assistant", "content": ""},
        {"reasoning": "hm"},
        {"content": "It is"},
        {"content": " [1]"},
        None,
    ]
    tail, last = writer.finish(show=True)
    assert tail["choices"][0]["delta"] == {"content": "\n\nSources:\n[1] a.md, T"}
    assert last["choices"][0]["finish_reason"] == "length"
    assert last["sources"][0]["cited"]
    assert last["choices"][0]["metadata"]["rag"] == {"found": 1}
    assert writer.counts() == HEAD | {"choices": [], "usage": {"prompt_tokens": 3}}
    whole = folded([one for one in told if one] + [tail, last, writer.counts()])
    assert whole["object"] == "chat.completion"
    [choice] = whole["choices"]
    assert choice["message"] == {
        "role": "assistant",
        "content": "It is [1]\n\nSources:\n[1] a.md, T",
        "reasoning": "hm",
    }
    assert choice["finish_reason"] == "length"
    assert whole["usage"] == {"prompt_tokens": 3}
    assert whole["sources"] == last["sources"]


def test_logprobs_are_not_lost():
    writer = Rewriting(HEAD, [], {})
    row = {"token": "a", "logprob": -1}
    one = chunk({"content": "a"})
    one["choices"][0]["logprobs"] = {"content": [row]}
    told = writer.feed(one)
    assert told is not None
    assert folded([told])["choices"][0]["logprobs"] == {"content": [row]}


def test_without_a_reason_it_has_not_ended():
    writer = Rewriting(HEAD, [], {})
    writer.feed(chunk({"content": "a"}))
    assert not writer.ended


def test_a_quote_is_short():
    assert source(1, "a", "", "x" * 1000)["quote"] == "x" * QUOTE + "…"
    assert source(1, "a", "", "x" * 1000, 1000)["quote"] == "x" * 1000
