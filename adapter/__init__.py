"""A drop-in replacement for the Ollama server that drives vLLM."""

__version__ = "0.1.0"

OLLAMA_VERSION = "0.34.0"
"""The Ollama release whose API is spoken; what `/api/version` answers."""
