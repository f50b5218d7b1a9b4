"""The table of headers of tracing systems."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.tracing import REQUEST_IDS, TRACING_HEADERS, TRACING_PREFIXES, TRACING_SYSTEMS

MEANT_FOR_POSTGREST = (
    *(b"authorization", b"apikey", b"cookie", b"accept", b"accept-profile", b"content-profile", b"prefer", b"range"),
    *(b"origin", b"user-agent", b"forwarded", b"x-forwarded-for", b"x-real-ip", b"x-client-info", b"x-tenant"),
)


def test_names_are_in_lower_case_and_each_belongs_to_one_system() -> None:
    names = [name for each in TRACING_SYSTEMS for name in (*each.headers, *each.prefixes)]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() for name in names)


@pytest.mark.parametrize("name", [*MEANT_FOR_POSTGREST, *REQUEST_IDS])
def test_no_system_owns_a_header_that_sql_reads(name: bytes) -> None:
    assert name not in TRACING_HEADERS
    assert not name.startswith(TRACING_PREFIXES)
