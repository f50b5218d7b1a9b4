"""When a token expires."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest

from proxy.postgrest.request.token_expiry import token_expiry


def token(claims: Any) -> bytes:
    return b"e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=") + b".sig"


@pytest.mark.parametrize("claims", [{"exp": 1234}, {"exp": 1234.0, "role": "a"}, {"role": "aaa", "exp": 1234}])
def test_the_claim_is_read_whatever_the_name_of_the_header_is_spelt_like(claims: Any) -> None:
    assert token_expiry(b"Host: h\r\nauthorization: Bearer " + token(claims) + b"\r\n") == 1234


TOO_DEEP = (
    b"e30." + base64.urlsafe_b64encode(b'{"exp":1,"role":"a","deep":' + b"[" * 5000 + b"]" * 5000 + b"}") + b".sig"
)


@pytest.mark.parametrize(
    "value", [token({}), token({"exp": "1"}), token([1]), b"a.b", b"a.%%.c", b"a.\xff.c", b"", TOO_DEEP]
)
def test_what_has_no_such_claim_never_expires(value: bytes) -> None:
    assert token_expiry(b"Authorization: Bearer " + value + b"\r\n") == math.inf


def test_the_earliest_of_several_counts() -> None:
    lines = [b"Authorization: Bearer " + token({"exp": at}) for at in (5, 3, 9)]
    assert token_expiry(b"\r\n".join(lines)) == 3
