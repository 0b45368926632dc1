"""What is measured: a table of servers, how each is started, and why it is skipped if it can't be.

Peers stand in environments of their own, made by hand under the folder given with `--peers`:

    python3 -m venv PEERS/ollama-openai-proxy
    PEERS/ollama-openai-proxy/bin/pip install ollama-openai-proxy==0.7.0
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 64m; client_body_buffer_size 4m;
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is to run: a folder of its own, its port, the mock engine's port, the folder
    of the peers' environments."""

    folder: Path
    port: int
    engine: int
    peers: Path

    @property
    def engine_url(self) -> str:
        return f"http://127.0.0.1:{self.engine}"


class Missing(Exception):
    """The target can't be measured on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """`command` makes what it needs in the place and raises Missing; `told` gives its version."""

    name: str
    about: str
    dialect: str
    command: Callable[[Place], Sequence[str]]
    told: Callable[[], str]


def _adapter(place: Place) -> Sequence[str]:
    served = ["serve", "--port", str(place.port), "--upstream", place.engine_url]
    return [sys.executable, "-m", "adapter", *served]


def _adapter_version() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "orjson"))


def _passthrough(place: Place) -> Sequence[str]:
    where = ["--port", str(place.port), "--upstream", place.engine_url]
    return [sys.executable, "-m", "tests.load.passthrough", *where]


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


_PROXY, _PROXY_VERSION = "ollama-openai-proxy", "0.7.0"


def _ollama_openai_proxy(place: Place) -> Sequence[str]:
    """Its wheel installs at top level what its own imports look for in a package `src`."""
    home = place.peers / _PROXY
    pattern = f"lib/python3*/site-packages/ollama_openai_proxy-{_PROXY_VERSION}.dist-info"
    found = next(iter(home.glob(pattern)), None)
    if found is None:
        raise Missing(f"{_PROXY} {_PROXY_VERSION} is not installed in {home}")
    (place.folder / "src").symlink_to(found.parent.resolve())
    settings = [
        f"OPENAI_API_BASE_URL={place.engine_url}/v1",
        "OPENAI_API_KEY=none",
        "LOG_LEVEL=ERROR",
        f"PYTHONPATH={place.folder}",
    ]
    python = str((home / "bin" / "python").absolute())
    serve = ["-m", "uvicorn", "src.main:app", "--host", "127.0.0.1", "--log-level", "error"]
    quiet = ["--no-access-log", "--port", str(place.port)]
    return ["env", "-C", str(place.folder), *settings, python, *serve, *quiet]


DIRECT = "direct"
"""The mock engine asked without anything between: what times are compared with."""
ADAPTER, BASELINE, FLOOR = "adapter", "passthrough", "nginx"
TARGETS = (
    Target(ADAPTER, "/api/chat, everything on", "ollama", _adapter, _adapter_version),
    Target("adapter /v1", "/v1/chat/completions", "openai", _adapter, _adapter_version),
    Target(BASELINE, "the same stack, bytes only", "openai", _passthrough, _adapter_version),
    Target(FLOOR, "1 worker, bytes only", "openai", _nginx, _nginx_version),
    Target(_PROXY, "Ollama to OpenAI", "generate", _ollama_openai_proxy, lambda: _PROXY_VERSION),
)
BY_NAME = {target.name: target for target in TARGETS}
