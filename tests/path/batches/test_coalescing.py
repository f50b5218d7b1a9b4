"""Equal reads of tables and views may share an answer; requests that may have side effects never do."""

from __future__ import annotations

import pytest

from proxy.path.batches.coalescing import any_stable, is_shareable, stable_in_settings
from tests.factories import head, member, query

FUNCTIONS = stable_in_settings(("slow", "api.other", "public.own"), "public")


def shareable(target: str, lines: str = "", method: bytes = b"GET", mount: bytes = b"", minor: int = 1) -> bool:
    lines = f"Host: h\n{lines}".strip()
    return is_shareable(query(target, lines, method, mount), head(lines, minor), mount, FUNCTIONS)


@pytest.mark.parametrize(
    "target",
    [
        "/t",
        "/t?id=eq.1",
        "/t?id=eq.1&offset=10&limit=0",
        "/t?select=count()",
        "/t?select=",
        "/t?id=eq.a;b",
        "/t?id=eq.%00",
        "/t?id=eq.%FF",
        "/t?a=gt.1&select=a&select=b",
        "/we%20ird?x=is.null",
        "/t?id=eq.1" + "&a=gt.1" * 2000,
    ],
)
def test_every_read_of_a_relation_is_shareable(target: str) -> None:
    assert shareable(target)
    assert shareable(target, method=b"HEAD")


@pytest.mark.parametrize(
    "lines",
    [
        "Accept: text/csv",
        "Accept: application/geo+json",
        "Range: 0-9",
        "Prefer: count=planned",
        "Prefer: count=exact",
        "Cookie: a=b",
        "X-Fanin-Trace: t",
    ],
)
def test_negotiation_headers_do_not_prevent_sharing(lines: str) -> None:
    assert shareable("/t?id=eq.1", lines)
    assert shareable("/t?id=eq.1", lines, b"HEAD")


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"PUT", b"DELETE", b"OPTIONS", b"BREW", b"get"])
def test_other_methods_are_not_shareable(method: bytes) -> None:
    assert not shareable("/t?id=eq.1", method=method)
    assert not shareable("/rpc/slow", method=method)


@pytest.mark.parametrize(
    "lines", ["X-Fanin: off", "Content-Length: 2", "Transfer-Encoding: chunked", "Expect: 100-continue"]
)
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_requests_with_a_body_an_expectation_or_x_fanin_off_are_not_shareable(lines: str, method: bytes) -> None:
    assert not shareable("/t?id=eq.1", lines, method)
    assert not shareable("/t?id=eq.1", lines + "\nRange: 0-9", method)


def test_http_1_0_requests_are_not_shareable() -> None:
    assert not shareable("/t?id=eq.1", minor=0)


@pytest.mark.parametrize("target", ["/", "/a/b", "//t", "/rpc", "/rpc/", "/rpc/slow/x", "*", "/auth/v1/user"])
def test_a_target_without_a_relation_is_not_shareable(target: str) -> None:
    assert not shareable(target)
    assert not shareable(target, mount=b"/rest/v1")


def test_a_function_is_shareable_only_if_it_is_listed() -> None:
    assert not shareable("/rpc/token")
    assert shareable("/rpc/slow?a=1")
    assert shareable("/rpc/slow", method=b"HEAD")
    assert shareable("/rest/v1/rpc/%73low", mount=b"/rest/v1")
    assert not shareable("/rpc/slow", mount=b"/rest/v1")
    assert not shareable("/rpc/slow", "X-Fanin: off")


def test_a_listed_function_is_for_any_schema_or_for_one() -> None:
    assert shareable("/rpc/slow", "Accept-Profile: api")
    assert shareable("/rpc/other", "Accept-Profile: api")
    assert not shareable("/rpc/other")
    assert shareable("/rpc/own")
    assert shareable("/rpc/own", "Accept-Profile: public")
    assert not shareable("/rpc/own", "Accept-Profile: api")
    assert not shareable("/rpc/other", "Accept-Profile: hidden")


def test_a_function_is_stable_if_any_source_says_so() -> None:
    is_stable = any_stable(stable_in_settings(["a"], "public"), stable_in_settings(["b"], "public"))
    assert [is_stable("", name) for name in "abc"] == [True, True, False]


def test_the_coalescing_identity_has_gateway_headers_but_no_trace_headers() -> None:
    plain = member("/t").head.coalescing_identity
    for neutral in ("traceparent: 00-1", "X-Retry-Count: 2", "X-Fanin-Trace: t"):
        assert member("/t", f"Host: h\n{neutral}").head.coalescing_identity == plain
    for other in ("Accept-Encoding: gzip", "If-None-Match: x", "Authorization: Bearer x", "Accept: text/csv"):
        assert member("/t", f"Host: h\n{other}").head.coalescing_identity != plain
    assert member("/t", "Host: i").head.coalescing_identity != plain
