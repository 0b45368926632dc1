from __future__ import annotations

import logging
from itertools import count
from pathlib import Path

from adapter.catalog.discovery import Discovery
from adapter.catalog.names import Name, asked
from adapter.catalog.state import Alias, AliasStore
from adapter.settings import Settings
from adapter.translate.definition import Definition
from adapter.wire.openai import ServedModel

SECOND = 10**9
SETTINGS = Settings.model_validate(
    {"upstreams": [{"name": name, "url": "http://h:1"} for name in ("a", "b")]}
)


def discovery() -> Discovery:
    ticks = count(0, SECOND)
    return Discovery(SETTINGS, lambda: next(ticks))


def names(found: Discovery) -> list[str]:
    return [entry.listing.name for entry in found.catalog.entries]


async def test_it_is_complete_when_every_engine_has_been_heard():
    found = discovery()
    assert not found.complete
    await found.take("a", [ServedModel("x")])
    assert not found.complete
    await found.take("b", [])
    assert found.complete
    assert names(found) == ["x:latest"]


async def test_a_report_replaces_the_one_before_of_that_engine_only():
    found = discovery()
    await found.take("a", [ServedModel("x")])
    await found.take("b", [ServedModel("y")])
    await found.take("a", [ServedModel("z")])
    assert sorted(names(found)) == ["y:latest", "z:latest"]
    await found.take("a", [])
    assert names(found) == ["y:latest"]


async def test_no_news_is_the_same_catalog():
    found = discovery()
    await found.take("a", [ServedModel("x")])
    before = found.catalog
    await found.take("a", [ServedModel("x")])
    assert found.catalog is before


async def test_a_model_keeps_the_date_of_its_first_sight():
    found = discovery()
    await found.take("a", [ServedModel("x")])
    [first] = found.catalog.entries
    await found.take("a", [])
    await found.take("a", [ServedModel("x", context_length=7)])
    [again] = found.catalog.entries
    assert (
        again.listing.modified_at == first.listing.modified_at == "1970-01-01T00:00:01.000000000Z"
    )
    assert again.target.context_length == 7


async def test_a_model_loaded_from_elsewhere_is_another():
    found = discovery()
    await found.take("a", [ServedModel("x", root="one")])
    [first] = found.catalog.entries
    await found.take("a", [ServedModel("x", root="two")])
    [second] = found.catalog.entries
    assert first.listing.digest != second.listing.digest
    assert first.listing.modified_at < second.listing.modified_at


async def test_a_catalog_in_use_does_not_change():
    found = discovery()
    await found.take("a", [ServedModel("x")])
    held = found.catalog
    await found.take("a", [ServedModel("y")])
    assert held.find(asked("x")) is not None
    assert found.catalog.find(asked("x")) is None


async def test_aliases_are_taken_up_and_their_adapters_known(tmp_path: Path):
    settings = Settings.model_validate(
        {"upstreams": SETTINGS.upstreams, "server": {"state_dir": str(tmp_path)}}
    )
    found, other = Discovery(settings, lambda: 0), AliasStore(str(tmp_path))
    await found.take("a", [ServedModel("x")])
    await found.refresh()
    before = found.catalog
    await found.refresh()
    assert found.catalog is before
    for name, lora in (("m", "ollama-vllm-lora-1"), ("n", "")):
        await other.put(Alias(Name(name), Definition("x:latest", lora=lora), "2026"))
    await found.refresh()
    assert names(found) == ["x:latest", "m:latest", "n:latest"]
    assert (found.loras("a"), found.loras("b")) == ({"ollama-vllm-lora-1"}, set())
    await found.take("a", [])
    assert names(found) == []
    await found.take("a", [ServedModel("x")])
    assert names(found) == ["x:latest", "m:latest", "n:latest"]
    await found.store.close()
    await other.close()


OURS = "ollama-vllm-lora-" + "0" * 32


async def test_what_came_and_went_is_told(caplog):
    found = discovery()
    with caplog.at_level(logging.INFO, "adapter"):
        await found.take("a", [ServedModel("x"), ServedModel("y")])
        assert caplog.messages == []
        await found.take("a", [ServedModel("y"), ServedModel(OURS, parent="y")])
        await found.take("a", [ServedModel("x"), ServedModel("y")])
    assert caplog.messages == ["upstream=a no longer has x", "upstream=a has x"]


async def test_a_clash_is_told_once(caplog):
    found = discovery()
    with caplog.at_level(logging.WARNING, "adapter"):
        await found.take("b", [ServedModel("x")])
        await found.take("a", [ServedModel("x")])
        await found.take("a", [ServedModel("x"), ServedModel("y")])
    assert caplog.messages == [
        "model=x:latest: a and b have it; it means that of a, the first in the file"
    ]
    entry = found.catalog.find(asked("x"))
    assert entry is not None
    assert entry.upstream == "a"
