from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from adapter.errors import ConfigError
from adapter.settings import (
    ModelSettings,
    ServerSettings,
    Settings,
    Timeouts,
    UpstreamSettings,
    load_settings,
    split_fallback,
    split_host,
    variables,
)

URL = "http://127.0.0.1:8000"
ENVIRON = {"VLLM_URL": URL}
UPSTREAM = f'[[upstreams]]\nname = "llm"\nurl = "{URL}"\n'


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> str:
        file = tmp_path / "adapter.toml"
        file.write_text(text, encoding="utf-8")
        return str(file)

    return write


def server(environ: dict[str, str] | None = None, **flags: Any) -> ServerSettings:
    return load_settings(flags, ENVIRON | (environ or {})).server


def complaint(*arguments: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        load_settings(*arguments)
    assert "\n" not in str(refused.value)
    return str(refused.value)


# --- precedence -----------------------------------------------------------------------------


def test_without_anything_but_an_engine():
    settings = load_settings({}, ENVIRON)
    [upstream] = settings.upstreams
    assert (upstream.name, upstream.kind, upstream.url) == ("vllm", "vllm", URL)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 11434)
    assert settings.server.keep_alive == math.inf
    assert settings.server.body_limit == 64 * 2**20
    assert settings.models == {}


def test_flag_beats_environment_beats_file_beats_default(written):
    file = written(UPSTREAM + '[server]\nhost = "1.1.1.1"\nport = 1111\nmax_queue = 11\n')
    nothing = load_settings({}, {}, file).server
    assert (nothing.host, nothing.port, nothing.max_queue) == ("1.1.1.1", 1111, 11)
    environ = {"OLLAMA_HOST": "2.2.2.2:2222"}
    by_environment = load_settings({}, environ, file).server
    assert (by_environment.host, by_environment.port) == ("2.2.2.2", 2222)
    assert by_environment.max_queue == 11
    by_flag = load_settings({"port": 3333, "host": None}, environ, file).server
    assert (by_flag.host, by_flag.port) == ("2.2.2.2", 3333)


def test_the_environment_names_the_file_and_a_flag_another(written, tmp_path: Path):
    file = written(UPSTREAM + "[server]\nmax_queue = 7\n")
    assert load_settings({}, {"ADAPTER_CONFIG": file}).server.max_queue == 7
    other = tmp_path / "other.toml"
    other.write_text(UPSTREAM + "[server]\nmax_queue = 8\n")
    assert load_settings({}, {"ADAPTER_CONFIG": file}, str(other)).server.max_queue == 8


def test_the_upstream_flag_beats_the_file_and_the_environment(written):
    flags = {"upstream": "http://flag:1"}
    for settings in (load_settings(flags, ENVIRON), load_settings(flags, {}, written(UPSTREAM))):
        assert [upstream.url for upstream in settings.upstreams] == ["http://flag:1"]


def test_a_file_names_its_engines_itself(written):
    [upstream] = load_settings({}, {"VLLM_URL": "http://other:1"}, written(UPSTREAM)).upstreams
    assert upstream.url == URL


def test_reading_the_settings_changes_neither_flags_nor_environment():
    flags, environ = {"upstream": URL, "port": 1}, {"OLLAMA_HOST": "::1"}
    load_settings(flags, environ)
    assert (flags, environ) == ({"upstream": URL, "port": 1}, {"OLLAMA_HOST": "::1"})


# --- the environment ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("1.2.3.4", "1.2.3.4", 11434),
        ("1.2.3.4:1234", "1.2.3.4", 1234),
        ("0.0.0.0", "0.0.0.0", 11434),
        ("example.com", "example.com", 11434),
        ("example.com:1234", "example.com", 1234),
        ("x:0", "x", 0),
        ("x:65535", "x", 65535),
        ("x:66000", "x", 11434),
        ("x:-1", "x", 11434),
        ("x:abc", "x", 11434),
        ("x:", "x", 11434),
        ("[::1]", "::1", 11434),
        ("[::]", "::", 11434),
        ("[::1]:1337", "::1", 1337),
        ("::1", "::1", 11434),
        ("::", "::", 11434),
        ("fe80::1", "fe80::1", 11434),
        ("http://1.2.3.4", "1.2.3.4", 80),
        ("http://1.2.3.4:4321", "1.2.3.4", 4321),
        ("https://1.2.3.4", "1.2.3.4", 443),
        ("https://1.2.3.4:4321", "1.2.3.4", 4321),
        ("https://example.com/ollama", "example.com", 443),
        ("http://[::1]:5000/path", "::1", 5000),
    ],
)
def test_forms_of_ollama_host(text: str, host: str, port: int):
    assert split_host(text) == (host, port)
    assert (server({"OLLAMA_HOST": text}).host, server({"OLLAMA_HOST": text}).port) == (host, port)


