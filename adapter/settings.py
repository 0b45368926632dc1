"""All settings: flag beats environment beats file beats default. The only reader of os.environ.

`docs/reference/settings.md` is printed from the fields below.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from adapter.duration import keep_alive_seconds
from adapter.errors import ConfigError

Capability = Literal["completion", "tools", "thinking", "vision", "embedding", "insert"]

DEFAULT_PORT = 11434
_UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE = re.compile(r"(\d+)\s*([KMG]i?B)?")

# Keys of the configuration that are agreed on, but that this version can't act on.
_NOT_YET = {
    "auth": "API keys",
}


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is no size such as 64MiB")
    return int(match[1]) * _UNITS[match[2] or ""]


def _seconds(value: Any) -> Any:
    number = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value)
    return keep_alive_seconds(float(value) if number else value)


def _origins(value: Any) -> Any:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    for entry in value if isinstance(value, list) else ():
        if not isinstance(entry, str) or entry.count("*") > 1 or not re.search(r"\*|://", entry):
            raise ValueError(f"{entry!r} is no origin such as https://example.com or app://*")
    return value


def _plain_name(value: Any) -> Any:
    """It stands in headers, and before the slash of a fallback."""
    if isinstance(value, str) and not re.fullmatch(r"[!-.0-~]+", value):
        raise ValueError(f"{value!r} is no name: letters, digits and signs of ASCII, but no slash")
    return value


def _one_url(value: Any) -> Any:
    if isinstance(value, list):
        if len(value) != 1:
            raise ValueError(
                "replicas (several urls) are not supported by this version; "
                "name the load balancer before them"
            )
        value = value[0]
    if not isinstance(value, str) or not _is_address(value):
        raise ValueError(f"{value!r} is no http:// or https:// address")
    return value.rstrip("/")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is none, half an IPv6 address
        return False
    named = parts.scheme in ("http", "https") and bool(parts.hostname)
    return named and port != 0 and url.isprintable() and " " not in url


def _setting(default: Any, description: str, env: str = "", flag: str = "") -> Any:
    return Field(default, description=description, json_schema_extra={"env": env, "flag": flag})


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Timeouts(_Section):
    connect: float = _setting(3.0, "seconds to reach the engine", "ADAPTER_CONNECT_TIMEOUT")
    first_byte: float = _setting(
        600.0,
        "seconds until the first event, queue and prompt included",
        "ADAPTER_FIRST_BYTE_TIMEOUT",
    )
    idle: float = _setting(
        60.0, "seconds between two events; comments do not count", "ADAPTER_IDLE_TIMEOUT"
    )


class UpstreamSettings(_Section):
    """An engine. `url` may end in the API's version, such as /v1 or /v3; not that of an Ollama."""

    name: Annotated[str, BeforeValidator(_plain_name)] = Field(
        description="what the other tables, headers and metrics call it"
    )
    kind: Literal["vllm", "openai", "ollama"] = Field(
        "vllm",
        description="vllm, openai for another server of OpenAI's API, or ollama for a real Ollama, "
        "to which requests are passed as they are",
    )
    url: Annotated[str, BeforeValidator(_one_url)] = Field(description="its address")
    api_key_env: str = Field("", description="the environment variable that holds its API key")
    api_key: str = Field(
        "", exclude=True, repr=False, description="not in the file: see api_key_env"
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="see below")


class FimSettings(_Section):
    """How `suffix` is asked of a code model: the marks that it was trained with."""

    prefix: str = Field(description="stands before the text before the gap")
    suffix: str = Field(description="stands before the text after the gap")
    middle: str = Field(description="stands at the end; the model goes on with the gap's text")


