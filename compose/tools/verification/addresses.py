"""Where clients on this machine would go."""

from __future__ import annotations

import socket
from urllib.parse import SplitResult, urlsplit

from verification.asking import ask
from verification.settings import environ
from verification.stack import ANYWHERE, Stack
from verification.verdicts import Failed, Unseen


def effective(stack: Stack) -> str:
    """Where clients on this machine would go."""
    asked = environ("OLLAMA_HOST", "")
    goes_to = f"OLLAMA_HOST is {asked or 'not set: 127.0.0.1:11434'}"
    if not comes_here(stack, asked):
        if asked:
            raise Failed(f"{goes_to}, this is {stack.url}")
        raise Unseen(f"{goes_to}, this is {stack.url}")
    version = ask(f"{stack.url}/api/version")["version"]
    return f"{stack.url} says Ollama {version}; {goes_to}"


def comes_here(stack: Stack, asked: str) -> bool:
    """Whether host and port are those of the stack; a host may have several addresses."""
    here = urlsplit(stack.url)
    host, port = place(asked)
    if port != (here.port or default_port(here)):
        return False
    wanted = addresses(host)
    if wanted & addresses(here.hostname or ""):
        return True
    open_ = {address for one in stack.containers.values() for address, _ in one.published()}
    return bool(open_ & {*ANYWHERE}) and any(map(of_this_machine, wanted))


def place(asked: str) -> tuple[str, int]:
    """Host and port, as Ollama's clients read OLLAMA_HOST. Raises Failed."""
    try:
        parts = urlsplit(asked.strip() if "://" in asked else f"//{asked.strip()}")
        return parts.hostname or "", parts.port or default_port(parts)
    except ValueError as error:
        raise Failed(f"OLLAMA_HOST is {asked}: {error}") from error


def default_port(parts: SplitResult) -> int:
    return {"http": 80, "https": 443}.get(parts.scheme, 11434)


def addresses(host: str) -> set[str]:
    if host in ANYWHERE:  # a client that is told a server's setting comes to its own machine
        return {"127.0.0.1"}
    try:
        return {str(row[4][0]) for row in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def of_this_machine(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True
