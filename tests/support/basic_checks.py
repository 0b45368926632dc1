"""The basic checks: what an adapter before another engine should get right first, as a table.

Each check names the statements and tests that show it; the reference page is printed from them.
"""

from __future__ import annotations

EMBED, BODIES = "contract/test_embeddings.py", "contract/test_bodies.py"
BASIC, STREAMS = "contract/test_basic_checks.py", "contract/test_streams.py"
GOLDEN = "contract/test_golden.py::test_an_answer_is_that_of_ollama"
PYTHON = "clients/test_ollama_python.py"

BASIC_CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("`GET /` is the banner, to the letter", ("HTTP-01",)),
    ("`HEAD /` is answered", ("HTTP-02",)),
    ("`/api/version`", ("HTTP-03", "X-HTTP-07")),
    ("`/api/ps`", ("PS-01", "X-PS-01")),
    ("`/api/tags` has all fields", ("TAGS-01", "TAGS-02", "TAGS-03", "X-TAGS-01")),
    ("`/api/show` tells capabilities and the context length", ("SHOW-05", "SHOW-06", "SHOW-08")),
    ("show of an unknown model: 404 with an error text", ("X-SHOW-02",)),
    ("chat with an unknown model: 404 with an error text", ("CHAT-03", "X-HTTP-08")),
    ("streams unless told otherwise, as application/x-ndjson", ("CHAT-12", "GEN-09")),
    ("a stream has the exact text and one `done`", ("CHAT-12", GOLDEN)),
    ("true token counts at the end of a stream", ("CHAT-12", GOLDEN)),
    (
        "durations at the end of a stream that aren't zero",
        ("CHAT-12", f"{STREAMS}::test_durations_add_up_by_the_adapters_own_clock"),
    ),
    (
        "durations are those that vLLM measured",
        (f"{STREAMS}::test_durations_are_those_that_vllm_measured",),
    ),
    ("a whole answer has the text and true counts", ("CHAT-14", "GEN-11", GOLDEN)),
    ("`done_reason` is `length` where it was cut", ("CHAT-21", "GEN-27")),
    ("sampling options reach vLLM", (f"{BODIES}::test_options_become_sampling_fields",)),
    (
        "`num_predict` -1 isn't sent as a negative `max_tokens`",
        (f"{BODIES}::test_options_become_sampling_fields",),
    ),
    ('`format: "json"`', ("CHAT-49", f"{BASIC}::test_format_json_reaches_the_engine")),
    (
        "`format` with a schema, as vLLM takes it",
        ("CHAT-50", f"{BASIC}::test_a_schema_reaches_the_engine_in_its_wrapping"),
    ),
    ("calls of tools in a whole answer, arguments as an object", ("CHAT-36", "CHAT-38")),
    ("calls of tools in a stream: two at once, put together", ("CHAT-37", GOLDEN)),
    (
        "results of tools find their calls",
        ("X-CHAT-11", f"{BASIC}::test_results_find_the_calls_they_belong_to_by_their_order"),
    ),
    ("thoughts are in `message.thinking`", ("CHAT-31", "CHAT-33")),
    ("`think: false`", ("CHAT-32",)),
    (
        "an image is sent as what it is",
        ("CHAT-46", f"{BASIC}::test_an_image_is_sent_as_what_it_is"),
    ),
    ("logprobs", ("CHAT-72", "CHAT-73", "X-CHAT-16", "GEN-26")),
    ("a refusal before the stream keeps its status and message", ("CHAT-76",)),
    ("an error in the middle of a stream is told", ("CHAT-78", "CHAT-80")),
    ("a vLLM that dies in the middle: the answer doesn't look whole", ("CHAT-79", "GEN-28")),
    (
        "an event that was cut inside a character",
        ("faults/test_in_mid_stream.py::test_the_stream_may_be_cut_anywhere",),
    ),
    ("a line of 300 kB", (f"{STREAMS}::test_a_very_long_event_is_whole",)),
    (
        "a client that hangs up stops vLLM",
        ("faults/test_clients_that_leave.py::test_the_engine_is_free_within_a_second",),
    ),
    ("generate: `system`", (f"{BODIES}::test_a_system_text_stands_before_the_prompt",)),
    ("generate: `raw`", ("X-GEN-04", f"{BASIC}::test_raw_goes_to_completions_as_it_is")),
    (
        "generate: `suffix`",
        ("GEN-17", f"{BASIC}::test_a_suffix_is_asked_for_with_the_models_own_marks"),
    ),
    (
        "generate: `context`",
        ("X-GEN-02", f"{BASIC}::test_context_is_the_engines_own_token_ids_and_comes_back"),
    ),
    (
        "an empty prompt loads, without asking the engine",
        (
            "GEN-04",
            "contract/test_keep_alive.py::test_load_and_unload_are_answered_without_the_engine",
        ),
    ),
    ("`keep_alive: 0` unloads", ("GEN-06", "GEN-07", "X-GEN-07")),
    ("embed: batches, counts, dimensions", ("EMB-01", "EMB-02", "EMB-14")),
    ("embed: one request to vLLM", (f"{EMBED}::test_all_inputs_go_in_one_request",)),
    ("the old `/api/embeddings`", ("EMBL-01", "EMBL-02", "EMBL-04")),
    ("pull of a model that is there streams to success", ("MGMT-05",)),
    ("pull of an unknown model is an error", ("MGMT-04", "X-MGMT-01")),
    ("metrics for Prometheus", ("unit/observe/test_metrics.py::test_one_request_in_every_metric",)),
    ("a preflight from localhost", ("CORS-14",)),
    ("a body that isn't called JSON", ("X-HTTP-01", "X-HTTP-02", "X-HTTP-03")),
    ("bad JSON: 400 with an error text", ("HTTP-34", "HTTP-35", "HTTP-36")),
    ("ollama-python: a chat, streamed", (f"{PYTHON}::test_chat_streamed",)),
    ("ollama-python: the list of models", (f"{PYTHON}::test_list_show_ps",)),
)
"""What is checked, in words; statements by id and tests as `file::name` below tests/."""
