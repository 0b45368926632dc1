"""What the figures ought to be: a table of ratios and bounds, each computed from one run. Pure.

Those of the real engine are of a run of their own, `make bench-vllm`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.load.figures import Summary, added, is_quiet, ratio
from tests.load.targets import (
    ADAPTER,
    ADAPTER_V1,
    BARE,
    BASELINE,
    DIRECT,
    FLOOR,
    MANY_ENGINES,
    MANY_MODELS,
    TWO_WORKERS,
)

Results = Mapping[tuple[str, str], Summary]
"""By phase and target."""

ONE_STREAM, ENGINE = "engine1", "engine16"
API_SERVER = "vLLM's API process"
"""Phases and a target of `make bench-vllm`."""
_RIVAL = "ollama-openai-proxy"


@dataclass(frozen=True, slots=True)
class Goal:
    """`measured` is None where the run lacks a target or a phase; `most` tells the direction."""

    about: str
    must: float
    aim: float | None
    measured: Callable[[Results], float | None]
    most: bool = True

    def met(self, value: float) -> bool:
        return self._within(value, self.must)

    def mark(self, value: float | None) -> str:
        """`aim` where the aim is reached too; empty where nothing was measured."""
        if value is None:
            return ""
        if not self.met(value):
            return "NO"
        return "aim" if self.aim is not None and self._within(value, self.aim) else "yes"

    def _within(self, value: float, bound: float) -> bool:
        return value <= bound if self.most else value >= bound


def _token(results: Results, phase: str, target: str) -> float | None:
    found = results.get((phase, target))
    return found.cpu_per_token if found else None


def _answer(results: Results, phase: str, target: str) -> float | None:
    found = results.get((phase, target))
    return found.cpu_per_answer if found else None


def per_token(phase: str, target: str, base: str) -> Callable[[Results], float | None]:
    """CPU per token of one target as a multiple of another's."""
    return lambda results: ratio(_token(results, phase, target), _token(results, phase, base))