class ModelSettings(_Section):
    """A model's entry; what it leaves out is discovered."""

    upstream: str = Field("", description="which engine serves it; the only one, if there is one")
    served_name: str = Field("", description="the engine's name for it; default: the model's name")
    capabilities: tuple[Capability, ...] = Field((), description="what it can do")
    context_length: int | None = Field(None, gt=0, description="tokens; default: the engine's")
    aliases: tuple[str, ...] = Field((), description="further names")
    options: Mapping[str, Any] = Field(
        default_factory=dict, description="defaults, as a Modelfile's PARAMETER lines"
    )
    fim: FimSettings | None = Field(None, description="how `suffix` is asked; see below")
    vision: str = Field(
        "", description="the model that gets requests with images if this one can't see"
    )
    embedding: str = Field(
        "", description="the model that gets requests for vectors if this one makes none"
    )
    fallback: str = Field(
        "", description="`UPSTREAM/NAME`: what answers in its place while its engine is down"
    )


class RoutingSettings(_Section):
    """By need, for models whose entry (or that have none) does not say."""

    vision: str = Field("", description="as in a model's entry, for all that can't see")
    embedding: str = Field("", description="as in a model's entry, for all that make no vectors")


class ServerSettings(_Section):
    host: str = _setting("127.0.0.1", "address to listen on", "OLLAMA_HOST", "--host")
    port: int = Field(
        DEFAULT_PORT,
        ge=0,
        le=65535,
        description="port to listen on; 0: the system chooses one",
        json_schema_extra={"env": "OLLAMA_HOST", "flag": "--port"},
    )
    workers: int = Field(
        1,
        ge=1,
        description="processes that share the port; each remembers its own keep_alives",
        json_schema_extra={"env": "ADAPTER_WORKERS", "flag": "--workers"},
    )
    body_limit: Annotated[int, BeforeValidator(_bytes)] = _setting(
        64 * 2**20, "largest request body, such as 64MiB", "ADAPTER_BODY_LIMIT"
    )
    max_queue: int = Field(
        512,
        ge=1,
        description="requests that may wait for their first token, or an embedding's for its "
        "answer; more get 503. Of each worker",
        json_schema_extra={"env": "OLLAMA_MAX_QUEUE"},
    )
    keep_alive: Annotated[float, BeforeValidator(_seconds)] = _setting(
        float("inf"),
        "how long /api/ps lists a model after its last use, as 5m or seconds; "
        "below 0: for ever. The engine itself keeps its model",
        "OLLAMA_KEEP_ALIVE",
    )
    context_length: int | None = Field(
        None,
        gt=0,
        description="context length of a model whose engine tells none, and a bound for the "
        "others; 0: not set",
        json_schema_extra={"env": "OLLAMA_CONTEXT_LENGTH"},
    )
    origins: Annotated[tuple[str, ...], BeforeValidator(_origins)] = _setting(
        (),
        "web origins that may ask, besides this machine's own, separated by commas; "
        "one * for anything in each, * alone for all",
        "OLLAMA_ORIGINS",
    )
    sampling_defaults: Literal["model", "ollama"] = _setting(
        "model",
        "whose defaults rule when neither client nor entry sets an option: "
        "the model's generation_config, or Ollama's (temperature 0.8, top_k 40, top_p 0.9)",
        "ADAPTER_SAMPLING_DEFAULTS",
    )
    retries: int = Field(
        2,
        ge=0,
        description="further tries when the engine refuses or drops a connection "
        "before its first byte",
        json_schema_extra={"env": "ADAPTER_RETRIES"},
    )
    grace: float = Field(
        3.0,
        ge=0,
        allow_inf_nan=False,
        description="seconds that answers in flight may go on when the adapter is told to stop; "
        "then they are told why they end",
        json_schema_extra={"env": "ADAPTER_GRACE"},
    )
    state_dir: str = _setting(
        "",
        "where aliases and adapters live; made when the first is created; default: "
        "`$XDG_STATE_HOME/ollama-vllm`, else `~/.local/state/ollama-vllm`",
        "ADAPTER_STATE_DIR",
    )
    hub_cache: str = _setting(
        "",
        "Hugging Face's cache, read for what is known of a model that an engine on this machine "
        "took from the hub; default: `$HF_HOME/hub`, else `~/.cache/huggingface/hub`",
        "HF_HUB_CACHE",
    )


