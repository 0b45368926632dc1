from __future__ import annotations

from collections.abc import Sequence

import pytest

from adapter.catalog.discovery import Discovery
from adapter.errors import BadRequest, Forbidden, ModelNotFound, UpstreamAway, UpstreamError
from adapter.observe.ledger import Ledger
from adapter.observe.metrics import Metrics
from adapter.server.admission import Admission
from adapter.server.drain import OpenStreams
from adapter.server.origins import Origins
from adapter.server.state import Engine, State
from adapter.settings import Settings
from adapter.upstream.client import Upstream
from adapter.upstream.health import Health
from adapter.upstream.residency import Residency
from adapter.wire.openai import ServedModel

NOW = 1_795_227_526 * 10**9
SETTINGS = Settings.model_validate({"upstreams": [{"name": "llm", "url": "http://127.0.0.1:9"}]})


class Served:
    """What the engine serves just now, or why it does not answer."""

    def __init__(self) -> None:
        self.models: list[ServedModel] = [ServedModel("m")]
        self.fault: UpstreamError | None = None
        self.probes = 0

    async def probe(self) -> Sequence[ServedModel]:
        self.probes += 1
        if self.fault:
            raise self.fault
        return self.models


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
async def state(served: Served):
    discovery = Discovery(SETTINGS, lambda: NOW)
    health = Health("llm", served.probe, discovery.take, lambda name, up, reason: None)
    engine = Engine(Upstream(SETTINGS.upstreams[0]), health)
    residency = Residency(60.0, lambda: NOW)
    yield State(
        SETTINGS,
        Metrics(),
        Ledger(Metrics()),
        discovery,
        residency,
        Admission(9),
        {"llm": engine},
        OpenStreams(),
        Origins(),
        wall_clock=lambda: NOW,
    )
    await health.close()


async def test_a_model_that_is_known(state: State, served: Served):
    await state.engines["llm"].health.check()
    assert (await state.find("M:latest", "missing")).listing.name == "m:latest"
    assert served.probes == 1


async def test_a_model_that_the_engine_has_just_got_is_found(state: State):
    assert (await state.find("m", "missing")).listing.name == "m:latest"


async def test_a_model_that_nobody_serves(state: State):
    with pytest.raises(ModelNotFound) as missing:
        await state.find("x", "model 'x' not found")
    assert missing.value.message == "model 'x' not found"


async def test_names_that_are_none_are_not_looked_for(state: State, served: Served):
    with pytest.raises(BadRequest):
        await state.find("bad name!", "missing")
    with pytest.raises(Forbidden):
        await state.find("m:cloud", "missing")
    assert served.probes == 0


async def test_it_cannot_be_told_while_an_engine_was_never_heard(state: State, served: Served):
    served.fault = UpstreamAway("the engine llm is still loading")
    with pytest.raises(UpstreamAway, match="still loading"):
        await state.find("x", "missing")


async def test_a_model_of_an_engine_that_has_gone_is_still_known(state: State, served: Served):
    await state.engines["llm"].health.check()
    served.fault = UpstreamAway("gone")
    await state.engines["llm"].health.check()
    assert (await state.find("m", "missing")).upstream == "llm"
    with pytest.raises(ModelNotFound):
        await state.find("x", "missing")


async def test_what_counts_as_loaded(state: State, served: Served):
    await state.engines["llm"].health.check()
    state.residency.use("m:latest", 5.0)
    assert [(entry.listing.name, at) for entry, at in state.loaded()] == [
        ("m:latest", NOW + 5 * 10**9)
    ]
    state.residency.release("m:latest")
    assert state.loaded() == []
    state.residency.use("m:latest", 5.0)
    served.fault = UpstreamAway("gone")
    await state.engines["llm"].health.check()
    assert state.loaded() == []


async def test_a_listing_waits_for_an_engine_that_was_never_heard(state: State, served: Served):
    assert [entry.listing.name for entry in await state.entries()] == ["m:latest"]
    await state.entries()
    assert served.probes == 1


async def test_a_listing_of_nothing_is_not_shown_while_engines_load(state: State, served: Served):
    served.fault = UpstreamAway("loading")
    with pytest.raises(UpstreamAway, match="loading"):
        await state.entries()
    assert state.loaded() == []
