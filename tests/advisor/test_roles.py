"""Hashes of roles in recordings are those of the database's roles again."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from proxy.advisor.roles import Callers, callers_of
from proxy.schema.snapshot import Database, Role

KEY = b"key of the recording"
CALLERS = Callers(("anon", "authenticated", "service_role"), "anon")


def hashed(text: str, key: bytes = KEY) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=key).digest(), "big")


def test_the_role_of_most_calls_is_found_again_over_several_recordings() -> None:
    other = b"key of another one"
    counts = {(KEY, hashed("anon")): 3, (KEY, hashed("authenticated")): 2, (other, hashed("authenticated", other)): 2}
    assert CALLERS.most_common(counts) == "authenticated"


def test_calls_without_a_token_have_the_anonymous_role() -> None:
    assert CALLERS.most_common({(KEY, hashed("")): 1}) == "anon"


@pytest.mark.parametrize("counts", [{}, {(KEY, 0): 5}, {(KEY, hashed("of another database")): 5}, {(b"", 7): 5}])
def test_a_role_that_the_database_has_not_is_unknown(counts: dict[tuple[bytes, int], int]) -> None:
    assert CALLERS.most_common(counts) == ""


def test_claims_are_made_up_but_for_anonymous_and_unknown_roles() -> None:
    assert (CALLERS.claims(""), CALLERS.claims("anon")) == ({}, {})
    assert set(CALLERS.claims("authenticated")) == {"sub", "aud", "email"}


def test_the_roles_are_those_of_the_api_and_those_that_bypass_policies() -> None:
    roles = (
        Role("authenticator", settings=(("pgrst.db_anon_role", "web"),)),
        Role("web", api=True),
        Role("service_role", bypass_rls=True),
        Role("backup"),
    )
    assert callers_of(Database(roles=roles)) == Callers(("web", "service_role"), "web")
    assert callers_of(Database(roles=roles[2:])).anonymous == ""
