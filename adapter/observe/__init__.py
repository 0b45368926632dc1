"""Metrics and logs: the core emits facts, these record them."""
