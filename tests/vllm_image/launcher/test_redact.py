from __future__ import annotations

import pytest
from launcher import redact


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "VLLM_API_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "OPENAI_KEY", "hf_token"],
)
def test_secrets_are_hidden_by_their_names(name: str) -> None:
    assert redact.environment({name: "s3cret"}) == {name: "***"}


@pytest.mark.parametrize(
    "name", ["HF_TOKEN_PATH", "VLLM_API_KEY_FILE", "MAX_NUM_BATCHED_TOKENS", "VLLM_TOKENIZER"]
)
def test_others_are_not(name: str) -> None:
    assert redact.environment({name: "v"}) == {name: "v"}


def test_addresses_lose_their_user() -> None:
    assert redact.text("http://me:pw@proxy:3128/x") == "http://***@proxy:3128/x"
    assert redact.environment({"HTTPS_PROXY": "http://a:b@p"}) == {"HTTPS_PROXY": "http://***@p"}
    assert redact.text("s3://bucket/a@b") == "s3://bucket/a@b"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["--api-key", "a", "b", "--x", "c"], ["--api-key", "***", "***", "--x", "c"]),
        (["--api_key=a", "b"], ["--api_key=***", "b"]),
        (["--hf-token", "t"], ["--hf-token", "***"]),
        (["--speculative-config.hf_token", "t"], ["--speculative-config.hf_token", "***"]),
        (["--x", '{"hf_token": "a\\"b", "n": 1}'], ["--x", '{"hf_token": "***", "n": 1}']),
        (['--x={"a":{"api_key":7}}'], ['--x={"a":{"api_key":"***"}}']),
        (["--x", '{"api_key": ["a", "b"]}'], ["--x", '{"api_key": "***"}']),
        (["--x", '{"max_num_batched_tokens": 8}'], ["--x", '{"max_num_batched_tokens": 8}']),
        (["serve", "m", "--dtype", "auto"], ["serve", "m", "--dtype", "auto"]),
    ],
)
def test_arguments(given: list[str], shown: list[str]) -> None:
    assert redact.arguments(given) == shown