class Settings(_Section):
    upstreams: tuple[UpstreamSettings, ...] = ()
    models: Mapping[str, ModelSettings] = Field(default_factory=dict)
    routing: RoutingSettings = Field(default_factory=RoutingSettings)
    server: ServerSettings = Field(default_factory=ServerSettings)

    @property
    def routes(self) -> bool:
        """Whether a request may go elsewhere than its model's name alone says."""
        entries = self.models.values()
        return (
            any(upstream.kind == "ollama" for upstream in self.upstreams)
            or any(entry.fallback or entry.vision or entry.embedding for entry in entries)
            or bool(self.routing.vision or self.routing.embedding)
            or len(self.upstreams) > 1  # to one of which everything may be rolled back
        )


def environment() -> dict[str, str]:
    """The environment of this process."""
    return dict(os.environ)  # noqa: TID251  # the one place that reads it


def load_settings(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: str | None = None,
) -> Settings:
    """The settings in force. `flags`: server fields and `upstream` (a URL), None = not given.

    Raises:
        ConfigError: one line that names the culprit.
    """
    environ = environment() if environ is None else environ
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    path = file or environ.get("ADAPTER_CONFIG")
    document = _read_file(Path(path)) if path else {}
    server = document.get("server", {})
    if isinstance(server, dict):
        document["server"] = server | _from_environment(environ)
    url = given.pop("upstream", None)
    if not document.get("upstreams"):
        url = url or _unquoted(environ.get("VLLM_URL", ""))
    if url:
        document["upstreams"] = [
            {"name": "vllm", "url": url, "timeouts": _timeouts_from(environ)}
            | ({"api_key_env": "VLLM_API_KEY"} if environ.get("VLLM_API_KEY") else {})
        ]
    if isinstance(document.get("server"), dict):
        document["server"].update(given)
    try:
        return _checked(_validated(document), environ)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}" if path else str(error)) from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, variable in variables(ServerSettings).items():
        value = _unquoted(environ.get(variable, ""))
        unset = variable == "OLLAMA_HOST" or (variable == "OLLAMA_CONTEXT_LENGTH" and value == "0")
        if value and not unset:
            found[key] = value
    if host := _unquoted(environ.get("OLLAMA_HOST", "")):
        found["host"], found["port"] = split_host(host)
    return found


def _timeouts_from(environ: Mapping[str, str]) -> dict[str, str]:
    names = variables(Timeouts).items()
    return {key: environ[variable] for key, variable in names if environ.get(variable)}


def variables(section: type[BaseModel]) -> dict[str, str]:
    """Field → environment variable, of the fields that have one."""
    return {
        key: str(extra["env"])
        for key, field in section.model_fields.items()
        if isinstance(extra := field.json_schema_extra, dict) and extra.get("env")
    }


def _unquoted(value: str) -> str:
    return value.strip().strip("\"'").strip()


def split_host(text: str) -> tuple[str, int]:
    """Host and port of OLLAMA_HOST: `[scheme://]host[:port][/path]`; a bad port is the default's.

    Source: `envconfig/config.go:Host`.
    """
    scheme, _, rest = text.rpartition("://")
    rest = rest.split("/", 1)[0]
    default = {"http": 80, "https": 443}.get(scheme, DEFAULT_PORT)
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([^:]*))?", rest)
    if match is None:  # a bare IPv6 address
        return rest, default
    host, port = match[1].strip("[]"), match[2]
    number = int(port) if port and port.isdecimal() else -1
    if port is None:
        number = default
    return host or "127.0.0.1", number if 0 <= number <= 65535 else DEFAULT_PORT


