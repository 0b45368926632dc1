"""vLLM's arguments and environment, once everything is chosen. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from launcher import plan, quantization
from launcher.engine_settings import EngineSettings, options
from launcher.facts import Facts
from launcher.findings import Findings
from launcher.sizing import Choice

SEQUENCES = {"cpu": plan.SEQUENCES_ON_A_CPU, "hpu": 128}
"""Requests at a time."""
SHORT = {"--tensor-parallel-size": "-tp", "--quantization": "-q"}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
ON_GAUDI = {
    "HABANA_VISIBLE_DEVICES": "all",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
}
# Read here, and unknown to vLLM; secrets that an engine without a network has no use for.
OURS = ("VLLM_EXTRA_ARGS", "VLLM_DTYPE", "VLLM_QUANTIZATION", "VLLM_TP_SIZE", "VLLM_MAX_NUM_SEQS")
FETCHING = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HUGGINGFACEHUB_API_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
SHOWN = (
    "VLLM_",
    "HF_",
    "OMP_",
    "PT_HPU_",
    "HABANA_",
    "TORCH",
    "LD_PRELOAD",
    "CUDA_",
    "NVIDIA_",
    "QUANT_",
)


def arguments(
    settings: EngineSettings,
    environ: Mapping[str, str],
    model: plan.Model,
    facts: Facts,
    choice: Choice | None,
    context: int | None,
) -> list[str]:
    """A list, which no shell reads. What the user says to vLLM comes last, and only once."""
    said = {*options(settings.extra)}
    given = ["serve", str(settings.folder)]
    for group in _valued(settings, facts.device, choice, context):
        if group and group[-1] and not said & {group[0], SHORT.get(group[0], "")}:
            given += group
    if _eager(environ, facts.device):
        given.append("--enforce-eager")
    tools, reasoning = plan.parsers(model)
    tools = tools if settings.tool_parser is None else settings.tool_parser
    reasoning = reasoning if settings.reasoning_parser is None else settings.reasoning_parser
    version = facts.installed.numbers if facts.installed else plan.PER_REQUEST_METRICS_SINCE
    return [*given, *plan.features(version, tools, reasoning), *settings.extra]


def _valued(
    settings: EngineSettings, device: str, choice: Choice | None, context: int | None
) -> list[list[str]]:
    """Options with their values; one without a value is left to vLLM."""
    sequences = settings.sequences or SEQUENCES.get(device)
    return [
        ["--host", settings.host],
        ["--port", str(settings.port)],
        ["--served-model-name", *settings.served],
        ["--dtype", choice.dtype if choice else settings.dtype],
        quantization.arguments(device, settings),
        ["--max-model-len", str(context or "")],
        ["--max-num-seqs", str(sequences or "")],
        ["--max-num-batched-tokens", str(settings.batched_tokens or "")],
        ["--tensor-parallel-size", _above_one(settings.tensor_parallel)],
        ["--gpu-memory-utilization", str(settings.gpu_memory or "")],
        ["--chat-template", settings.chat_template],
    ]


def _above_one(count: int) -> str:
    return str(count) if count > 1 else ""


def _eager(environ: Mapping[str, str], device: str) -> bool:
    asked = environ.get("ENFORCE_EAGER", "").strip().lower()
    return asked in ("1", "true", "yes", "on") or (not asked and device == "cpu")


def changes(
    settings: EngineSettings, environ: Mapping[str, str], facts: Facts, choice: Choice | None
) -> dict[str, str]:
    """The user's own values win over all but the account's."""
    wanted: dict[str, str] = dict(plan.ON_EVERY_DEVICE)
    if facts.contents.ready:
        wanted |= OFFLINE
    if choice:
        wanted |= plan.ON_A_CPU if _eager(environ, facts.device) else {}
        wanted["VLLM_CPU_KVCACHE_SPACE"] = str(choice.cache)
        wanted["VLLM_CPU_OMP_THREADS_BIND"] = choice.binding
        if choice.threads:
            wanted |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(choice.threads))
        if choice.reserved:
            wanted["VLLM_CPU_NUM_OF_RESERVED_CPU"] = str(choice.reserved)
    if facts.device == "hpu":
        wanted |= ON_GAUDI
        if settings.tensor_parallel > 1:
            wanted["PT_HPU_ENABLE_LAZY_COLLECTIVES"] = "true"
        if settings.quant_config:
            wanted["QUANT_CONFIG"] = settings.quant_config
    unset = {name: value for name, value in wanted.items() if not environ.get(name)}
    return {**unset, **facts.account}


def dropped(environ: Mapping[str, str], ready: bool, found: Findings) -> list[str]:
    """Names of variables that the engine doesn't get."""
    left_out = [name for name in OURS if name in environ]
    # `NAME: ${NAME:-}` of a compose file, which vLLM would read as a number.
    left_out += [name for name in environ if name.startswith(SHOWN) and not environ[name]]
    if ready:
        left_out += [name for name in FETCHING if name in environ]
    if environ.get("VLLM_PORT", "").startswith("tcp://"):
        left_out.append("VLLM_PORT")
        found.warn(
            "VLLM_PORT comes from a Kubernetes service named vllm and would confuse vLLM; "
            "it is left out: give that service another name"
        )
    return left_out
