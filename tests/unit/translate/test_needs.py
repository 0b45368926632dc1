from __future__ import annotations

import pytest

from adapter.translate.needs import has_images


@pytest.mark.parametrize(
    "body",
    [
        b'{"images":["aGk="]}',
        b'{"Images":["aGk="]}',
        b'{"messages":[{"content":"a"},{"images":["aGk="]}]}',
        b'{"messages":[{"content":[{"type":"image_url","image_url":{}}]}]}',
        b'{"messages":[{"content":[{"type":"tool_result","content":[{"type":"image"}]}]}]}',
        b'{"input":[{"role":"user","content":[{"type":"input_image"}]}]}',
        b'{"input":[{"type":"input_image"}]}',
    ],
)
def test_with_images(body: bytes):
    assert has_images(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"image",
        b'["image"]',
        b'{"prompt":"an image"}',
        b'{"images":[]}',
        b'{"images":null}',
        b'{"messages":[{"content":"image","images":[]}]}',
        b'{"messages":[{"content":[{"type":"text","text":"image_url"}]}]}',
        b'{"tools":[{"type":"image"}],"format":{"properties":{"images":[1]}}}',
    ],
)
def test_without(body: bytes):
    assert not has_images(body)
