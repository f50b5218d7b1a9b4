"""Upstream's URL: read, or refused with what it should be."""

from __future__ import annotations

import pytest

from proxy.settings.sources import ConfigError
from proxy.transport.address import Address, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://h", Address("h", 80, False, "", b"", b"h")),
        ("http://h:3000/", Address("h", 3000, False, "", b"", b"h:3000")),
        ("https://x.supabase.co/rest/v1/", Address("x.supabase.co", 443, True, "", b"/rest/v1", b"x.supabase.co")),
        ("http://[::1]:3000", Address("::1", 3000, False, "", b"", b"[::1]:3000")),
        ("unix:/run/postgrest.sock", Address("", 0, False, "/run/postgrest.sock", b"", b"localhost")),
    ],
)
def test_an_upstream_url_is_read(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url", ["", "h:3000", "ftp://h", "http://", "http://h:port", "http://h:99999", "http://h?x=1", "http://h/#x"]
)
def test_what_is_no_upstream_url_is_refused_with_its_form(url: str) -> None:
    with pytest.raises(ConfigError, match=r"is not http\(s\)://HOST"):
        parse_address(url)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as raised:
        parse_address("http://user:hunter2@h")
    assert "hunter2" not in str(raised.value)
