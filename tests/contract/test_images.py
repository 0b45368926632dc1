"""Images and sounds in the native API: bare base64 in, content parts out."""

import base64

import pytest

from tests.support import plays

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(90)).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(90)).decode()
WAV = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(90)).decode()
BROKEN_LINES = "\n".join(PNG[i : i + 76] for i in range(0, len(PNG), 76)) + "\r\n"


def seen(media: str, data: str) -> dict:
    return {"type": "image_url", "image_url": {"url": f"data:{media};base64,{data}"}}


CASES = [
    ([PNG], [seen("image/png", PNG)]),
    ([JPEG, PNG], [seen("image/jpeg", JPEG), seen("image/png", PNG)]),
    ([WAV], [{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]),
    ([BROKEN_LINES], [seen("image/png", PNG)]),
    (["QUJD"], [seen("image/png", "QUJD")]),
]


@pytest.mark.parametrize(("images", "parts"), CASES)
async def test_what_vllm_is_shown(scripted, adapter, images, parts):
    turn = {"role": "user", "content": "what is it?", "images": images}
    chat = await adapter.post("/api/chat", {"model": "tiny-chat", "messages": [turn]})
    prompt = {"model": "tiny-chat", "prompt": "what is it?", "images": images}
    generate = await adapter.post("/api/generate", prompt)
    assert (chat.status, generate.status) == (200, 200)
    for body in scripted.bodies:
        [message] = body["messages"]
        assert message["content"] == [*parts, {"type": "text", "text": "what is it?"}]


async def test_each_turn_has_its_own(scripted, adapter):
    turns = [
        {"role": "user", "content": "", "images": [PNG]},
        {"role": "assistant", "content": "a dot"},
        {"role": "user", "content": "and this?", "images": [JPEG]},
        {"role": "user", "content": "hm?", "images": []},
    ]
    await adapter.post("/api/chat", {"model": "tiny-chat", "messages": turns})
    contents = [message["content"] for message in scripted.bodies[0]["messages"]]
    text = {"type": "text", "text": "and this?"}
    assert contents == [
        [seen("image/png", PNG)],
        "a dot",
        [seen("image/jpeg", JPEG), text],
        "hm?",
    ]


@pytest.mark.parametrize(
    ("image", "offset"),
    [
        ("data:image/png;base64," + PNG, 4),
        ("%%%", 0),
        ("http://example.com/a.png", 4),
        (PNG[:-1], len(PNG) - 4 if PNG[-1] != "=" else None),
        ("AA=A", 2),
    ],
)
async def test_what_is_no_base64(scripted, adapter, image: str, offset: int | None):
    turn = {"role": "user", "content": "x", "images": [image]}
    bodies = {
        "/api/chat": {"model": "tiny-chat", "messages": [turn]},
        "/api/generate": {"model": "tiny-chat", "prompt": "x", "images": [image]},
    }
    for path, body in bodies.items():
        reply = await adapter.post(path, body)
        assert reply.status == 400
        if offset is not None:
            assert reply.json == {"error": f"illegal base64 data at input byte {offset}"}
        else:
            assert reply.json["error"].startswith("illegal base64 data at input byte ")
    assert scripted.seen == []


@pytest.mark.parametrize("stream", [True, False])
async def test_a_blind_model_refuses_in_the_engines_words(scripted, adapter, stream: bool):
    scripted.play = plays.recorded("err_image")
    body = {"model": "tiny-chat", "prompt": "x", "images": [PNG], "stream": stream}
    reply = await adapter.post("/api/generate", body)
    assert reply.status == 400
    assert reply.json == {"error": "tiny-chat is not a multimodal model"}
    assert reply.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("name", ["vision_bad_b64", "vision_two_images"])
async def test_an_image_that_the_engine_refuses(scripted, adapter, name: str):
    scripted.play = plays.recorded(name)
    body = {"model": "tiny-chat", "prompt": "x", "images": [PNG]}
    reply = await adapter.post("/api/generate", body)
    assert reply.status == 400
    assert list(reply.json) == ["error"]


@pytest.mark.parametrize("fields", [{"raw": True}, {"template": "{{ .Prompt }}"}])
async def test_where_there_is_no_chat_there_is_no_place_for_them(scripted, adapter, fields):
    body = {"model": "tiny-chat", "prompt": "x", "images": [PNG]}
    reply = await adapter.post("/api/generate", body | fields)
    assert reply.status == 400
    assert "images can't be combined with" in reply.json["error"]
    assert scripted.seen == []
