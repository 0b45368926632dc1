"""Anthropic's routes below /v1; their errors have Anthropic's shape by their path."""

from __future__ import annotations

from adapter.server.handlers.openai import passing
from adapter.translate import v1_routes

messages = passing(v1_routes.MESSAGE)
count_tokens = passing(v1_routes.COUNT_TOKENS)
