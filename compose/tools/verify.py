#!/usr/bin/env python3
"""The checks of a healthy stack, as a table. Standard library only; Python 3.11 or newer.

    python3 compose/tools/verify.py [--url URL] [--project NAME]

Asks what clients ask, and the Docker daemon for what only it knows. Which checks there are is told
by the containers that the project has. Exit code 0: all is well; 1: something is not; 78: no
stack is here to look at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from verification.settings import environ
from verification.stack import look
from verification.table import checks
from verification.verdicts import NO, UNSEEN


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Checks a running stack.")
    parser.add_argument("--url", help="the adapter; default: the port that it publishes")
    parser.add_argument("--project", default=environ("COMPOSE_PROJECT_NAME", "ollama-vllm"))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    chosen = parser.parse_args(arguments)
    stack = look(chosen.url, chosen.project)
    if not stack.url:
        print(f"no stack named {stack.project} runs here; `make up PROFILE=cpu` starts one")
        return 78
    rows = []
    for row in checks(stack):
        rows.append(row)
        line = f"{row.verdict:4} {row.check:42} {row.finding}".rstrip()
        print(json.dumps(vars(row)) if chosen.json else line, flush=True)
    failed = sum(row.verdict == NO for row in rows)
    unseen = sum(row.verdict == UNSEEN for row in rows)
    if not chosen.json:
        passed = len(rows) - failed - unseen
        print(f"{passed} yes, {failed} no" + (f", {unseen} not seen" if unseen else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
