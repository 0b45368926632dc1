"""The command `ollama-vllm`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from adapter import OLLAMA_VERSION, __version__
from adapter.bench import command as bench
from adapter.catalog.catalog import Catalog, build
from adapter.catalog.discovery import Discovery
from adapter.conformance import command as conformance
from adapter.errors import EX_CONFIG, ConfigError, UpstreamAway, UpstreamError
from adapter.observe import logs
from adapter.server import run, workers
from adapter.settings import Settings, environment, load_settings
from adapter.translate.models import DISPLAY_ORDER
from adapter.upstream import running
from adapter.upstream.ollama import client_for


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code. What a retry can't mend is 78."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    try:
        return int(options.run(options, given))
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return EX_CONFIG
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ollama-vllm", description="Speaks Ollama's API and drives vLLM."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="answer Ollama clients")
    serve.add_argument("--host", help="address to listen on (OLLAMA_HOST, 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (OLLAMA_HOST, 11434)")
    serve.add_argument("--workers", type=int, help="processes that share the port (1)")
    _add_sources(serve)
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check-config", help="read a configuration file and judge it")
    check.add_argument("file")
    check.set_defaults(run=_check_config)

    models = commands.add_parser("models", help="ask the engines what they serve")
    _add_sources(models)
    models.set_defaults(run=_models)

    conform = commands.add_parser("conform", help="tell how far a server is an Ollama")
    conformance.add_arguments(conform)
    conform.set_defaults(run=conformance.run_command)

    measure = commands.add_parser("bench", help="tell how fast a server is")
    bench.add_arguments(measure)
    measure.set_defaults(run=bench.run_command)

    back = commands.add_parser("rollback", help="have another upstream answer, as before vLLM")
    back.add_argument("--to", metavar="UPSTREAM", default="", help="which (that of the fallbacks)")
    back.set_defaults(run=_rollback)

    on = commands.add_parser("resume", help="end a rollback")
    on.set_defaults(run=_resume)

    version = commands.add_parser("version", help="print the versions")
    version.set_defaults(run=_version)
    return parser


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--upstream", metavar="URL", help="the engine (VLLM_URL)")
    parser.add_argument("--config", metavar="FILE", help="configuration (ADAPTER_CONFIG)")


def _settings(options: argparse.Namespace) -> Settings:
    names = ("host", "port", "workers", "upstream")
    flags = {name: getattr(options, name, None) for name in names}
    return load_settings(flags, file=options.config)


def _serve(options: argparse.Namespace, given: list[str]) -> int:
    settings = _settings(options)
    server = settings.server
    environ = environment()
    is_worker = workers.WORKER_MARK in environ
    if server.workers > 1 and not is_worker:
        logs.configure()
        workers.require_free(server.host, server.port)
        return workers.supervise(given, server.workers, environ, server.grace)
    run.run(settings, reuse_port=is_worker)
    return 0


def _check_config(options: argparse.Namespace, given: list[str]) -> int:
    settings = load_settings(file=options.file)
    build(settings, {}, since="")
    upstreams = _counted(len(settings.upstreams), "upstream")
    print(f"{options.file}: ok, {upstreams}, {_counted(len(settings.models), 'model')}")
    return 0


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _models(options: argparse.Namespace, given: list[str]) -> int:
    catalog, faults = asyncio.run(_ask_engines(_settings(options)))
    for entry in catalog.entries:
        listing = entry.listing
        words = ",".join(word for word in DISPLAY_ORDER if word in listing.capabilities)
        window = listing.context_length or "?"
        print(f"{listing.name}\t{entry.upstream}\t{listing.served_name}\t{words}\t{window}")
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


async def _ask_engines(settings: Settings) -> tuple[Catalog, list[str]]:
    discovery = Discovery(settings, lambda: 0)
    faults = []
    for upstream in settings.upstreams:
        client = client_for(upstream)
        try:
            served = await client.models()
        except UpstreamError as error:
            faults.append(error.message)
        else:
            await discovery.take(upstream.name, served)
        finally:
            client.close()
    return discovery.catalog, faults


def _rollback(options: argparse.Namespace, given: list[str]) -> int:
    body = {"to": options.to} if options.to else {}
    told = _ask_running("/adapter/rollback", body)
    if told is None:
        return 1
    for model, upstream in sorted(told["models"].items()):
        print(f"{model}\t{upstream}")
    print(f"rolled back to {told['rolled_back_to']}; `ollama-vllm resume` ends it")
    return 0


def _resume(options: argparse.Namespace, given: list[str]) -> int:
    told = _ask_running("/adapter/resume", {})
    if told is None:
        return 1
    print("resumed" if told["resumed"] else "nothing was rolled back")
    return 0


def _ask_running(path: str, body: dict[str, str]) -> dict[str, Any] | None:
    """What the adapter at OLLAMA_HOST answers; None if it can't be asked, which is told."""
    url = running.address(environment().get("OLLAMA_HOST", "").strip())
    try:
        return asyncio.run(running.ask(url, path, body))
    except UpstreamAway:
        print(f"error: no adapter answers at {url}: OLLAMA_HOST says where", file=sys.stderr)
    except UpstreamError as error:
        print(f"error: {url}: {error.message}", file=sys.stderr)
    return None


def _version(options: argparse.Namespace, given: list[str]) -> int:
    print(f"ollama-vllm {__version__} (API of Ollama {OLLAMA_VERSION})")
    return 0
