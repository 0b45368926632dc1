"""`python -m adapter` is the same as `ollama-vllm`."""

import sys

from adapter.cli import main

if __name__ == "__main__":
    sys.exit(main())
