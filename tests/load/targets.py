"""What is measured: a table of servers, how each is started, and why one can't be."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version

from tests.load import rivals
from tests.load.target import Command, Missing, Place, Target

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 64m; client_body_buffer_size 16m;
  upstream engine {{ server 127.0.0.1:{engine}; keepalive 8192; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 300s;
    }}
  }}
}}
"""


def _serve(place: Place, *more: str) -> Sequence[str]:
    return [sys.executable, "-m", "adapter", "serve", "--port", str(place.port), *more]


def _adapter(place: Place) -> Sequence[str]:
    return _serve(place, "--upstream", place.engine_url)


def _two_workers(place: Place) -> Sequence[str]:
    return _serve(place, "--upstream", place.engine_url, "--workers", "2")


def _many_engines(place: Place) -> Sequence[str]:
    rows = (
        f'[[upstreams]]\nname = "e{at}"\nurl = "http://127.0.0.1:{port}"\n'
        for at, port in enumerate(place.engines)
    )
    config = place.folder / "adapter.toml"
    config.write_text("\n".join(rows))
    return _serve(place, "--config", str(config))


def adapter_version() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "orjson"))


def _passthrough(place: Place) -> Sequence[str]:
    return _in_tree(place, "passthrough")


def _bare(place: Place) -> Sequence[str]:
    return _in_tree(place, "bare")


def _in_tree(place: Place, module: str) -> Sequence[str]:
    where = ["--port", str(place.port), "--upstream", place.engine_url]
    return [sys.executable, "-m", f"tests.load.{module}", *where]


def _nginx(place: Place) -> Sequence[str]:
    config = place.folder / "nginx.conf"
    filled = {"folder": place.folder, "port": place.port, "engine": place.engine}
    config.write_text(NGINX.format(**filled))
    return [_nginx_binary(), "-p", str(place.folder), "-c", str(config)]


def _nginx_binary() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        raise Missing("nginx is not installed")
    return found


def _nginx_version() -> str:
    asked = subprocess.run([_nginx_binary(), "-v"], capture_output=True, text=True, check=True)
    found = re.search(r"nginx/\S+", asked.stderr)
    return found[0] if found else asked.stderr.strip()


DIRECT = "direct"
"""The mock engine asked without anything between: what times are compared with."""
ADAPTER, ADAPTER_V1, BASELINE, FLOOR = "adapter", "adapter /v1", "passthrough", "nginx"
MANY_MODELS, MANY_ENGINES, TWO_WORKERS = "1000 models", "8 upstreams", "2 workers"
BARE, BARE_BYTES = "bare", "bare, bytes only"
OURS = {ADAPTER, ADAPTER_V1, MANY_MODELS, MANY_ENGINES, TWO_WORKERS, BARE, BARE_BYTES}
"""All that is the adapter, whatever its settings: an answer of these that fails fails the run."""


def _variant(name: str, about: str, command: Command, **more: int) -> Target:
    return Target(name, about, "ollama", command, adapter_version, variant=True, **more)


TARGETS = (
    Target(ADAPTER, "/api/chat, everything on", "ollama", _adapter, adapter_version),
    Target(ADAPTER_V1, "/v1/chat/completions", "openai", _adapter, adapter_version),
    Target(BASELINE, "the same stack, bytes only", "openai", _passthrough, adapter_version),
    Target(FLOOR, "1 worker, bytes only", "openai", _nginx, _nginx_version),
    *rivals.TARGETS,
    _variant(MANY_MODELS, "the adapter before an engine of 1000 models", _adapter, models=1000),
    _variant(MANY_ENGINES, "the adapter before 8 engines", _many_engines, engines=8),
    _variant(TWO_WORKERS, "the adapter with --workers 2", _two_workers, workers=2),
    _variant(BARE, "its data plane alone, translation included", _bare),
    Target(
        BARE_BYTES,
        "its data plane alone, bytes passed on",
        "openai",
        _bare,
        adapter_version,
        variant=True,
    ),
)
BY_NAME = {target.name: target for target in TARGETS}


def takes_part(name: str, only: Sequence[str]) -> bool:
    """Whether a target is measured in a phase that is for these; for none: for all but variants."""
    return name in only if only else not BY_NAME[name].variant
