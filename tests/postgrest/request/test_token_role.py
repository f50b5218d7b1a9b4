"""The role that a token names."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.token_role import ANONYMOUS, token_role
from tests.postgrest.request.test_token_expiry import TOO_DEEP, token

SERVICE = token({"role": "service_role", "sub": "somebody"})


def test_the_role_of_the_bearer_token_comes_before_that_of_the_key() -> None:
    lines = b"apikey: " + SERVICE + b"\r\nAuthorization: Bearer " + token({"role": "authenticated"}) + b"\r\n"
    assert token_role(lines) == "authenticated"
    assert token_role(b"ApiKey: " + SERVICE + b"\r\n") == "service_role"


def test_a_request_without_a_token_is_anonymous() -> None:
    assert token_role(b"Host: h\r\n") == ANONYMOUS


@pytest.mark.parametrize(
    "value", [token({}), token({"role": 1}), token([1]), token({"role": ""}), b"a.b", b"a.%%.c", TOO_DEEP]
)
def test_a_token_without_that_claim_names_no_role(value: bytes) -> None:
    assert token_role(b"Authorization: Bearer " + value + b"\r\n") is None