def per_answer(phase: str, target: str, base: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(_answer(results, phase, target), _answer(results, phase, base))


def _waiting(results: Results, part: str) -> float | None:
    ours, direct = results.get(("ttft", ADAPTER)), results.get(("ttft", DIRECT))
    if ours is None or direct is None or not is_quiet((ours, direct)):
        return None
    return added(getattr(ours, f"first_token_{part}"), getattr(direct, f"first_token_{part}"))


def _failed(phase: str) -> Callable[[Results], float | None]:
    def measured(results: Results) -> float | None:
        found = results.get((phase, ADAPTER))
        return float(sum(found.failed.values())) if found else None

    return measured


def _memory(phase: str) -> Callable[[Results], float | None]:
    def measured(results: Results) -> float | None:
        found = results.get((phase, ADAPTER))
        return found.memory_per_client / 1024 if found else None

    return measured


def _growth(results: Results) -> float | None:
    return ratio(_token(results, "lock200", ADAPTER), _token(results, "lock32", ADAPTER))


def _throughput(results: Results) -> float | None:
    ours, direct = results.get((ENGINE, ADAPTER)), results.get((ENGINE, DIRECT))
    return ratio(ours.tokens_per_second, direct.tokens_per_second) if ours and direct else None


def _workers(results: Results) -> float | None:
    one, two = results.get(("workers", ADAPTER)), results.get(("workers", TWO_WORKERS))
    return ratio(two.rate, one.rate) if one and two else None


def _stall(phase: str) -> Callable[[Results], float | None]:
    """Milliseconds by which the longest delay of a token is longer than without a server between:
    that much the machine and the generator make themselves."""

    def measured(results: Results) -> float | None:
        ours, direct = results.get((phase, ADAPTER)), results.get((phase, DIRECT))
        if ours is None or direct is None or not is_quiet((ours, direct)):
            return None
        more = added(ours.delay_most, direct.delay_most)
        return None if more is None else max(0.0, more)

    return measured


def _start(part: str, unit: float = 1.0) -> Callable[[Results], float | None]:
    def measured(results: Results) -> float | None:
        found = results.get(("start", ADAPTER))
        return getattr(found.start, part) / unit if found and found.start else None

    return measured


ENGINE_GOALS = (
    Goal(
        "CPU per token ÷ vLLM's own API process, 16 streams",
        0.8,
        0.4,
        per_token(ENGINE, ADAPTER, API_SERVER),
    ),
    Goal("tokens/s ÷ vLLM alone, 16 streams", 0.93, 0.97, _throughput, most=False),
)
GOALS = (
    Goal("CPU per token ÷ nginx, 200 streams", 2.0, 1.4, per_token("lock200", ADAPTER, FLOOR)),
    Goal(
        f"tokens per CPU second ÷ {_RIVAL}, 32 streams",
        6.5,
        10,
        per_token("lock32", _RIVAL, ADAPTER),
        most=False,
    ),
    Goal(
        f"CPU per short request, {_RIVAL} ÷ ours",
        13,
        40,
        per_answer("short", _RIVAL, ADAPTER),
        most=False,
    ),
    Goal("added time to first token, p50, ms", 0.3, 0.1, lambda results: _waiting(results, "p50")),
    Goal("added time to first token, p99, ms", 1.0, None, lambda results: _waiting(results, "p99")),
    *ENGINE_GOALS,
    Goal("1000 streams at once: failed", 0, 0, _failed("conc1000")),
    Goal("1000 streams at once: KiB per stream", 48, 16, _memory("conc1000")),
    Goal("5000 streams at once: failed", 0, 0, _failed("conc5000")),
    Goal("5000 streams at once: KiB per stream", 48, 16, _memory("conc5000")),
    Goal("burst: answers that failed or were wrong", 0, 0, _failed("burst")),
    Goal("cut anywhere: answers that failed or were wrong", 0, 0, _failed("cut")),
    Goal("CPU per token, 200 ÷ 32 streams", 1.1, 1.02, _growth),
    Goal("CPU per token, 1000 models ÷ 1", 1.1, 1.02, per_token("setups", MANY_MODELS, ADAPTER)),
    Goal("CPU per token, 8 upstreams ÷ 1", 1.1, 1.02, per_token("setups", MANY_ENGINES, ADAPTER)),
    Goal("CPU per token, all features ÷ bare", 1.05, 1.02, per_token("setups", ADAPTER, BARE)),
    Goal("short requests/s, 2 workers ÷ 1, on two cores", 1.6, 1.8, _workers, most=False),
    Goal("start to first answer, s", 1.0, 0.4, _start("up")),
    Goal("start to first chat, s", 1.0, 0.4, _start("answered")),
    Goal("idle memory after a chat, MB", 70, 45, _start("memory_answered", 1e6)),
    Goal(
        "/v1: CPU per token ÷ nginx, 200 streams", 1.8, 1.2, per_token("lock200", ADAPTER_V1, FLOOR)
    ),
    Goal("slow reader: KiB per stream", 1024, None, _memory("slowreader")),
    Goal("stall of others beside slow readers, ms", 5, None, _stall("besideslow")),
    Goal("stall of others beside 1 MiB prompts, ms", 5, None, _stall("beside1m")),
    Goal("stall of others beside 100 images, ms", 5, None, _stall("besideimages")),
)

WATCHED = (
    Goal(
        "CPU per token ÷ passthrough, 32 streams", 1.5, None, per_token("lock32", ADAPTER, BASELINE)
    ),
    Goal("CPU per short request ÷ passthrough", 1.9, None, per_answer("short", ADAPTER, BASELINE)),
)
"""Ratios that need nothing but this tree: a slower hot path shows in them on any machine.
Their bounds are what was measured and its spread, to be lowered as the hot path gets faster."""
