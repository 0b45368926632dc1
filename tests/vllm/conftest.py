import pytest

from tests.support.serve import serving


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/vllm/" in str(item.path):
            item.add_marker(pytest.mark.vllm)
            item.add_marker(pytest.mark.timeout(300))  # a start of the engine may be part of it


@pytest.fixture
async def chatting(engine):
    """The adapter before a real vLLM with `tiny-chat`."""
    async with serving(engine.url) as adapter:
        await adapter.until_ready()
        yield adapter


@pytest.fixture
async def embedding(embedding_engine):
    """The adapter before a real vLLM with `tiny-bert-embed`."""
    async with serving(embedding_engine.url) as adapter:
        await adapter.until_ready()
        yield adapter
