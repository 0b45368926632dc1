"""Puts the loads to the targets, in turns, and takes down what they cost."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.load import processes, targets
from tests.load.figures import Measurement
from tests.load.generator import Job
from tests.load.phases import Phase
from tests.load.stage import Stage, Standing, load
from tests.load.starting import measure_start

STARTS = 5
"""How often a process is started to find the median: it is a noisy figure."""
_BESIDE = 1_000_000
"""The numbers of answers beside others begin here."""


def measurements(
    stage: Stage, standing: Sequence[Standing], chosen: Sequence[Phase], repeats: int, quick: bool
) -> Iterator[Measurement]:
    """Of all phases, each with the targets that it is for."""
    for phase in chosen:
        seconds = (quick and phase.quick) or phase.seconds
        loaded = [one for one in standing if targets.takes_part(one.name, phase.only)]
        if phase.timed:
            loaded.insert(0, stage.direct)
        if phase.reading == "start":
            for one in loaded * (1 if quick else STARTS):
                yield measure_start(stage, targets.BY_NAME[one.name], phase)
        elif phase.fresh:
            for one in loaded:
                try:
                    with stage.fresh(one) as alone:
                        found = measure(phase, alone, seconds)
                except RuntimeError as error:
                    found = nothing(phase, one, str(error))
                yield found
        else:
            for one in loaded * max(1, phase.times * repeats):
                yield measure(phase, one, seconds)


def nothing(phase: Phase, target: Standing, why: str) -> Measurement:
    """Of a target that could not be started again."""
    failed = {why: 1}
    return Measurement(
        target.name, phase.name, 0, 0, 1.0, 0.0, 0.0, None, None, 0, 0, failed=failed
    )


def measure(phase: Phase, target: Standing, seconds: float) -> Measurement:
    """One load on one target; `seconds` long."""
    job = _job(phase, target, seconds)
    beside = _job(phase.beside, target, phase.beside.seconds, _BESIDE) if phase.beside else None
    processes.forget_memory(target.pid)
    before, memory = _clocks(target), processes.most_memory(target.pid)
    found = load(job, beside)
    after = _clocks(target)
    wall = after.time - before.time
    cpu = max(0.0, after.target - before.target)  # it may have ended itself
    engine = after.engine - before.engine
    own, machine = after.own - before.own, after.machine - before.machine
    ours = cpu + own + (engine if target.pid != target.mock.pid else 0)
    others = max(0.0, machine - ours) / wall
    return Measurement(
        target=target.name,
        phase=phase.name,
        answers=found.answers,
        tokens=found.tokens,
        seconds=found.seconds,
        cpu=cpu,
        others=others,
        first_token_p50=found.first_token_p50,
        first_token_p99=found.first_token_p99,
        memory_before=memory,
        memory_most=processes.most_memory(target.pid),
        left=found.left,
        failed=found.failed,
        own=found.cpu,
        engine=engine,
        free=max(0.0, (os.cpu_count() or 1) - (found.cpu + engine) / found.seconds - others),
        workers=target.workers,
        delays=found.delays,
    )


def _job(phase: Phase, target: Standing, seconds: float, after: int = 0) -> Job:
    return Job(
        target.port,
        target.dialect,
        phase.tokens,
        phase.pace,
        phase.stream,
        phase.clients,
        seconds,
        target.mock.acks,
        phase.rounds,
        phase.ramp,
        padding=phase.padding,
        images=phase.images,
        stall=phase.stall,
        engine=target.mock.ports[0],
        leaves=phase.leaves,
        models=target.models,
        prefix=target.prefix,
        after=after,
    )


@dataclass(frozen=True, slots=True)
class _Clocks:
    """Seconds of CPU: the target, the mock engine, generator and runner, the machine; and time."""

    target: float
    engine: float
    own: float
    machine: float
    time: float


def _clocks(target: Standing) -> _Clocks:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Clocks(
        processes.cpu_seconds(target.pid),
        processes.cpu_seconds(target.mock.pid),
        children.ru_utime + children.ru_stime + time.process_time(),
        processes.machine_seconds(),
        time.monotonic(),
    )
