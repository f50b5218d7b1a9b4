"""The headers of gateways are recognised, in upper and lower case, and no others."""

from __future__ import annotations

import pytest

from proxy.allowed_differences import FANIN_PREFIX, FRAMING_HEADERS, HOP_BY_HOP
from proxy.postgrest.response.gateway import POSTGREST, PROFILES, SUPABASE
from proxy.postgrest.response.headers import DROPPED_HEADERS, READ_HEADERS, SHARED_HEADERS
from proxy.settings.model import Settings


@pytest.mark.parametrize(
    "name",
    [
        b"sb-gateway-version",
        b"sb-request-id",
        b"x-sb-error-code",
        b"cf-ray",
        b"cf-cache-status",
        b"x-kong-upstream-latency",
        b"x-kong-request-id",
        b"x-envoy-upstream-service-time",
        b"via",
        b"age",
        b"alt-svc",
        b"strict-transport-security",
        b"x-content-type-options",
        b"nel",
        b"report-to",
    ],
)
def test_these_headers_are_added_by_supabases_gateways_and_not_by_postgrest(name: bytes) -> None:
    assert SUPABASE.adds_header(name)
    assert not POSTGREST.adds_header(name)


@pytest.mark.parametrize(
    "name",
    [
        b"set-cookie",
        b"content-encoding",
        b"cache-control",
        b"expires",
        b"etag",
        b"last-modified",
        b"location",
        b"link",
        b"x-film",
        b"x-request-id",
        b"x-sbb",
        b"x-via",
        b"cf",
        b"refresh",
    ],
)
def test_headers_that_sql_may_set_for_one_row_are_not_in_the_table(name: bytes) -> None:
    assert not SUPABASE.adds_header(name)


def test_the_table_does_not_repeat_headers_of_other_tables() -> None:
    for name in (
        READ_HEADERS | SHARED_HEADERS | DROPPED_HEADERS | FRAMING_HEADERS | HOP_BY_HOP | {FANIN_PREFIX, b"set-cookie"}
    ):
        assert not SUPABASE.adds_header(name), name


@pytest.mark.parametrize(
    "value",
    [
        b"__cf_bm=abc.def-1; path=/; expires=Tue, 31-Mar-26 05:13:02 GMT; domain=.supabase.co; HttpOnly; Secure",
        b"_cfuvid=x",
        b" __cflb = x;",
        b"cf_clearance=",
        b"__cf_bm=a=b",
    ],
)
def test_a_cookie_of_the_gateway_is_recognised_by_its_name(value: bytes) -> None:
    assert SUPABASE.sets_cookie(b"set-cookie", value)
    assert not POSTGREST.sets_cookie(b"set-cookie", value)
    assert not SUPABASE.sets_cookie(b"x-cookie", value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"session=1",
        b"session=__cf_bm=1",
        b"session=1; __cf_bm=2",
        b"__cf_bm",
        b"__cf_bm; path=/",
        b"__CF_BM=1",
        b"x__cf_bm=1",
        b"__cf_bmx=1",
        b";__cf_bm=1",
    ],
)
def test_other_cookies_are_not_the_gateways(value: bytes) -> None:
    assert not SUPABASE.sets_cookie(b"set-cookie", value)


@pytest.mark.parametrize(
    ("name", "value", "whose"),
    [
        (b"vary", b"Accept-Encoding", True),
        (b"vary", b"accept-encoding", True),
        (b"vary", b"Accept, Prefer, Range", False),
        (b"vary", b"Accept-Encoding, Origin", False),
        (b"x-vary", b"Accept-Encoding", False),
    ],
)
def test_only_vary_accept_encoding_is_the_gateways(name: bytes, value: bytes, whose: bool) -> None:
    assert SUPABASE.adds_vary(name, value) is whose
    assert not POSTGREST.adds_vary(name, value)


def test_each_value_of_the_setting_profile_has_a_gateway() -> None:
    choices = Settings.model_json_schema()["properties"]["profile"]["enum"]
    assert set(PROFILES) | {"auto"} == set(choices)
