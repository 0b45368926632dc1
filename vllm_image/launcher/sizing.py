"""What a CPU engine gets: number format, threads, KV cache, length. Pure: facts in, choice out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from launcher import plan, topology
from launcher.engine_settings import EngineSettings
from launcher.findings import Findings
from launcher.hardware import GIB, Machine
from launcher.topology import Topology

CACHE_MOST = 40
"""GiB of KV cache that are not exceeded without being asked for."""
TAKEN = 0.9
"""Share of the memory limit that is planned with."""
HALF = ("float16", "half")
WINDOWED = ("sliding_window", "kv_lora_rank", "attention_chunk_size")
"""Models with these keep less in the cache than one entry for each token and layer."""


@dataclass(frozen=True)
class Choice:
    dtype: str
    threads: int | None
    """OMP_NUM_THREADS; None where vLLM counts the bound CPUs itself."""
    binding: str
    """VLLM_CPU_OMP_THREADS_BIND."""
    reserved: int | None
    cache: int
    """GiB."""
    context: int | None


@dataclass(frozen=True)
class Threads:
    count: int | None
    binding: str
    reserved: int | None = None


def choose(
    settings: EngineSettings,
    environ: Mapping[str, str],
    model: plan.Model,
    machine: Machine,
    cpus: Topology,
    found: Findings,
) -> Choice:
    dtype = number_format(settings, model, machine, found)
    threads = binding(settings, environ, cpus, found)
    room = Room(settings, model, machine_of(machine, settings, cpus, found), dtype)
    cache = settings.cache_space or room.sensible()
    room.check(cache, found)
    context = None
    if plan.generates(model):
        context = length(settings, model, room, cache, own_length(environ, model), found)
    return Choice(dtype, threads.count, threads.binding, threads.reserved, cache, context)


def number_format(
    settings: EngineSettings, model: plan.Model, machine: Machine, found: Findings
) -> str:
    """bfloat16 with AVX512, else float32, which is all that vLLM then has; the user's wins."""
    asked = settings.dtype.lower()
    if asked and asked != "auto":
        if asked in HALF:
            found.warn("DTYPE float16 is unsteady on a CPU; bfloat16 is as fast and safe")
        elif asked == "bfloat16" and plan.not_wide(machine):
            found.warn("DTYPE bfloat16 was asked for, and this CPU lacks AVX512; float32 works")
        return asked
    if plan.not_wide(machine):
        found.warn(
            "this CPU has AVX2 and no AVX512: the model runs in float32, in twice the memory, "
            "and not every model does"
        )
        return "float32"
    kept = model.config.get("dtype") or model.config.get("torch_dtype")
    if kept in HALF:
        found.warn("the model is kept in float16, which is unsteady on a CPU; bfloat16 is taken")
    return "bfloat16"


def binding(
    settings: EngineSettings, environ: Mapping[str, str], cpus: Topology, found: Findings
) -> Threads:
    """One thread for each core. The user's own settings win.

    A quota says how much, not where: threads are bound to listed CPUs only when this container
    has CPUs of its own. Else every container with the same quota would sit on the same first
    CPUs, while the others idle.
    """
    asked = environ.get("VLLM_CPU_OMP_THREADS_BIND", "").strip()
    count = environ.get("OMP_NUM_THREADS", "").strip()
    if asked:
        if asked.isdecimal():
            found.warn(
                f"VLLM_CPU_OMP_THREADS_BIND={asked} is a list of CPUs, not a switch: all threads "
                f"share CPU {asked}; auto binds one to each core"
            )
        return Threads(int(count) if count.isdecimal() else None, asked)
    if count.isdecimal():
        return Threads(int(count), "nobind")
    cores = len(cpus.cores)
    if cpus.quota is not None and cpus.quota < cores:
        if cpus.own_cpus and settings.tensor_parallel == 1:
            return Threads(None, topology.listed(cpus.cores[: cpus.quota]))
        return Threads(cpus.quota, "nobind")
    if cores > 2:
        return Threads(None, "auto", settings.tensor_parallel)
    return Threads(max(cores - 1, 1), "nobind")


def machine_of(
    machine: Machine, settings: EngineSettings, cpus: Topology, found: Findings
) -> Machine:
    """The part of the machine that the engine uses: each of its workers stays on one node."""
    used = cpus.nodes[: settings.tensor_parallel]
    most = sum(used)
    if len(used) == len(cpus.nodes) or most >= machine.memory:
        return machine
    found.warn(
        f"the memory has {len(cpus.nodes)} nodes and the engine uses {len(used)}; "
        f"TENSOR_PARALLEL_SIZE={len(cpus.nodes)} uses all"
    )
    return replace(
        machine, memory=min(machine.memory, most), available=min(machine.available, most)
    )


