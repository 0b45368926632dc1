"""What only Redis has to show: other processes, a crash, no memory, a replica."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import redis as driver
from services.errors import ConfigError, Mismatch
from services.store import redis as module
from services.store.faults import StoreFault
from services.store.model import Document, Model, NewPassage, Vectors
from services.store.redis import RedisStore

from tests.services.redis_server import flushed, opened, refused, running
from tests.support.machine import ROOT, clean_environ

MODEL = Model("m", 2)
ROW = np.array([[1, 0]], np.float32)
TEXT = NewPassage("some text", "", {}, "k")
NOTHING = [b"rag:ids", b"rag:numbers", b"rag:version"]
"""All keys, when nothing is stored."""
WRITER = """
import asyncio, sys, numpy as np
from services.store.model import Document, Model, NewPassage
from services.store.redis import RedisStore

async def main(url, first, count):
    store = RedisStore(url)
    await store.open()
    rows = np.repeat(np.array([[1, 0]], np.float32), 120, axis=0)
    for n in range(first, first + count):
        passages = [NewPassage(f"word{n} text", "", {}, f"k{n}-{i}") for i in range(120)]
        await store.put("i", Model("m", 2), Document(f"{n % 7}.md", f"{n}"), passages, rows)
        print(n, flush=True)
    await store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


async def writing(url: str, first: int, count: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WRITER, url, str(first), str(count)),
        env=clean_environ(PYTHONPATH=str(ROOT / "compose")),
        stdout=asyncio.subprocess.PIPE,
    )


def many(count: int, word: str = "word") -> tuple[list[NewPassage], Vectors]:
    passages = [NewPassage(f"{word} {n}", "", {}, f"{word}{n}") for n in range(count)]
    return passages, np.repeat(ROW, count, axis=0)


def keys(url: str, pattern: str = "rag:*") -> list[bytes]:
    with driver.Redis.from_url(url) as client:
        return sorted(client.keys(pattern))


def listed(url: str) -> list[bytes]:
    """Indexes of the Query Engine."""
    with driver.Redis.from_url(url) as client:
        return list(client.execute_command("FT._LIST"))


async def test_two_processes_write_the_same_files_while_one_reads(redis: str):
    flushed(redis)
    writers = [await writing(redis, first, 14) for first in (0, 100)]
    waiting = asyncio.gather(*(writer.wait() for writer in writers))
    seen = set()
    async with opened(redis) as store:
        while not waiting.done():
            count = len(await store.dense("i", ROW[0], 10_000))
            assert count % 120 == 0, "half a document was seen"
            found = await store.lexical("i", "text", 10_000)
            assert len(found) % 120 == 0, "half a document was found by words"
            seen.add(count)
            await asyncio.sleep(0.01)
        assert waiting.result() == [0, 0]
        assert len(seen) > 2
        assert len(await store.documents("i")) == 7
        assert len(await store.dense("i", ROW[0], 10_000)) == 7 * 120
    assert len(keys(redis, "rag:passage:*")) == 7 * 120


async def test_what_a_killed_writer_has_left_is_never_seen_and_goes(redis: str):
    flushed(redis)
    writer = await writing(redis, 0, 10_000)
    assert writer.stdout is not None
    await writer.stdout.readline()
    async with opened(redis) as store:
        with driver.Redis.from_url(redis) as client:
            while not len(client.keys("rag:passage:*")) % 120:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        os.kill(writer.pid, signal.SIGKILL)
        await writer.communicate()
        documents = await store.documents("i")
        assert len(await store.dense("i", ROW[0], 10_000)) == 120 * len(documents)
        assert len(await store.lexical("i", "text", 10_000)) == 120 * len(documents)
        ids = [int(key.rpartition(b":")[2]) for key in keys(redis, "rag:passage:*")]
        assert len(await store.passages(ids)) == 120 * len(documents)
        with driver.Redis.from_url(redis) as client:
            for left in client.zrange("rag:leases", 0, -1):
                client.zadd("rag:leases", {left: 1})  # the time is over
        await store.put("j", MODEL, Document("a.md", "d"), [TEXT], ROW)
    assert len(keys(redis, "rag:passage:1:*")) == 120 * len(documents)
    assert keys(redis, "rag:hidden:*") == keys(redis, "rag:leases") == []


