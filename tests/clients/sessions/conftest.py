"""What every session may ask for: the adapter's address, and an address for OpenAI's clients."""

import os

import pytest

PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)
"""A PNG of one pixel."""


@pytest.fixture
def host() -> str:
    return os.environ["OLLAMA_HOST"]  # noqa: TID251  # a program of its own


@pytest.fixture
def v1(host: str) -> str:
    return host + "/v1"


@pytest.fixture
def picture() -> str:
    return PICTURE
