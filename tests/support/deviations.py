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
    """Statements by id, tests as `file::name` below tests/; none, and the page says so."""
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
        {"MGMT-05": ("answer",)},
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
        ("OAI-38", "contract/test_v1_streams.py::test_an_engine_that_breaks_is_told_of"),
        {"OAI-38": ("answer",)},
    ),
    Deviation(
        "makes vectors with a chat model as well",
        'answers 400 `"m" does not support embeddings`',
        "a vLLM has the routes of its model's task only",
        ("contract/test_embeddings.py::test_a_chat_model_that_cannot_embed_says_so",),
    ),
    Deviation(
        "renders the TEMPLATE of a created model on every route",
        "renders it on `/api`; chats, responses and messages of /v1 refuse such a model with 400",
        "on /v1 the engine applies its own template; what would be ignored is better refused",
        (
            "unit/translate/test_v1_chat.py"
            "::test_a_template_of_its_own_is_refused_rather_than_ignored",
        ),
    ),
    Deviation(
        "reads bodies in zstd on five routes of /v1; elsewhere takes a body as it is, whatever "
        "its Content-Encoding",
        "reads gzip, deflate and zstd everywhere; br and what isn't encoded as it says is 400",
        "a header that is true is worth heeding; no client is known that sends br",
        (
            "contract/test_v1_chat.py::test_a_body_in_zstd_is_read",
            "contract/test_http.py::test_a_body_that_is_not_encoded_as_it_says",
        ),
    ),
    Deviation(
        "deletes any model, and lets create and copy replace it",
        "does so with the models that were created here; one that an engine serves is 400",
        "it would be there again a moment later, or be hidden for good",
        ("contract/test_management.py::test_a_model_is_not_to_be_hidden_nor_deleted",),
    ),
    Deviation(
        "creates models from GGUF files and quantizes them",
        "answers 400 and says why; creates from a model that is served, with LoRA adapters in "
        "safetensors",
        "weights are the engine's, and are there before it starts",
        (
            "contract/test_management.py::test_what_no_alias_can_be_made_of",
            "contract/test_adapters.py::test_a_gguf_file_is_refused_at_its_first_bytes",
        ),
    ),
    Deviation(
        "downloads what is pulled",
        "never downloads; what nobody serves ends in `file does not exist`",
        "a vLLM serves what it was started with",
        ("MGMT-04", "contract/test_management.py::test_a_pull_of_what_nobody_serves"),
        {"MGMT-04": ("error",)},
    ),
    Deviation(
        "takes `context` together with `think`, `images`, `template` and `suffix`",
        "answers 400",
        "token ids are gone on with, as the engine had them; these would need the text behind them",
        ("contract/test_generate_fields.py::test_what_a_context_excludes",),
    ),
    Deviation(
        "loads a model anew for another `num_ctx`",
        "takes `num_ctx` and does nothing with it; the window is vLLM's `--max-model-len`",
        "it is fixed when the engine starts; one that is larger than that is logged",
        ("contract/test_bodies.py::test_a_window_larger_than_the_models_is_mentioned_once",),
    ),
    Deviation(
        "heeds `typical_p` and `repeat_last_n`, and passes any value on",
        "ignores `typical_p`; `repeat_last_n: 0` turns the penalty off, other windows are ignored; "
        "[values out of range are cut](options.md)",
        "vLLM has neither, and refuses what is out of range",
        (
            "unit/translate/test_options.py::test_an_option_becomes_a_field",
            "unit/translate/test_options.py::test_a_window_of_nothing_turns_the_penalty_off",
            "unit/translate/test_options.py::test_any_number_becomes_what_the_engine_accepts",
        ),
    ),
    Deviation(
        "shifts the window while it generates",
        'ends with `done_reason: "length"` at the end of the window',
        "vLLM does not shift",
        (),
    ),
    Deviation(
        "cuts what is too long without a word",
        "cuts in the same way and says how much in the header `X-Adapter-Truncated`",
        "a history that vanished is hard to find (ollama/ollama#4967)",
        ("contract/test_truncation.py::test_the_oldest_turns_go",),
    ),
    Deviation(
        "unloads a model five minutes after its last use",
        "lists it in `/api/ps` for ever, unless `keep_alive` or OLLAMA_KEEP_ALIVE says otherwise",
        "the engine keeps it as long as it runs",
        ("unit/test_settings.py::test_without_anything_but_an_engine",),
    ),
    Deviation(
        "knows no name with a slash in `/v1/models/{model}`",
        "takes it",
        "names of Hugging Face have one, and `/v1/models` lists them so",
        ("contract/test_v1_routes.py::test_a_model_under_the_name_in_the_path",),
    ),
    Deviation(
        "has no `tool_choice`; no `think`, `keep_alive` and `options` on /v1",
        "takes them",
        "asked for in Ollama's threads (ollama/ollama#11171, ollama/ollama#11249)",
        (
            "contract/test_tools.py::test_tool_choice_is_passed_on",
            "contract/test_v1_chat.py::test_thinking",
            "contract/test_v1_chat.py::test_keep_alive_counts",
            "contract/test_v1_responses.py::test_limits_and_options",
        ),
    ),
    Deviation(
        "takes bodies of any size",
        "answers 413 beyond `body_limit`",
        "one client must not fill the memory of all",
        ("contract/test_errors.py::test_a_body_beyond_the_limit_is_refused",),
    ),
    Deviation(
        "waits while a model loads; 503 when its queue is full",
        "answers 503 with Retry-After while the engine loads or is away, and when a queue is full; "
        "504 when it is silent for too long",
        "an engine that is away may never come; clients know what these statuses mean",
        (
            "faults/test_before_the_first_byte.py::test_since_the_adapter_started",
            "faults/test_before_the_first_byte.py::test_a_full_engine_is_a_503_with_retry_after",
            "faults/test_before_the_first_byte.py::test_silence_before_the_headers",
        ),
    ),
    Deviation(
        "answers 500 `model runner has unexpectedly stopped …` when the engine breaks off before "
        "its answer, and 500 when it does in a whole one",
        "answers 502 and says that it broke off; 500 only with an error that the engine told",
        "502 says on which side it broke",
        (
            "faults/test_before_the_first_byte.py::test_what_is_no_answer",
            "faults/test_in_mid_stream.py::test_as_one_object",
        ),
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
