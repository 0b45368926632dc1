from adapter.upstream.form import Form

FORM = Form([("model", "m"), ("file", (b"RIFF", "ä.wav", "audio/wav"))])


async def test_a_form_can_be_sent_again():
    """Each attempt has a payload, and a boundary, of its own."""
    first, second = FORM.payload()(), FORM.payload()()
    assert first.content_type.startswith("multipart/form-data; boundary=")
    assert first.boundary != second.boundary


async def test_its_fields():
    payload = FORM.payload()()
    parts = [part for part, _, _ in payload]
    names = [part.headers["Content-Disposition"] for part in parts]
    assert 'name="model"' in names[0]
    assert 'name="file"' in names[1]
    assert parts[1].headers["Content-Type"] == "audio/wav"
