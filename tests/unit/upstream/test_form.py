from adapter.upstream.form import Form

FORM = Form([("model", "m"), ("file", (b"RIFF", "ä.wav", "audio/wav"))])


async def test_a_form():
    kind, body = await FORM.encoded()
    start, boundary = kind.split("=")
    assert start == "multipart/form-data; boundary"
    mark = b"--" + boundary.encode()
    assert body.startswith(mark + b"\r\n")
    assert body.endswith(mark + b"--\r\n")
    _, model, sound, _ = body.split(mark)
    assert b'name="model"' in model
    assert model.endswith(b"\r\n\r\nm\r\n")
    assert b'name="file"' in sound
    assert b"Content-Type: audio/wav\r\n" in sound
    assert sound.endswith(b"\r\n\r\nRIFF\r\n")
