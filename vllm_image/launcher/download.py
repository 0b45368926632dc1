"""Fetches a model into the hub's local cache. Run by the engine's Python, which has the library.

    python download.py MODEL PATTERN...        patterns of files to leave out

The exit code says what is wrong, for the launcher to put into words.
"""

from __future__ import annotations

import sys
from importlib import import_module

CLOSED, UNKNOWN, NETWORK = 3, 4, 5


def main(arguments: list[str]) -> int:
    library = import_module("huggingface_hub")
    errors = import_module("huggingface_hub.errors")
    try:
        library.snapshot_download(arguments[0], ignore_patterns=arguments[1:])
    except errors.GatedRepoError as error:  # before its parent, RepositoryNotFoundError
        print(error, file=sys.stderr)
        return CLOSED
    except errors.RepositoryNotFoundError as error:
        print(error, file=sys.stderr)
        return UNKNOWN
    except errors.HfHubHTTPError as error:
        print(error, file=sys.stderr)
        denied = error.response is not None and error.response.status_code in (401, 403)
        return CLOSED if denied else NETWORK
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
