"""`make serve`, in a straight line: check, install, fetch, start, watch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from launcher import checks, documents, engines, hardware, plan, ports, serving, weights
from launcher.errors import CannotRun
from launcher.fetch import Fetch
from launcher.hardware import Machine
from launcher.install import Installer, alone_in
from launcher.processes import Processes, environment
from launcher.progress import Progress
from launcher.settings import Settings


def up(
    settings: Settings, environ: Mapping[str, str], processes: Processes, progress: Progress
) -> int:
    with alone_in(settings.root):
        return _up(settings, environ, processes, progress)


def _up(
    settings: Settings, environ: Mapping[str, str], processes: Processes, progress: Progress
) -> int:
    env = environment(environ, settings.own_folder)
    ports.require_free(settings.address)
    found_documents = look_into(settings)
    installer = Installer(settings.root, settings.own_folder, processes, env)
    server = serving.Serving(settings, env, processes, progress, found_documents)
    if settings.vllm_url:
        ours(settings, installer, progress)
        return server.adapter_only()

    machine = hardware.read()
    found = engines.on_path(environ.get("PATH"), installer.engine_venv)
    choice = weights.choose(settings)
    foresee(settings, installer, machine, choice, found)
    ours(settings, installer, progress)
    engine = found or own_engine(installer, progress)
    env = environment(environ, settings.own_folder, PATH=search_path(engine, environ))
    fetch = Fetch(settings, env, processes, progress, engine.python)
    model = fetch.demo() if choice.source == "demo" else fetch.real(choice)
    if settings.docs and not plan.generates(model):
        raise CannotRun(f"DOCS needs a model that answers, and {model.name} makes no text")
    if engine.cpu:
        checks.memory(model, machine)
    return server.all_of_it(engine, model, machine)


def install(
    settings: Settings, environ: Mapping[str, str], processes: Processes, progress: Progress
) -> int:
    """The engine alone, for those who start it themselves, such as the tests."""
    env = environment(environ, settings.own_folder)
    installer = Installer(settings.root, settings.own_folder, processes, env)
    if installer.has_engine():
        return 0
    checks.cpu(hardware.read())
    need = checks.Need("the engine", settings.root, checks.ENGINE_DISK)
    checks.disk([need], {need.place: hardware.free_disk(need.place)}, {need.place: 0})
    with alone_in(settings.root):
        own_engine(installer, progress)
    return 0


def look_into(settings: Settings) -> documents.Found | None:
    """What DOCS names, if anything, and whether it can be served."""
    if settings.docs is None:
        return None
    found = documents.find(settings.docs.folder)
    ports.require_free(settings.docs.chatqna, ports.FOR_ANSWERS)
    ports.require_free(settings.docs.dataprep, ports.FOR_FILES)
    return found


def foresee(
    settings: Settings,
    installer: Installer,
    machine: Machine,
    choice: weights.Choice,
    found: plan.Engine | None,
) -> None:
    """Errors that would come after minutes come now."""
    if found is None or found.cpu:
        checks.cpu(machine)
        checks.memory(plan.Model(choice.model, choice.name, choice.size), machine)
    install = 0 if found or installer.has_engine() else checks.ENGINE_DISK
    place = settings.hub.cache if choice.source == "hub" else settings.root
    services = 0 if not settings.docs or installer.has_services() else checks.SERVICES_DISK
    needs = [
        checks.Need("the engine", settings.root, install),
        checks.Need("the services", settings.root, services),
        checks.Need("the model", place, choice.download),
    ]
    checks.disk(
        needs,
        {need.place: hardware.free_disk(need.place) for need in needs},
        {need.place: hardware.device(need.place) for need in needs},
    )


def ours(settings: Settings, installer: Installer, progress: Progress) -> None:
    """The adapter and, for documents, the services."""
    if not installer.has_adapter():
        with progress.step("installing the adapter") as tick:
            installer.adapter(tick)
    if settings.docs and not installer.has_services():
        with progress.step("installing the services (about 65 MB)") as tick:
            installer.services(tick)


def own_engine(installer: Installer, progress: Progress) -> plan.Engine:
    if not installer.has_engine():
        with progress.step("installing the engine (vLLM for the CPU, about 520 MB)") as tick:
            installer.engine(tick)
    return engines.own(installer.engine_venv)


def search_path(engine: plan.Engine, environ: Mapping[str, str]) -> str:
    """The engine's own folder first: vLLM looks for tools such as ninja there."""
    path = environ.get("PATH", "")
    return f"{Path(engine.python).parent}:{path}" if engine.python else path
