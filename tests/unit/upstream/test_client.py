"""What of the client is no socket: where requests go."""

from __future__ import annotations

import pytest

from adapter.settings import UpstreamSettings
from adapter.upstream.client import Upstream, open_session


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("http://h:8000", "http://h:8000/v1/"),
        ("http://h:8000/v1", "http://h:8000/v1/"),
        ("http://h:8000/v3", "http://h:8000/v3/"),
        ("https://h/openai", "https://h/openai/v1/"),
    ],
)
async def test_the_root_of_an_engines_routes(url: str, root: str):
    async with open_session() as session:
        assert str(Upstream(UpstreamSettings(name="a", url=url), session)._root) == root