async def test_a_writer_that_was_taken_for_gone_begins_again(
    redis: str, monkeypatch: pytest.MonkeyPatch
):
    flushed(redis)
    run, swept = RedisStore._run, []

    async def late(self: RedisStore, script: str, *values: object) -> object:
        if script == module.scripts.COMMIT and not swept:
            with driver.Redis.from_url(redis) as client:
                swept.append(client.zadd("rag:leases", {values[0]: 1}))  # type: ignore[dict-item]
            async with opened(redis):
                assert keys(redis, "rag:passage:*") == []
        return await run(self, script, *values)

    async with opened(redis) as store:
        monkeypatch.setattr(RedisStore, "_run", late)
        await store.put("i", MODEL, Document("a.md", "d"), *many(70))
        assert len(await store.dense("i", ROW[0], 100)) == 70
    assert len(keys(redis, "rag:passage:*")) == 70


async def test_an_index_dropped_while_it_is_written(redis: str, monkeypatch: pytest.MonkeyPatch):
    flushed(redis)
    run, dropped = RedisStore._run, []

    async def dropping(self: RedisStore, script: str, *values: object) -> object:
        if self is store and script == module.scripts.COMMIT and len(dropped) < times:
            dropped.append(await other.drop("i"))
            await other.put("i", MODEL, Document("other.md", "d"), [TEXT], ROW)
        return await run(self, script, *values)

    async with opened(redis) as store, opened(redis) as other:
        monkeypatch.setattr(RedisStore, "_run", dropping)
        await other.put("i", MODEL, Document("other.md", "d"), [TEXT], ROW)
        times = 1
        await store.put("i", MODEL, Document("a.md", "d"), *many(70))
        assert dropped == [True]
        assert [one.passages for one in await store.documents("i")] == [70, 1]
        times = 9
        with pytest.raises(StoreFault, match="dropped again and again"):
            await store.put("i", MODEL, Document("b.md", "d"), *many(70))
        assert await other.drop("i")
    assert keys(redis) == NOTHING
    assert listed(redis) == []


async def test_two_first_documents_at_once(redis: str, monkeypatch: pytest.MonkeyPatch):
    flushed(redis)
    run, tried = RedisStore._run, []

    async def later(self: RedisStore, script: str, *values: object) -> object:
        if self is store and script == module.scripts.COMMIT and not tried:
            tried.append(await other.put("i", model, Document("b.md", "d"), [TEXT], ROW))
        return await run(self, script, *values)

    async with opened(redis) as store, opened(redis) as other:
        monkeypatch.setattr(RedisStore, "_run", later)
        model = MODEL
        await store.put("i", MODEL, Document("a.md", "d"), [TEXT], ROW)
        assert len(await store.dense("i", ROW[0], 9)) == 2
        await store.drop("i")
        tried.clear()
        model = Model("other", 2)
        with pytest.raises(Mismatch, match="'other', not 'm'"):
            await store.put("i", MODEL, Document("a.md", "d"), [TEXT], ROW)
        assert [one.model for one in await store.indexes()] == [model]
        assert len(listed(redis)) == 1
        await store.drop("i")
    assert keys(redis) == NOTHING
    assert listed(redis) == []


async def test_an_index_whose_first_writer_is_gone_goes(redis: str):
    flushed(redis)
    columns = module.schema.columns(2)
    async with opened(redis) as store:
        told = module.records.told_model(MODEL)
        await store._run(module.scripts.BEGIN, "i", told, 1, 1, *columns)
        _, written = await store._run(module.scripts.BEGIN, "i", told, 1, 60_000, *columns)
        await asyncio.sleep(0.01)
        await store._sweep()
        assert len(listed(redis)) == 1, "another one writes still"
        await store._run(module.scripts.GIVE_UP, written)
        await store.put("j", MODEL, Document("a.md", "d"), [TEXT], ROW)
        assert [one.name for one in await store.indexes()] == ["j"]
    assert len(listed(redis)) == 1
    assert keys(redis, "rag:making") == []