@pytest.mark.parametrize("text", ['"1.2.3.4"', "'1.2.3.4'", " 1.2.3.4 ", ' " 1.2.3.4 " '])
def test_quotes_and_blanks_around_a_variable(text: str):
    assert server({"OLLAMA_HOST": text}).host == "1.2.3.4"


@pytest.mark.parametrize("text", ["", " ", '""'])
def test_an_empty_variable_is_none(text: str):
    names = variables(ServerSettings).values()
    assert server(dict.fromkeys(names, text)) == server()


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("ADAPTER_WORKERS", "4", "workers", 4),
        ("ADAPTER_BODY_LIMIT", "1MiB", "body_limit", 2**20),
        ("OLLAMA_MAX_QUEUE", "9", "max_queue", 9),
        ("OLLAMA_KEEP_ALIVE", "5m", "keep_alive", 300.0),
        ("OLLAMA_KEEP_ALIVE", "300", "keep_alive", 300.0),
        ("OLLAMA_KEEP_ALIVE", "-1", "keep_alive", math.inf),
        ("OLLAMA_KEEP_ALIVE", "0", "keep_alive", 0.0),
        ("OLLAMA_CONTEXT_LENGTH", "8192", "context_length", 8192),
        ("OLLAMA_ORIGINS", "http://a, http://b,", "origins", ("http://a", "http://b")),
        ("ADAPTER_SAMPLING_DEFAULTS", "ollama", "sampling_defaults", "ollama"),
        ("ADAPTER_RETRIES", "0", "retries", 0),
        ("ADAPTER_GRACE", "0.5", "grace", 0.5),
        ("ADAPTER_STATE_DIR", "/var/lib/x", "state_dir", "/var/lib/x"),
        ("HF_HUB_CACHE", "/hub", "hub_cache", "/hub"),
    ],
)
def test_a_variable_sets_a_field(variable: str, text: str, field: str, value: Any):
    assert getattr(server({variable: text}), field) == value


def test_every_variable_is_in_the_test_above():
    marks = test_a_variable_sets_a_field.pytestmark[0].args[1]
    assert {row[0] for row in marks} | {"OLLAMA_HOST"} == set(variables(ServerSettings).values())


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/me"}, "/home/me/.local/state/ollama-vllm"),
        ({"HOME": "/home/me", "XDG_STATE_HOME": "/s"}, "/s/ollama-vllm"),
        ({"HOME": "/home/me", "XDG_STATE_HOME": "s"}, "/home/me/.local/state/ollama-vllm"),
        ({"XDG_STATE_HOME": "/s"}, "/s/ollama-vllm"),
        ({"HOME": "/home/me", "ADAPTER_STATE_DIR": "/x"}, "/x"),
        ({"HOME": "/home/me", "ADAPTER_STATE_DIR": "~/x"}, "/home/me/x"),
        ({}, ""),
    ],
)
def test_the_state_folder(environ: dict[str, str], folder: str):
    assert server(environ).state_dir == folder


def test_timeouts_of_the_one_engine_from_the_environment():
    environ = dict(zip(variables(Timeouts).values(), ("1", "2.5", "3"), strict=True))
    [upstream] = load_settings({}, ENVIRON | environ).upstreams
    assert upstream.timeouts == Timeouts(connect=1, first_byte=2.5, idle=3)


