"""Whatever stands in a field below /v1, the client is answered, and never with a fault of ours."""

import itertools

import pytest

from adapter.translate import v1_routes
from adapter.translate.v1_routes import PassedRoute
from adapter.wire import v1

VALUES = (
    *(None, True, False, 0, -1, 5.5, 1e300, 2**63, "", "x", "\u2028", [], {}, [None], [[]]),
    *([{}], {"a": {}}, {"type": "x"}, {"type": {}}, {"type": []}, {"effort": []}, {"url": 5}),
    *([{"type": []}], [{"role": 5, "content": [{"type": {}}]}], [{"content": [None]}], ["a", 5]),
    [{"content": [{"type": "image_url", "image_url": []}], "tool_calls": [{"function": 5}]}],
    [{"content": "a", "tool_calls": {}}],
    [{"type": "message", "content": [{"type": "input_image", "image_url": {}}], "output": [5]}],
    [{"content": [{"type": "image", "source": []}, {"type": "document", "source": {}}]}],
)
MORE_FIELDS = (
    *("think", "keep_alive", "stop", "input", "prompt", "system", "tool_choice", "temperature"),
    *("reasoning_effort", "previous_response_id", "truncate", "suffix", "unheard_of"),
)
ROUTES = {
    "/v1/chat/completions": (v1_routes.CHAT, {"messages": [{"role": "user", "content": "hi"}]}),
    "/v1/completions": (v1_routes.COMPLETION, {"prompt": "hi"}),
    "/v1/responses": (v1_routes.RESPONSE, {"input": "hi"}),
    "/v1/messages": (
        v1_routes.MESSAGE,
        {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5},
    ),
    "/v1/embeddings": (None, {"input": "hi"}),
}


@pytest.mark.parametrize("path", ROUTES)
async def test_any_value_in_any_field(house, path: str):
    route, good = ROUTES[path]
    model = "nat" if route else "bert"
    fields = route.fields if isinstance(route, PassedRoute) else v1.EMBEDDINGS
    for name, value in itertools.product({*fields, *MORE_FIELDS}, VALUES):
        reply = await house.adapter.post(path, {"model": model} | good | {name: value})
        seen = f"{name}: {value!r} -> {reply.status} {reply.body[:200]!r}"
        assert reply.status < 500, seen
        assert reply.headers["content-type"].startswith(("application/json", "text/event")), seen
        if reply.status != 200:
            assert isinstance(reply.json["error"]["message"], str), seen
