"""How the engine in an image is started. Pure: facts in, a plan out, which prints as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher import (
    accounts,
    architectures,
    flags,
    gate,
    invocation,
    plan,
    quantization,
    redact,
    sizing,
)
from launcher.contents import Contents
from launcher.engine_settings import EngineSettings, options
from launcher.facts import Facts
from launcher.findings import Fault, Findings
from launcher.hardware import GIB
from launcher.sizing import Choice

SHARED_LEAST = 256 << 20
"""Of /dev/shm. Measured: with 64 MiB vLLM 0.32 asks for 160 and ends, with 200 for 240."""
SHARED_MEMORY = 4 * GIB
"""The same as vLLM's documentation wants it for several workers."""


@dataclass(frozen=True)
class Plan:
    settings: EngineSettings
    device: str
    ready: bool
    dtype: str
    choice: Choice | None
    """On a CPU only."""
    context: int | None
    arguments: list[str]
    changes: dict[str, str]
    """Set in the engine's environment."""
    dropped: list[str]
    """Taken out of it."""
    findings: Findings

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in environ.items() if name not in self.dropped}
        return kept | self.changes

    def printable(self, environ: Mapping[str, str]) -> dict[str, Any]:
        """For JSON; no secrets."""
        env = self.environment(environ)
        shown = {
            name: env[name]
            for name in sorted(env)
            if name in self.changes or name.startswith(invocation.SHOWN)
        }
        choice = self.choice
        return {
            "device": self.device,
            "model": {
                "source": self.settings.source,
                "name": redact.text(self.settings.model),
                "folder": str(self.settings.folder),
                "ready": self.ready,
                "served": list(self.settings.served),
            },
            "dtype": self.dtype,
            "threads": choice and choice.threads,
            "binding": choice and choice.binding,
            "kv_cache_gib": choice and choice.cache,
            "context_length": self.context,
            "arguments": redact.arguments(self.arguments),
            "environment": redact.environment(shown),
            "warnings": self.findings.warnings,
            "fatal": [
                {"sentence": fault.sentence, "code": fault.code} for fault in self.findings.faults
            ],
        }


def make(settings: EngineSettings, environ: Mapping[str, str], facts: Facts) -> Plan:
    found = Findings()
    contents = facts.contents
    name = settings.model.rpartition("/")[2]
    model = plan.Model(name, settings.served[0], contents.size, contents.config)
    _build(facts, found)
    _folder(settings, contents, found)
    choice = None
    context = settings.context_length
    if facts.device == "cpu":
        choice = _on_a_cpu(settings, environ, model, facts, found)
        context = choice.context if choice else context
    _judge(settings, environ, model, facts, found)
    return Plan(
        settings=settings,
        device=facts.device,
        ready=contents.ready,
        dtype=(choice.dtype if choice else settings.dtype) or "auto",
        choice=choice,
        context=context,
        arguments=invocation.arguments(settings, environ, model, facts, choice, context),
        changes=invocation.changes(settings, environ, facts, choice),
        dropped=invocation.dropped(environ, contents.ready, found),
        findings=found,
    )


def _judge(
    settings: EngineSettings,
    environ: Mapping[str, str],
    model: plan.Model,
    facts: Facts,
    found: Findings,
) -> None:
    """What doesn't depend on how large the machine is."""
    config = facts.contents.config
    _length(settings, environ, model, found)
    method = quantization.of(settings, config)
    quantization.check(facts.device, settings, settings.model, method, found)
    _chat(settings, model, facts.contents, found)
    _workers(settings, facts, found)
    if facts.registry and facts.installed:
        architectures.check(config, facts.registry, facts.installed, found)
    if facts.flags is not None:
        flags.check(settings.extra, facts.flags, facts.installed, found)


def _build(facts: Facts, found: Findings) -> None:
    """vLLM is built for one kind of device, and tells a CPU's by its version."""
    if facts.installed is None:
        return
    version = facts.installed.version
    if facts.device != "cpu" and "cpu" in version:
        found.refuse(f"vLLM {version} is built for CPUs; for {facts.device} take another image")
    elif facts.device == "cpu" and "cpu" not in version:
        found.warn(f"vLLM {version} doesn't look built for CPUs; is it the right image?")


def _folder(settings: EngineSettings, contents: Contents, found: Findings) -> None:
    if contents.unreadable:
        found.refuse(accounts.reader_line(Path(contents.unreadable)))
    elif settings.source == "folder" and not contents.there:
        found.refuse(
            f"MODEL names a folder that is empty or not there: {settings.folder}; is it mounted?"
        )
    elif not contents.there:
        found.not_yet(
            f"{settings.model} has not been fetched into {settings.folder} yet; "
            "`launcher fetch` does it"
        )
        found.warn("memory and context are planned without the model, which isn't there yet")
    elif not contents.ready:
        code, sentence = gate.verdict(settings.folder, contents.faults, settings.source)
        found.faults.append(Fault(sentence, code))


def _on_a_cpu(
    settings: EngineSettings,
    environ: Mapping[str, str],
    model: plan.Model,
    facts: Facts,
    found: Findings,
) -> Choice | None:
    machine = facts.machine
    if machine.architecture not in ("x86_64", "AMD64"):
        found.warn(f"this image is for x86-64 CPUs, this machine is {machine.architecture}")
    elif "avx2" not in machine.flags:
        found.refuse(
            "this CPU lacks AVX2, which vLLM needs (it would die of SIGILL, exit code 132); "
            "take another machine"
        )
        return None
    elif "avx512f" in machine.flags and not machine.flags & {"avx512_bf16", "amx_bf16"}:
        found.warn("this CPU lacks instructions for bfloat16 and computes slower than others")
    return sizing.choose(settings, environ, model, machine, facts.cpus, found)


def _length(
    settings: EngineSettings, environ: Mapping[str, str], model: plan.Model, found: Findings
) -> None:
    asked, most = settings.context_length, sizing.own_length(environ, model)
    if asked and most and asked > most:
        found.refuse(
            f"MAX_MODEL_LEN={asked} is more than the model's {most} tokens; set it to {most} or "
            "less, or VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 to try what it was not made for"
        )
    whole = "--no-enable-chunked-prefill" in options(settings.extra)
    batched = settings.batched_tokens
    if whole and asked and batched and batched < asked:
        found.refuse(
            f"without chunked prefill MAX_NUM_BATCHED_TOKENS={batched} must not be less than "
            f"MAX_MODEL_LEN={asked}"
        )


def _chat(settings: EngineSettings, model: plan.Model, contents: Contents, found: Findings) -> None:
    if not contents.there or contents.template or settings.chat_template:
        return
    if not plan.generates(model):
        return
    sentence = (
        f"{settings.model} has no chat template, so that /api/chat fails; take its Instruct or "
        "chat variant, or name a template with CHAT_TEMPLATE"
    )
    if settings.require_chat:
        found.refuse(sentence)
    else:
        found.warn(sentence)


def _workers(settings: EngineSettings, facts: Facts, found: Findings) -> None:
    """A CPU engine always has a worker process; others have them when there are several devices."""
    count, size = settings.tensor_parallel, facts.shared_memory
    if facts.device != "cpu" and count == 1:
        return
    free = f"/dev/shm has {size >> 20} MiB free"
    if size < SHARED_LEAST:
        found.refuse(
            f"{free} and vLLM needs {SHARED_LEAST >> 20} to talk to its workers; "
            "give the container --shm-size=4g"
        )
    elif count > 1 and size < SHARED_MEMORY:
        found.warn(f"{free} and {count} workers talk through it; better is --shm-size=4g")
