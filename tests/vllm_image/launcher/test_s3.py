"""The examples of Amazon's own reference, "Authenticating Requests (AWS Signature Version 4)"."""

from __future__ import annotations

from datetime import datetime

import pytest
from launcher import s3

KEYS = s3.Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24)
HOST = "https://examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "extra", "names", "signature"),
    [
        (
            f"{HOST}/test.txt",
            {"Range": "bytes=0-9"},
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            f"{HOST}/?lifecycle",
            {},
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            f"{HOST}/?max-keys=2&prefix=J",
            {},
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_examples_of_the_reference(
    url: str, extra: dict[str, str], names: str, signature: str
) -> None:
    headers = s3.signed(url, extra, KEYS, "us-east-1", NOW)
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={signature}"
    )


def test_the_token_of_a_session_is_signed_as_well() -> None:
    headers = s3.signed(HOST, {}, s3.Keys("a", "s", "t"), "us-east-1", NOW)
    assert headers["x-amz-security-token"] == "t"
    assert "x-amz-security-token" in headers["Authorization"]


def test_without_keys_nothing_is_signed() -> None:
    assert s3.signed(HOST, {"Range": "bytes=0-9"}, None, "us-east-1", NOW) == {"Range": "bytes=0-9"}


def test_letters_are_quoted_as_they_are_signed() -> None:
    assert s3.path("bucket", "a b/ü+~.txt") == "/bucket/a%20b/%C3%BC%2B~.txt"
    assert s3.query([("prefix", "a b/"), ("list-type", "2")]) == "list-type=2&prefix=a%20b%2F"