# --- values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("1KiB", 2**10),
        ("64MiB", 64 * 2**20),
        ("64 MiB", 64 * 2**20),
        (" 2GiB ", 2 * 2**30),
        ("1KB", 1000),
        ("3MB", 3 * 10**6),
        ("1GB", 10**9),
    ],
)
def test_sizes(text: str, size: int):
    assert server({"ADAPTER_BODY_LIMIT": text}).body_limit == size


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        (
            {"ADAPTER_BODY_LIMIT": "64 parsecs"},
            "server.body_limit: '64 parsecs' is no size such as 64MiB",
        ),
        ({"ADAPTER_BODY_LIMIT": "-1"}, "server.body_limit: '-1' is no size such as 64MiB"),
        ({"OLLAMA_KEEP_ALIVE": "5x"}, 'server.keep_alive: time: unknown unit "x" in duration "5x"'),
        ({"ADAPTER_WORKERS": "0"}, "server.workers: Input should be greater than or equal to 1"),
        ({"OLLAMA_MAX_QUEUE": "many"}, "server.max_queue: Input should be a valid integer"),
        ({"OLLAMA_CONTEXT_LENGTH": "-1"}, "server.context_length: Input should be greater than 0"),
        (
            {"ADAPTER_SAMPLING_DEFAULTS": "mine"},
            "server.sampling_defaults: Input should be 'model' or 'ollama'",
        ),
        ({"ADAPTER_RETRIES": "-1"}, "server.retries: Input should be greater than or equal to 0"),
        ({"ADAPTER_GRACE": "-1"}, "server.grace: Input should be greater than or equal to 0"),
        ({"ADAPTER_GRACE": "inf"}, "server.grace: Input should be a finite number"),
        (
            {"ADAPTER_IDLE_TIMEOUT": "long"},
            "upstreams.0.timeouts.idle: Input should be a valid number",
        ),
        (
            {"VLLM_URL": "localhost:8000"},
            "upstreams.0.url: 'localhost:8000' is no http:// or https:// address",
        ),
        ({"VLLM_URL": "http://"}, "upstreams.0.url: 'http://' is no http:// or https:// address"),
    ],
)
def test_a_bad_value_is_named(environ: dict[str, str], text: str):
    assert complaint({}, ENVIRON | environ).startswith(text)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none(port: int):
    assert complaint({"port": port}, ENVIRON).startswith("server.port: ")


def test_no_engine_at_all():
    text = "no upstream: set VLLM_URL=http://host:8000, or --upstream, or name one in a file"
    assert complaint({}, {}) == text


@pytest.mark.parametrize(
    ("given_", "url"),
    [
        ('"http://h:1"', "http://h:1"),
        ('"http://h:1/"', "http://h:1"),
        ('"https://h/v3/"', "https://h/v3"),
        ('["http://h:1"]', "http://h:1"),
    ],
)
def test_an_engines_address(written, given_: str, url: str):
    file = written(f'[[upstreams]]\nname = "a"\nurl = {given_}\n')
    assert load_settings({}, {}, file).upstreams[0].url == url


def test_a_file_may_say_numbers_and_lists_where_the_environment_says_texts(written):
    text = '[server]\nbody_limit = 1024\norigins = ["http://a"]\nkeep_alive = -1\nretries = 1\n'
    found = load_settings({}, {}, written(UPSTREAM + text)).server
    assert (found.body_limit, found.origins) == (1024, ("http://a",))
    assert (found.keep_alive, found.retries) == (math.inf, 1)


# --- the file -------------------------------------------------------------------------------

EXAMPLE = """
[[upstreams]]
name = "llm"
kind = "vllm"
url = "http://127.0.0.1:8000"
api_key_env = "VLLM_API_KEY"
timeouts = { connect = 3, first_byte = 600, idle = 60 }

[[upstreams]]
name = "other"
kind = "openai"
url = "http://127.0.0.1:11435/v3"

[models."llama3.2"]
upstream = "llm"
served_name = "meta-llama/Llama-3.2-3B-Instruct"
capabilities = ["completion", "tools", "thinking"]
context_length = 8192
aliases = ["llama2:7b"]
[models."llama3.2".options]
temperature = 0.7

[server]
body_limit = "64MiB"
max_queue = 512
"""


