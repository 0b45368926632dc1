"""Puts the chosen model on the disk: a download, or a demo made on the spot.

Both are done by the engine's own Python, which has the libraries for it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from launcher import download, hub, names, plan, weights
from launcher.errors import CannotRun, TryAgain, telling_lines
from launcher.processes import Processes
from launcher.progress import Progress, bytes_done
from launcher.settings import Settings

DEMO = "tiny-chat"
DEMO_NOTE = (
    "no model hub within reach: serving a demo model with random weights. "
    "The text will be noise, the protocol is real."
)


class Fetch:
    def __init__(
        self,
        settings: Settings,
        env: Mapping[str, str],
        processes: Processes,
        progress: Progress,
        python: str,
    ) -> None:
        self._settings = settings
        self._env = env
        self._processes = processes
        self._progress = progress
        self._python = python

    def real(self, choice: weights.Choice) -> plan.Model:
        folder = choice.folder
        if choice.source == "hub":
            folder = self._download(choice)
        assert folder is not None  # only what comes from the hub has none yet
        return plan.Model(choice.model, choice.name, choice.size, config(folder))

    def demo(self) -> plan.Model:
        """Made once for each version of the script that makes it."""
        maker = Path(__file__).with_name("make_models.py")
        version = hashlib.sha256(maker.read_bytes()).hexdigest()[:12]
        made = self._settings.venv / "models" / version
        if not made.exists():
            draft = made.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            with self._progress.step("making a demo model") as tick:
                code, log = self._run([str(maker), str(draft), "--only", DEMO], lambda: tick(""))
            if code:
                raise CannotRun("could not make the demo model", telling_lines(log, 5))
            draft.rename(made)
        self._progress.say(DEMO_NOTE)
        folder = made / DEMO
        size = hub.size_of(hub.weights(folder))
        return plan.Model(str(folder), names.DEMO, size, config(folder), demo=True)

    def _download(self, choice: weights.Choice) -> Path:
        place = self._settings.hub

        with self._progress.step(f"downloading {choice.model}") as tick:

            def show() -> None:
                tick(bytes_done(hub.bytes_in_cache(place, choice.model), choice.size))

            script = str(Path(download.__file__))
            code, log = self._run([script, choice.model, *choice.ignored], show)
        faults: dict[int, hub.State] = {download.CLOSED: "closed", download.UNKNOWN: "unknown"}
        if code in faults:
            raise weights.refusal(place, choice.model, faults[code])
        if code:
            raise TryAgain(
                f"the download of {choice.model} broke off; make serve goes on from there",
                telling_lines(log, 5),
            )
        folder = hub.cached(place, choice.model)
        if folder is None:
            raise CannotRun(f"{choice.model} is not a complete model: no weights or no tokenizer")
        return folder

    def _run(self, arguments: list[str], tick: Callable[[], None]) -> tuple[int, str]:
        if not self._python:
            raise CannotRun(
                "the vllm on PATH is a wrapper, so its Python is not known: "
                "give a model that is on this machine with MODEL="
            )
        env = {**self._env, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        log = self._settings.venv / "model.log"
        code = self._processes.run([self._python, "-P", *arguments], env, log, tick)
        return code, log.read_text(encoding="utf-8", errors="replace")


def config(folder: Path) -> dict[str, Any]:
    try:
        value = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise CannotRun(f"{folder / 'config.json'} is no JSON: {error}") from error
    return value if isinstance(value, dict) else {}