def _validated(document: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{where}: {first['msg'].removeprefix('Value error, ')}"
    key = str(first["loc"][-1])
    if key in _NOT_YET:
        return f"{where}: this version does not support {_NOT_YET[key]}"
    near = difflib.get_close_matches(key, _keys_beside(first["loc"]), n=1, cutoff=0.5)
    return f"unknown key {where}" + (f"; did you mean {near[0]}?" if near else "")


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that exist where the unknown one stands."""
    section: type[BaseModel] = Settings
    inside: dict[str, type[BaseModel]] = {
        "upstreams": UpstreamSettings,
        "models": ModelSettings,
        "routing": RoutingSettings,
        "server": ServerSettings,
        "timeouts": Timeouts,
        "fim": FimSettings,
    }
    for part in loc[:-1]:
        section = inside.get(str(part), section)
    return [name for name in section.model_fields if name != "api_key"]


def _checked(settings: Settings, environ: Mapping[str, str]) -> Settings:
    names = [upstream.name for upstream in settings.upstreams]
    if not names:
        raise ConfigError(
            "no upstream: set VLLM_URL=http://host:8000, or --upstream, or name one in a file"
        )
    for name in {name for name in names if names.count(name) > 1}:
        raise ConfigError(f"two upstreams are called {name}")
    for model, entry in settings.models.items():
        if entry.upstream and entry.upstream not in names:
            raise ConfigError(f"models.{model}.upstream: there is no upstream {entry.upstream!r}")
        if not entry.upstream and len(names) > 1:
            raise ConfigError(f"models.{model}.upstream: say which of {', '.join(names)}")
        _check_fallback(model, entry, names)
    keyed = tuple(_with_key(upstream, environ) for upstream in settings.upstreams)
    folders = {
        "state_dir": _state_dir(settings.server.state_dir, environ),
        "hub_cache": settings.server.hub_cache or _hub_cache(environ),
    }
    server = settings.server.model_copy(update=folders)
    return settings.model_copy(update={"upstreams": keyed, "server": server})


def split_fallback(text: str) -> tuple[str, str]:
    """Upstream and its name for the model; names may hold slashes, upstreams none."""
    upstream, _, name = text.partition("/")
    return upstream, name


def _check_fallback(model: str, entry: ModelSettings, names: list[str]) -> None:
    if not entry.fallback:
        return
    upstream, name = split_fallback(entry.fallback)
    where = f"models.{model}.fallback"
    if not name:
        raise ConfigError(f"{where}: {entry.fallback!r} is not of the form UPSTREAM/NAME")
    if upstream not in names:
        raise ConfigError(f"{where}: there is no upstream {upstream!r}")
    if upstream == (entry.upstream or names[0]):
        raise ConfigError(f"{where}: {upstream} is the upstream that it is to stand in for")


def _hub_cache(environ: Mapping[str, str]) -> str:
    """Where `huggingface_hub` keeps its downloads, as far as the environment tells."""
    if given := environ.get("HF_HOME", ""):
        return f"{given}/hub"
    home = environ.get("HOME", "")
    return f"{home}/.cache/huggingface/hub" if home else ""


def _state_dir(given: str, environ: Mapping[str, str]) -> str:
    """The folder, or "" where neither settings nor a home say which."""
    home, state_home = environ.get("HOME", ""), environ.get("XDG_STATE_HOME", "")
    if given:
        return home + given[1:] if home and given.startswith("~/") else given
    if not Path(state_home).is_absolute():  # as the XDG specification says, "" included
        state_home = f"{home}/.local/state" if home else ""
    return f"{state_home}/ollama-vllm" if state_home else ""


def _with_key(upstream: UpstreamSettings, environ: Mapping[str, str]) -> UpstreamSettings:
    if upstream.api_key:
        raise ConfigError(f"upstreams.{upstream.name}: keys stand in the environment: api_key_env")
    if not upstream.api_key_env:
        return upstream
    key = _unquoted(environ.get(upstream.api_key_env, ""))
    if not key:
        raise ConfigError(f"upstreams.{upstream.name}: {upstream.api_key_env} is not set")
    if not key.isprintable():
        raise ConfigError(f"upstreams.{upstream.name}: {upstream.api_key_env} holds no API key")
    return upstream.model_copy(update={"api_key": key})
