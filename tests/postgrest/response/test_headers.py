"""Which headers several callers may receive."""

from __future__ import annotations

import pytest

from proxy.model import FallbackReason
from proxy.postgrest.response.gateway import POSTGREST, SUPABASE, Gateway
from proxy.postgrest.response.headers import READ_HEADERS, SHARED_HEADERS, TEMPLATE_HEADERS, per_answer_lines, shareable
from tests.factories import fields

KNOWN = "Date: now\nServer: postgrest\nContent-Type: application/json"
FRAMED = "\nTransfer-Encoding: chunked\nConnection: keep-alive\nKeep-Alive: timeout=5"
ADDED = "\ncf-ray: 1\nX-Kong-Proxy-Latency: 0"


@pytest.mark.parametrize("known", [READ_HEADERS, TEMPLATE_HEADERS, SHARED_HEADERS])
def test_known_and_gateway_lines_are_kept_without_framing_and_gateway_cookies(
    known: frozenset[bytes],
) -> None:
    lines = fields(KNOWN + FRAMED + ADDED + "\nSet-Cookie: __cf_bm=1")
    kept = shareable(lines, known, SUPABASE)
    assert not isinstance(kept, FallbackReason)
    assert [field.line for field in kept] == [field.line for field in fields(KNOWN + ADDED)]


@pytest.mark.parametrize("known", [READ_HEADERS, TEMPLATE_HEADERS, SHARED_HEADERS])
@pytest.mark.parametrize(
    ("gateway", "line", "name"),
    [
        (POSTGREST, "cf-ray: 1", "cf-ray"),
        (POSTGREST, "Set-Cookie: __cf_bm=1", "set-cookie"),
        (SUPABASE, "Set-Cookie: session=1", "set-cookie"),
        (SUPABASE, "Content-Encoding: gzip", "content-encoding"),
        (SUPABASE, "X-Film: 2", "x-film"),
    ],
)
def test_any_other_header_is_a_fallback_reason_that_names_it(
    known: frozenset[bytes], gateway: Gateway, line: str, name: str
) -> None:
    assert shareable(fields(f"{KNOWN}\n{line}"), known, gateway) == FallbackReason("headers", name)


def test_per_answer_lines_are_all_lines_of_time_and_gateway_headers() -> None:
    lines = fields(f"{KNOWN}\nServer-Timing: a;dur=1\nVia: a\nCF-Ray: 1\nvia: b")
    clocks = {b"date": b"Date: now\r\n", b"server-timing": b"Server-Timing: a;dur=1\r\n"}
    assert per_answer_lines(lines, POSTGREST) == clocks
    assert per_answer_lines(lines, SUPABASE) == clocks | {b"via": b"Via: a\r\nvia: b\r\n", b"cf-ray": b"CF-Ray: 1\r\n"}