def test_the_documented_example(written):
    settings = load_settings({}, {"VLLM_API_KEY": "secret"}, written(EXAMPLE))
    llm, other = settings.upstreams
    assert (llm.api_key, llm.timeouts) == ("secret", Timeouts(connect=3, first_byte=600, idle=60))
    assert (other.kind, other.url, other.api_key) == ("openai", "http://127.0.0.1:11435/v3", "")
    entry = settings.models["llama3.2"]
    assert entry == ModelSettings(
        upstream="llm",
        served_name="meta-llama/Llama-3.2-3B-Instruct",
        capabilities=("completion", "tools", "thinking"),
        context_length=8192,
        aliases=("llama2:7b",),
        options={"temperature": 0.7},
    )
    assert settings.server.body_limit == 64 * 2**20


@pytest.mark.parametrize(
    ("text", "complaint_"),
    [
        ('[auth]\nkeys_file = "keys.toml"\n', "auth: this version does not support API keys"),
        (
            '[models."a"]\nfallback = "other/a"\n',
            "models.a.fallback: there is no upstream 'other'",
        ),
        (
            '[models."a"]\nfallback = "phase1"\n',
            "models.a.fallback: 'phase1' is not of the form UPSTREAM/NAME",
        ),
        (
            '[models."a"]\nfallback = "llm/a"\n',
            "models.a.fallback: llm is the upstream that it is to stand in for",
        ),
        ('[routing]\nvison = "a"\n', "unknown key routing.vison; did you mean vision?"),
        (
            '[models."a".fim]\nprefix = "<p>"\n',
            "models.a.fim.suffix: Field required",
        ),
        ("[server]\nmax_queu = 5\n", "unknown key server.max_queu; did you mean max_queue?"),
        ("[serve]\nport = 5\n", "unknown key serve; did you mean server?"),
        ('[models."a"]\nserved = "b"\n', "unknown key models.a.served; did you mean served_name?"),
        ("[server]\nzzzzzz = 5\n", "unknown key server.zzzzzz"),
        ('[models."a"]\ncapabilities = ["fly"]\n', "models.a.capabilities.0: Input should be"),
        ('[models."a"]\nupstream = "x"\n', "models.a.upstream: there is no upstream 'x'"),
        ("server = 5\n", "server: "),
        ("models = []\n", "models: "),
    ],
)
def test_what_a_file_may_not_say(written, text: str, complaint_: str):
    # Bare keys stand before the first table.
    document = text + UPSTREAM if not text.startswith("[") else UPSTREAM + text
    file = written(document)
    assert complaint({}, {}, file).removeprefix(f"{file}: ").startswith(complaint_)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("timeout = 3", "unknown key upstreams.0.timeout; did you mean timeouts?"),
        (
            "timeouts = { conect = 3 }",
            "unknown key upstreams.0.timeouts.conect; did you mean connect?",
        ),
        ('kind = "olama"', "upstreams.0.kind: Input should be 'vllm', 'openai' or 'ollama'"),
        (
            'url = ["http://a", "http://b"]',
            "upstreams.0.url: replicas (several urls) are not supported",
        ),
        ('url = "ftp://a"', "upstreams.0.url: 'ftp://a' is no http:// or https:// address"),
        ('api_key = "sesame"', "upstreams.a: keys stand in the environment: api_key_env"),
        ('api_key_env = "UNSET"', "upstreams.a: UNSET is not set"),
    ],
)
def test_what_an_engines_table_may_not_say(written, more: str, text: str):
    url = "" if more.startswith("url") else f'url = "{URL}"\n'
    file = written(f'[[upstreams]]\nname = "a"\n{url}{more}\n')
    told = complaint({}, {}, file)
    assert told.removeprefix(f"{file}: ").startswith(text)
    assert "sesame" not in told


TWO = UPSTREAM + UPSTREAM.replace('"llm"', '"phase1"\nkind = "ollama"')


def test_a_fallback_may_have_slashes_in_its_name(written):
    entry = '[models."m"]\nupstream = "llm"\nfallback = "phase1/library/m:1b"\n'
    settings = load_settings({}, {}, written(TWO + entry))
    assert split_fallback(settings.models["m"].fallback) == ("phase1", "library/m:1b")


