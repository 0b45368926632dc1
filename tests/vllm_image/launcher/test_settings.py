from __future__ import annotations

from pathlib import Path

import pytest
from launcher import settings
from launcher.errors import CannotRun


def read(**environ: str) -> settings.Settings:
    return settings.read({"HOME": "/home/me", **environ}, Path("/checkout"))


def test_an_empty_environment() -> None:
    chosen = read()
    assert (chosen.model, chosen.vllm_url, chosen.context_length) == ("", "", None)
    assert chosen.address.url == "http://127.0.0.1:11434"
    assert chosen.venv == Path("/checkout/.venv")
    assert chosen.hub.endpoint == "https://huggingface.co"
    assert not chosen.hub.offline


@pytest.mark.parametrize(
    ("environ", "cache"),
    [
        ({}, "/home/me/.cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HF_HOME": "/hf", "XDG_CACHE_HOME": "/c"}, "/hf/hub"),
        ({"HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/hf"}, "/old"),
        ({"HF_HUB_CACHE": "/new", "HUGGINGFACE_HUB_CACHE": "/old"}, "/new"),
    ],
)
def test_the_hubs_cache_is_where_the_library_has_it(environ: dict[str, str], cache: str) -> None:
    assert read(**environ).hub.cache == Path(cache)


def test_a_saved_token_counts_after_the_variable(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("saved\n")
    assert read(HF_HOME=str(tmp_path)).hub.token == "saved"
    assert read(HF_HOME=str(tmp_path), HF_TOKEN="mine").hub.token == "mine"


@pytest.mark.parametrize("url", ["http://gpu:8000", "http://gpu:8000/", "http://gpu:8000/v1/"])
def test_the_engines_url_is_its_root(url: str) -> None:
    assert read(VLLM_URL=url).vllm_url == "http://gpu:8000"


@pytest.mark.parametrize(("text", "length"), [("4096", 4096), ("0", None), (" ", None)])
def test_the_context_length(text: str, length: int | None) -> None:
    assert read(OLLAMA_CONTEXT_LENGTH=text).context_length == length


@pytest.mark.parametrize("text", ["8k", "-1", "\N{SUPERSCRIPT TWO}", "9" * 5000])
def test_a_context_length_that_is_no_number(text: str) -> None:
    with pytest.raises(CannotRun, match="OLLAMA_CONTEXT_LENGTH"):
        read(OLLAMA_CONTEXT_LENGTH=text)


@pytest.mark.parametrize(
    "url",
    [
        "foo",
        "127.0.0.1:8000",
        "http://",
        "http://127.0.0.1:abc",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65536",
        "http://[::1",
        "http://host name:8000",
        "ftp://host",
    ],
)
@pytest.mark.parametrize("variable", ["VLLM_URL", "HF_ENDPOINT"])
def test_an_address_that_is_none_is_told_with_an_example(variable: str, url: str) -> None:
    with pytest.raises(CannotRun, match=f"{variable} is no address.*looks like http") as raised:
        read(**{variable: url})
    assert "\n" not in raised.value.text


def test_an_address_of_ipv6() -> None:
    assert read(VLLM_URL="http://[::1]:8000").vllm_url == "http://[::1]:8000"


def test_the_home_of_nobody_is_a_folder_of_that_name() -> None:
    assert read(HF_HOME="~nobodyx/x").hub.cache == Path("~nobodyx/x/hub")


def test_port_0_is_a_free_port() -> None:
    assert read(OLLAMA_HOST="127.0.0.1:0").address.port > 0


def test_without_docs_nothing_of_the_services_is_read() -> None:
    assert read(CHATQNA_PORT="x", ADAPTER_CONFIG="/a.toml", DOCS=" ").docs is None


def test_docs() -> None:
    docs = read(DOCS="papers").docs
    assert docs
    assert docs.folder == Path("papers")
    assert [at.url for at in docs.addresses] == ["http://127.0.0.1:8888", "http://127.0.0.1:6007"]


def test_ports_and_host_of_the_services() -> None:
    docs = read(DOCS="x", RAG_HOST="0.0.0.0", CHATQNA_PORT="1234", DATAPREP_PORT="0").docs
    assert docs
    assert (docs.chatqna.host, docs.chatqna.port) == ("0.0.0.0", 1234)
    assert docs.dataprep.port > 0


@pytest.mark.parametrize("text", ["x", "65536", "-1"])
@pytest.mark.parametrize("variable", ["CHATQNA_PORT", "DATAPREP_PORT"])
def test_a_port_that_is_none(variable: str, text: str) -> None:
    with pytest.raises(CannotRun, match=f"{variable} is no number of a port: {text}"):
        read(**{"DOCS": "x", variable: text})


def test_docs_beside_a_configuration_of_the_users() -> None:
    with pytest.raises(CannotRun, match="DOCS and ADAPTER_CONFIG"):
        read(DOCS="x", ADAPTER_CONFIG="/a.toml")
