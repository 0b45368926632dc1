"""Where the adapter answers other than Ollama, on purpose: what, why, and where it is shown.

One table for the tests that compare with recorded answers and for the reference page. A recorded
exchange (golden.jsonl) is named with the aspects that differ in it; all else of it is compared:
a dotted path (`[]` for any index; its type is still compared), `status`, `header:NAME`, `body`,
`answer` (nothing is compared), or one of

* `superset`: the recorded keys are there with the recorded values; further keys may be, and the
  order of the keys is the engine's.
* `pieces`: the texts are the same, cut into other events.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Deviation:
    ollama: str
    ours: str
    why: str
    shown: tuple[str, ...]
    """Statements by id, tests as `file::name` below tests/."""
    recorded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Exchanges of golden.jsonl by id, and their aspects that differ."""


_MODEL = ("models[].name", "models[].model", "models[].size", "models[].digest", "models[].details")
_LISTED = (*_MODEL, "models[].modified_at", "models[].capabilities")
_WHOLE = ("superset", "system_fingerprint")
_PIECES = ("pieces",)

DEVIATIONS = (
    Deviation(
        "reports its own version",
        "reports that of a later release, whose fields it has",
        "clients compare numbers; `prompt_eval_cached_count` came with that release",
        ("HTTP-03", "X-HTTP-07"),
        {"HTTP-03": ("version",)},
    ),
    Deviation(
        "has no `/metrics`, `/health`, `/ready`",
        "has them",
        "operators ask for them most of all",
        ("HTTP-22", "unit/observe/test_metrics.py::test_one_request_in_every_metric"),
        {"HTTP-22": ("status", "body")},
    ),
    Deviation(
        "takes any text for a port in its list of origins, such as http://localhost:evil.com",
        "takes digits",
        "a page of a stranger would be let in",
        ("unit/server/test_origins.py::test_ollamas_own_list",),
    ),
    Deviation(
        "answers a preflight with an Allow header as well",
        "does without",
        "browsers read the Access-Control headers, which are the same",
        ("CORS-14",),
        {"CORS-14": ("header:allow",)},
    ),
    Deviation(
        "pastes the engine's JSON into the text of an error",
        "takes the engine's message out of it; a prompt that is too long gets Ollama's sentence",
        "clients look for words in the text and show it to people",
        (
            "CHAT-76",
            "OAI-37",
            "contract/test_errors.py::test_too_long_a_prompt_is_told_so_that_clients_see_it",
        ),
        {"CHAT-76": ("error",), "OAI-37": ("error.message",)},
    ),
    Deviation(
        "tells of a broken engine in the words of llama-server",
        "tells what broke, in vLLM's words",
        "there is no llama-server to look after",
        ("CHAT-78", "CHAT-79", "CHAT-80", "GEN-28"),
        {
            "CHAT-78": ("[].error",),
            "CHAT-79": ("[].error",),
            "CHAT-80": ("error",),
            "GEN-28": ("[].error",),
        },
    ),
    Deviation(
        "ends a stream without a last line when a token repeats more than 30 times",
        "always ends with `done` or with an error",
        "half an answer must not look whole",
        ("contract/test_basic_checks.py::test_a_token_that_repeats_ends_no_stream",),
    ),
    Deviation(
        "sends U+0085 raw inside a string",
        "escapes it, as U+2028 and U+2029",
        "four Python clients split lines there and fail",
        ("contract/test_streams.py::test_line_separators_are_escaped",),
    ),
    Deviation(
        "sends its own defaults for temperature, top_k and top_p",
        "sends what the client or the configuration sets; the model's generation_config rules "
        "otherwise, or Ollama's defaults with a switch",
        "the authors of a model know best",
        ("contract/test_bodies.py::test_without_options_the_models_own_defaults_rule",),
    ),
    Deviation(
        "answers `_debug_render_only` with the rendered prompt",
        "answers as if it weren't there",
        "a switch for Ollama's own tests; the engine holds the template",
        ("CHAT-81",),
        {"CHAT-81": ("answer",)},
    ),
    Deviation(
        "lists GGUF files, their sizes, dates and metadata",
        "lists what the engines serve; what isn't known is `unknown`, 0 or left out",
        "nothing is invented",
        ("TAGS-01", "SHOW-05", "contract/test_models.py::test_what_is_not_known_is_not_invented"),
        {
            **dict.fromkeys(("TAGS-01", "TAGS-02", "TAGS-03"), _LISTED),
            **{f"SHOW-{number:02}": ("body",) for number in (2, 5, 6, 7, 8, 9, 10)},
            "MGMT-14": ("body",),
            "OAI-01": ("data[].id", "data[].created"),
        },
    ),
    Deviation(
        "loads and unloads models",
        "keeps account of keep_alive in `/api/ps`; what the engine holds stays there",
        "a vLLM serves its model as long as it runs",
        ("PS-01", "PS-02", "contract/test_keep_alive.py::test_keep_alive_is_a_time"),
        {"PS-01": ("models",), "PS-02": ("models",)},
    ),
    Deviation(
        "pushes models to its registry",
        "answers 501 and says why",
        "there is no registry behind vLLM; nothing pretends to have been done",
        ("MGMT-06", "contract/test_management.py::test_nothing_can_be_pushed"),
        {"MGMT-07": ("answer",)},
    ),
    Deviation(
        "asks its registry for a newer version when a model is pulled that is there",
        "answers with the lines of a pull that found everything in place",
        "clients that pull first go on; the engine has the model",
        ("MGMT-05", "contract/test_management.py::test_a_pull_of_what_is_served_ends_in_success"),
        {"MGMT-05": ("answer",), "MGMT-04": ("error",)},
    ),
    Deviation(
        "says in `/api/status` where its cloud was switched off",
        "says `config`",
        "there is no cloud to switch on",
        ("MGMT-22",),
        {"MGMT-22": ("cloud.source",)},
    ),
    Deviation(
        "answers on /v1 with the fields it knows",
        "passes vLLM's answer through: Ollama's fields and more, null among them, "
        "vLLM's `system_fingerprint`",
        "what vLLM can do on /v1 is not to be lost",
        ("OAI-09", "OAI-28", "OAI-39", "ANT-01"),
        {
            "OAI-09": _WHOLE,
            "OAI-10": _WHOLE,
            "OAI-13": _WHOLE,
            "OAI-17": (*_WHOLE, "choices[].message.content"),
            "OAI-20": _WHOLE,
            "OAI-28": _WHOLE,
            "ANT-01": _WHOLE,
            "ANT-09": _WHOLE,
            "ANT-10": _WHOLE,
            "ANT-11": _WHOLE,
            "ANT-03": (*_WHOLE, "[][].message.usage.input_tokens"),
        },
    ),
    Deviation(
        "puts the role and the first text of a /v1 stream into one event, tool calls too",
        "passes vLLM's events through: the role by itself, arguments in pieces",
        "OpenAI's own service does so; clients join the pieces",
        ("OAI-11", "OAI-12", "OAI-18", "OAI-30"),
        {"OAI-11": _PIECES, "OAI-12": _PIECES, "OAI-18": _PIECES, "OAI-30": _PIECES},
    ),
    Deviation(
        "fills the answer of /v1/responses with defaults of its own",
        "passes vLLM's through",
        "they say what was really used",
        ("OAI-39",),
        {"OAI-39": ("answer",)},
    ),
    Deviation(
        "ignores `n`, refuses a list of prompts, has no count_tokens",
        "passes them to vLLM, which has them",
        "asked for in many of Ollama's threads",
        ("OAI-26", "OAI-29", "ANT-13"),
        {
            "OAI-26": ("body",),
            "OAI-29": ("status", "body"),
            "ANT-13": ("status", "body", "header:content-type"),
        },
    ),
    Deviation(
        "ends a /v1 stream whose engine failed with an empty chunk, as if it were whole",
        "ends it with an error event",
        "the OpenAI clients raise an exception then, and show half an answer as whole otherwise",
        ("OAI-38",),
        {"OAI-38": ("answer",)},
    ),
)

OF_THE_ENGINE = {
    "GEN-17": ("context",),  # the scripted engines give tokens of their own
    "GEN-26": ("logprobs",),  # the same
}
"""Recorded exchanges that differ because another engine stood behind them."""

OTHER_ON_PURPOSE: dict[str, dict[str, str]] = {
    number: dict.fromkeys(aspects, deviation.why)
    for deviation in DEVIATIONS
    for number, aspects in deviation.recorded.items()
} | {number: dict.fromkeys(aspects, "another engine") for number, aspects in OF_THE_ENGINE.items()}
"""Exchange to its aspects that are not compared, with the reason."""