async def test_an_index_that_the_query_engine_has_lost(redis: str):
    flushed(redis)
    async with opened(redis) as store:
        await store.put("i", MODEL, Document("a.md", "d"), *many(60))
        with driver.Redis.from_url(redis) as client:
            [lost] = listed(redis)
            client.ft(lost).dropindex()
            with pytest.raises(StoreFault, match=r"the store: .*such index"):
                await store.lexical("i", "word", 99)
            assert await store.vectors_of("i", ["k"]) == {}, "or no document could be taken in"
            await store.put("i", MODEL, Document("b.md", "d"), [TEXT], ROW)
            for _ in range(100):
                if len(await store.dense("i", ROW[0], 99)) == 61:
                    break
                await asyncio.sleep(0.05)
            assert len(await store.lexical("i", "word", 99)) == 60
            client.ft(lost).dropindex()
        assert await store.drop("i")
        assert not await store.drop("i")
    assert keys(redis) == NOTHING


async def test_what_is_hidden_changes_no_score_of_what_is_not(redis: str):
    flushed(redis)
    async with opened(redis) as store:
        draw, words = random.Random(5), ("cats", "sleeping", "dogs", "2024", "a1", "0", "otters")
        for number in range(30):
            passage = NewPassage(" ".join(draw.choices(words, k=draw.randint(3, 40))))
            await store.put("i", MODEL, Document(f"{number}.md", "d"), [passage], ROW)
        questions = [" ".join(draw.choices(words, k=draw.randint(1, 6))) for _ in range(40)]
        before = [await store.lexical("i", question, 99) for question in questions]
        with driver.Redis.from_url(redis) as client:
            client.sadd("rag:hidden:1", 999)
        assert [await store.lexical("i", question, 99) for question in questions] == before


@pytest.mark.parametrize("script", ["DELETE", "DROP"])
async def test_an_answer_that_was_lost_is_not_another_one(
    redis: str, monkeypatch: pytest.MonkeyPatch, script: str
):
    flushed(redis)
    run = RedisStore._run

    async def again(self: RedisStore, asked: str, *values: object) -> object:
        if asked == getattr(module.scripts, script):
            await run(self, asked, *values)
        return await run(self, asked, *values)

    monkeypatch.setattr(RedisStore, "_run", again)
    async with opened(redis) as store:
        await store.put("i", MODEL, Document("a.md", "d"), [TEXT], ROW)
        asked = store.delete("i", "a.md") if script == "DELETE" else store.drop("i")
        assert await asked
        assert not await store.delete("i", "a.md")


async def test_a_failure_in_mid_document_leaves_nothing(redis: str):
    flushed(redis)
    async with opened(redis) as store:
        await store.put("i", MODEL, Document("a.md", "d"), [TEXT], ROW)
        passages, rows = many(70)
        passages[-1] = NewPassage("x", "", {}, None)  # type: ignore[arg-type]
        with pytest.raises(StoreFault, match="null"):
            await store.put("i", MODEL, Document("a.md", "e"), passages, rows)
        assert [one.digest for one in await store.documents("i")] == ["d"]
    assert len(keys(redis, "rag:passage:*")) == 1
    assert keys(redis, "rag:hidden:*") == keys(redis, "rag:leases") == []


async def test_nothing_is_left_of_what_is_replaced_deleted_or_dropped(redis: str):
    flushed(redis)
    async with opened(redis) as store:
        for count in (130, 120):
            await store.put("i", MODEL, Document("a.md", f"{count}"), *many(count))
        assert len(keys(redis, "rag:passage:*")) == 120
        await store.put("i", MODEL, Document("b.md", "d"), *many(60))
        await store.delete("i", "a.md")
        assert len(keys(redis, "rag:passage:*")) == 60
        await store.drop("i")
    assert keys(redis) == NOTHING


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_opened_again_it_is_all_there(tmp_path: Path, how: signal.Signals):
    kept = ("--appendonly", "yes", "--appendfsync", "always")
    for number in range(1, 3):
        with running(tmp_path, *kept, end=how) as url:
            async with opened(url) as store:
                assert len(await store.documents("i")) == number - 1
                await store.put("i", MODEL, Document(f"{number}.md", "d"), *many(120, "cats"))
                await store.put("i", MODEL, Document("again.md", f"{number}"), [TEXT], ROW)
                await store.delete("i", "again.md")
    with running(tmp_path, *kept) as url:
        async with opened(url) as store:
            assert len(await store.dense("i", ROW[0], 1000)) == 240
            assert len(await store.lexical("i", "cat", 1000)) == 240
            assert (await store.vectors_of("i", ["cats7"])).keys() == {"cats7"}


