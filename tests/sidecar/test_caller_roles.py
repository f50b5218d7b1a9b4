"""Spans have the roles of callers as hashes; a token is read once per caller."""

from __future__ import annotations

from unittest.mock import patch

from proxy.sidecar import caller_roles
from proxy.sidecar.caller_roles import CallerRoles
from proxy.sidecar.request_context import LiteralHasher
from tests.factories import head
from tests.postgrest.request.test_token_expiry import token

HASHED = LiteralHasher(b"k" * 16)
BEARER = f"Host: h\r\nAuthorization: Bearer {token({'role': 'authenticated'}).decode()}"


def test_the_hash_is_that_of_the_role_of_nothing_without_a_token_and_0_where_it_is_not_known() -> None:
    roles = CallerRoles(HASHED)
    assert roles.of(head(BEARER)) == HASHED(b"authenticated")
    assert roles.of(head("Host: h")) == HASHED(b"")
    assert roles.of(head("Host: h\r\nAuthorization: Bearer opaque")) == 0


def test_the_token_of_a_caller_is_read_once() -> None:
    roles, asked = CallerRoles(HASHED), head(BEARER)
    first = roles.of(asked)
    with patch.object(caller_roles, "token_role", side_effect=AssertionError):
        assert roles.of(asked) == first