@pytest.mark.parametrize(
    ("text", "routes"),
    [
        (UPSTREAM, False),
        (UPSTREAM.replace('"llm"', '"llm"\nkind = "ollama"'), True),
        (TWO, True),
        (UPSTREAM + '[models."m"]\nvision = "x"\n', True),
        (UPSTREAM + '[routing]\nembedding = "x"\n', True),
    ],
)
def test_whether_there_is_more_than_one_way(written, text: str, routes: bool):
    assert load_settings({}, {}, written(text)).routes is routes


def test_two_engines_of_one_name(written):
    file = written(UPSTREAM * 2)
    assert complaint({}, {}, file) == f"{file}: two upstreams are called llm"


def test_a_model_says_which_of_several_engines(written):
    file = written(UPSTREAM + UPSTREAM.replace('"llm"', '"b"') + '[models."m"]\n')
    assert complaint({}, {}, file) == f"{file}: models.m.upstream: say which of llm, b"


def test_a_file_that_is_none(tmp_path: Path):
    missing = tmp_path / "none.toml"
    assert complaint({}, {}, str(missing)) == f"{missing}: No such file or directory"
    assert complaint({}, {}, str(tmp_path)) == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize("text", [b"[server\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml(tmp_path: Path, text: bytes):
    file = tmp_path / "bad.toml"
    file.write_bytes(text)
    assert complaint({}, {}, str(file)).startswith(f"{file}: ")


# --- keys -----------------------------------------------------------------------------------


def test_the_key_of_the_one_engine_comes_from_the_environment():
    [upstream] = load_settings({}, ENVIRON | {"VLLM_API_KEY": "secret"}).upstreams
    assert upstream.api_key == "secret"
    assert load_settings({}, ENVIRON).upstreams[0].api_key == ""


def test_a_key_is_never_printed():
    settings = load_settings({}, ENVIRON | {"VLLM_API_KEY": "sesame"})
    assert "sesame" not in repr(settings)
    assert "sesame" not in settings.model_dump_json()


# --- the tables themselves ------------------------------------------------------------------


@pytest.mark.parametrize("section", [Timeouts, UpstreamSettings, ModelSettings, ServerSettings])
def test_every_field_is_described(section: type[BaseModel]):
    assert all(field.description for field in section.model_fields.values())


def test_no_two_fields_share_a_variable_but_host_and_port():
    found = [*variables(ServerSettings).values(), *variables(Timeouts).values()]
    assert sorted(found) == sorted([*set(found), "OLLAMA_HOST"])
    assert all(name.startswith(("OLLAMA_", "ADAPTER_", "HF_")) for name in found)

    assert Settings().upstreams == ()


def test_an_environment_variable_names_the_engine_of_a_file_without_one(written):
    file = written('[models."m".options]\ntemperature = 1\n')
    settings = load_settings({}, {"VLLM_URL": "http://box:8000"}, file)
    assert [upstream.url for upstream in settings.upstreams] == ["http://box:8000"]


@pytest.mark.parametrize(
    "url",
    [
        *("foo", "127.0.0.1:8000", "ftp://box", "http://", "http://box:abc", "http://box:0"),
        *("http://[::1", "http://box name:8000", "http://box\n", "http://box:70000"),
    ],
)
def test_an_address_that_is_none(url: str):
    assert "is no http:// or https:// address" in complaint({"upstream": url}, {})


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/me"}, "/home/me/.cache/huggingface/hub"),
        ({"HOME": "/home/me", "HF_HOME": "/hf"}, "/hf/hub"),
        ({"HOME": "/home/me", "HF_HOME": "/hf", "HF_HUB_CACHE": "/cache"}, "/cache"),
        ({}, ""),
    ],
)
def test_where_the_hub_keeps_its_downloads(environ: dict[str, str], folder: str):
    settings = load_settings(environ={"VLLM_URL": "http://127.0.0.1:8000"} | environ)
    assert settings.server.hub_cache == folder


@pytest.mark.parametrize("name", ["", "a b", "a\\r\\nX-Evil: 1", "ü", "a/b"])
def test_a_name_of_an_upstream_can_stand_in_a_header(written, name: str):
    text = f'[[upstreams]]\nname = "{name}"\nurl = "{URL}"\n'
    with pytest.raises(ConfigError, match="is no name"):
        load_settings({}, {}, written(text))