async def test_without_memory_nothing_is_half_done_and_room_can_be_made(redis: str):
    flushed(redis)
    async with opened(redis) as store:
        await store.put("i", MODEL, Document("a.md", "d"), *many(60))
        with driver.Redis.from_url(redis) as client:
            for more in (0, 600_000):
                used = client.info("memory")["used_memory"]
                client.config_set("maxmemory", used + more)
                try:
                    with pytest.raises(StoreFault, match=r"the store: .*'maxmemory'"):
                        await store.put("i", MODEL, Document("a.md", "e"), *many(5000, "many"))
                    assert len(await store.dense("i", ROW[0], 10_000)) == 60
                    assert [one.digest for one in await store.documents("i")] == ["d"]
                    assert len(keys(redis, "rag:passage:*")) == 60
                finally:
                    client.config_set("maxmemory", 0)
            client.config_set("maxmemory", 1)
            try:
                async with opened(redis) as anew:
                    assert len(await anew.dense("i", ROW[0], 10_000)) == 60
                    assert await anew.delete("i", "a.md")
                    assert await anew.drop("i")
            finally:
                client.config_set("maxmemory", 0)
            assert keys(redis) == NOTHING


async def test_without_memory_nothing_is_begun(redis: str):
    flushed(redis)
    with driver.Redis.from_url(redis) as client:
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(ConfigError, match=r"^STORE_URL: .*'maxmemory'"):
                await refused(redis)
        finally:
            client.config_set("maxmemory", 0)


async def test_a_replica_is_read(redis: str, tmp_path: Path):
    flushed(redis)
    async with opened(redis) as store:
        await store.put("i", MODEL, Document("a.md", "d"), *many(60))
        port = redis.rpartition(":")[2]
        with running(tmp_path, "--replicaof", "127.0.0.1", port) as url:
            with driver.Redis.from_url(url) as client:
                while client.info("replication")["master_link_status"] != "up":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            async with opened(url) as replica:
                for _ in range(100):
                    if len(await replica.dense("i", ROW[0], 99)) == 60:
                        break
                    await asyncio.sleep(0.05)
                assert len(await replica.lexical("i", "word", 99)) == 60
                with pytest.raises(StoreFault, match="read only"):
                    await replica.put("i", MODEL, Document("b.md", "d"), [TEXT], ROW)


async def test_no_word_of_any_script_is_an_operator(redis: str):
    flushed(redis)
    letters = random.Random(7)
    alphabet = [chr(n) for n in range(0x2FFF) if chr(n).isalnum()] + list("_|@{}$*~%\"'\\()-")
    async with opened(redis) as store:
        for _ in range(60):
            words = ["".join(letters.choices(alphabet, k=letters.randint(1, 9))) for _ in range(9)]
            text = " ".join([*words, "inf nan 1e5 -3 as and or"])
            await store.put("i", MODEL, Document("a.md", text), [NewPassage(text, "", {}, "")], ROW)
            assert len(await store.lexical("i", text, 9)) == 1, text


@pytest.mark.parametrize("word", ["École", "STRASSE", "Ωmega", "猫は寝る", "naïve", "x_y", "1984"])
async def test_words_of_other_scripts(redis: str, word: str):
    flushed(redis)
    async with opened(redis) as store:
        passage = NewPassage(f"a\0{word}\u2028b", "", {}, "k")
        await store.put("i", MODEL, Document("a.md", "d"), [passage], ROW)
        for asked in (word, word.lower(), f"what is ({word})?"):
            assert len(await store.lexical("i", asked, 9)) == 1


async def test_data_of_another_version(redis: str):
    with driver.Redis.from_url(flushed(redis)) as client:
        client.set("rag:version", "99")
    with pytest.raises(ConfigError, match=r"another version \(99\)"):
        await refused(redis)
    flushed(redis)
