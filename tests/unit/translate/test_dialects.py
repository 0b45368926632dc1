import pytest

from adapter.translate.dialects import dialect_of, error_body


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/", "ollama"),
        ("/api/chat", "ollama"),
        ("/v1", "ollama"),
        ("/v1/chat/completions", "openai"),
        ("/v1/models/a/b", "openai"),
        ("/v1/messagesx", "openai"),
        ("/v1/messages", "anthropic"),
        ("/v1/messages/count_tokens", "anthropic"),
    ],
)
def test_a_path_has_a_dialect(path: str, dialect: str):
    assert dialect_of(path) == dialect


def test_ollamas():
    assert error_body("ollama", 404, "no", "id") == {"error": "no"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (404, "not_found_error"),
        (413, "api_error"),
        (500, "api_error"),
        (503, "api_error"),
    ],
)
def test_openais(status: int, kind: str):
    expected = {"error": {"message": "no", "type": kind, "param": None, "code": None}}
    assert error_body("openai", status, "no", "id") == expected
    assert list(error_body("openai", status, "no", "id")["error"]) == list(expected["error"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (529, "overloaded_error"),
    ],
)
def test_anthropics(status: int, kind: str):
    assert error_body("anthropic", status, "no", "0123456789abcdef01234567ffffffff") == {
        "type": "error",
        "error": {"type": kind, "message": "no"},
        "request_id": "req_0123456789abcdef01234567",
    }


def test_a_clients_own_id_becomes_one_of_anthropics():
    one, other = (error_body("anthropic", 400, "", id_)["request_id"] for id_ in ("a", "b"))
    assert one != other
    assert one == error_body("anthropic", 400, "", "a")["request_id"]
    assert len(one) == len("req_") + 24