class Room:
    """Memory of the CPU engine, in GiB of KV cache."""

    def __init__(
        self, settings: EngineSettings, model: plan.Model, machine: Machine, dtype: str
    ) -> None:
        element = 4 if dtype in ("float32", "float") else 2
        self._settings = settings
        self._model = model
        self._machine = machine
        self._loaded = plan.WEIGHTS_AND_BUFFERS * plan.loaded(model, element)
        self.per_token = plan.kept_per_token(model, element)
        self.longest = plan.number(model, "max_position_embeddings")

    def sensible(self) -> int:
        """As much as there is room for, and no more than all requests at full length can fill."""
        most = CACHE_MOST
        length = self._settings.context_length or min(
            self.longest or plan.CONTEXT_ON_A_CPU, plan.CONTEXT_ON_A_CPU
        )
        if self.per_token:
            sequences = self._settings.sequences or plan.SEQUENCES_ON_A_CPU
            most = min(most, max(-(-sequences * length * self.per_token // GIB), 1))
        return max(1, min(self._free(self._machine.available), most))

    def _free(self, available: float) -> int:
        budget = min(TAKEN * self._machine.memory, available)
        cache = budget - plan.ENGINE_ALONE - self._loaded
        return int(cache // GIB // self._settings.tensor_parallel)

    def check(self, cache: int, found: Findings) -> None:
        """Refuses what memory can't hold, at once or at all; names the numbers."""
        need = plan.ENGINE_ALONE + self._loaded + cache * GIB * self._settings.tensor_parallel
        what = (
            f"vLLM with {self._model.given} needs {_gib(need)} GiB of memory "
            f"({_gib(self._loaded)} for weights, {cache} of KV cache, "
            f"{_gib(plan.ENGINE_ALONE)} for itself)"
        )
        limit = self._machine.memory if self._settings.cache_space else TAKEN * self._machine.memory
        if need > limit:
            found.refuse(
                f"{what} and may use {_gib(limit)}; raise the container's memory limit, "
                "or take a smaller MODEL or VLLM_CPU_KVCACHE_SPACE"
            )
        elif need > self._machine.available:
            found.not_yet(
                f"{what} and {_gib(self._machine.available)} of {_gib(self._machine.memory)} GiB "
                "are free; end other programs or take a smaller MODEL"
            )

    def holds(self, cache: int) -> bool:
        return cache <= self._free(self._machine.memory)

    def tokens(self, cache: int) -> int:
        """How long one request may be; 0 when that can't be told."""
        return cache * GIB // self.per_token // 128 * 128 if self.per_token else 0


def own_length(environ: Mapping[str, str], model: plan.Model) -> int:
    """Tokens that the model takes at most; 0 when it doesn't tell, or can be stretched."""
    stretched = any(
        isinstance(rope := model.config.get(key), dict) and "factor" in str(rope)
        for key in ("rope_scaling", "rope_parameters")
    )
    allowed = environ.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "0") == "1"
    return 0 if stretched or allowed else plan.number(model, "max_position_embeddings")


def length(
    settings: EngineSettings, model: plan.Model, room: Room, cache: int, most: int, found: Findings
) -> int | None:
    """`most`: own_length(); what is longer is refused elsewhere, on every device."""
    fits = room.tokens(cache)
    asked = settings.context_length
    if asked is None:
        chosen = min(room.longest or plan.CONTEXT_ON_A_CPU, plan.CONTEXT_ON_A_CPU)
        chosen = max(min(chosen, fits), 128) if fits else chosen
        if room.longest > chosen:
            found.warn(
                f"the context is {chosen} tokens where the model takes {room.longest}; "
                "MAX_MODEL_LEN asks for more"
            )
        return chosen
    if most and asked > most:
        return asked
    if fits and asked > fits:
        needed = -(-asked * room.per_token // GIB)
        sentence = (
            f"MAX_MODEL_LEN={asked} takes {needed} GiB of KV cache for one request and there is "
            f"room for {cache}; set it to {fits} or less"
        )
        if settings.cache_space and room.holds(needed):
            sentence += f", or VLLM_CPU_KVCACHE_SPACE={needed}"
        if any(plan.number(model, key) for key in WINDOWED):
            found.warn(f"{sentence}, unless the model keeps less of its past than most do")
        else:
            found.refuse(sentence)
    return asked


def _gib(size: float) -> str:
    return f"{size / GIB:.1f}"
