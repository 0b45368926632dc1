"""A run that could not test containers says so at its end, loudly."""

from __future__ import annotations

import subprocess
import sys

from tests.support import machine


def test_skipped_containers_are_told_in_a_banner() -> None:
    """Without apt-get on the PATH, or without root's rights, there are none."""
    asked = ["-q", "-p", "no:cacheprovider", "tests/containers/test_phase1.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *asked],
        cwd=machine.ROOT,
        env=machine.clean_environ(PATH="/nowhere"),
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "!! THE CONTAINERS WERE NOT TESTED !!" in done.stdout
    assert " tests: no containers here: " in done.stdout
