"""Debian's packages without installing them: whoever runs the tests need not be root."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def unpacked(store: Path, packages: tuple[str, ...], into: Path) -> None:
    """These packages, and whatever they need that the machine has not, below `into`."""
    archives = downloaded(store, packages)
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    for package in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(into)], check=True)
    shutil.rmtree(archives)


def downloaded(store: Path, packages: tuple[str, ...]) -> Path:
    """The folder with the archives; lists and cache are below `store`, too."""
    cache, lists = store / "cache", store / "lists"
    for folder in (cache / "archives" / "partial", lists / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    options = [f"-oDir::State::lists={lists}", f"-oDir::Cache={cache}"]
    options += ["-oAPT::Sandbox::User=root", "-oDebug::NoLocking=true"]
    quiet = ["-qq", "--yes", "--no-install-recommends", "--download-only"]
    for command in (["update", "-qq"], ["install", *quiet, *packages]):
        got = subprocess.run(
            ["apt-get", *options, *command], capture_output=True, text=True, check=False
        )
        if got.returncode:
            pytest.fail(f"Debian's packages can't be had:\n{got.stderr}")
    return cache / "archives"
