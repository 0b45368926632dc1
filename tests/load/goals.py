"""What the figures ought to be: a table of ratios and bounds, each computed from one run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.load.figures import Summary, added, is_quiet, ratio
from tests.load.targets import ADAPTER, BASELINE, DIRECT, FLOOR

Results = Mapping[tuple[str, str], Summary]
"""By phase and target."""

_RIVAL = "ollama-openai-proxy"
_V1 = "adapter /v1"


@dataclass(frozen=True, slots=True)
class Goal:
    """`measured` is None where the run lacks a target or a phase; `most` tells the direction."""

    about: str
    must: float
    aim: float | None
    measured: Callable[[Results], float | None]
    most: bool = True

    def met(self, value: float) -> bool:
        return value <= self.must if self.most else value >= self.must


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
    Goal("1000 streams at once: failed", 0, 0, _failed("conc1000")),
    Goal("1000 streams at once: KiB per stream", 48, 16, _memory("conc1000")),
    Goal("5000 streams at once: failed", 0, 0, _failed("conc5000")),
    Goal("5000 streams at once: KiB per stream", 48, 16, _memory("conc5000")),
    Goal("slow reader: KiB per stream", 1024, None, _memory("slowreader")),
    Goal("burst: answers that failed or were wrong", 0, 0, _failed("burst")),
    Goal("CPU per token, 200 ÷ 32 streams", 1.1, 1.02, _growth),
    Goal("/v1: CPU per token ÷ nginx, 200 streams", 1.8, 1.2, per_token("lock200", _V1, FLOOR)),
)

WATCHED = (
    Goal(
        "CPU per token ÷ passthrough, 32 streams", 2.2, None, per_token("lock32", ADAPTER, BASELINE)
    ),
    Goal("CPU per short request ÷ passthrough", 3.8, None, per_answer("short", ADAPTER, BASELINE)),
)
"""Ratios that need nothing but this tree: a slower hot path shows in them on any machine.
Their bounds are what was measured and its spread, to be lowered as the hot path gets faster."""

UNMEASURED = (
    "vLLM's own API process, and tokens/s through the adapter on the real engine",
    "1000 models and 8 upstreams",
    "all features on ÷ bare",
    "other streams beside a slow reader or a large prompt",
    "two workers ÷ one",
    "start to first answer, idle memory",
)
