"""Addresses: upstream's URL and listening addresses are parsed, or the error names the valid form."""

from __future__ import annotations

import pytest

from proxy.settings.sources import ConfigError
from proxy.transport.address import Address, parse_address, split_listen


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
def test_an_upstream_url_is_parsed(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "h:3000", "ftp://h", "http://", "http://h:port", "http://h:99999", "http://h?x=1", "http://h/#x"),
        *("http://h/a b", "http://a b", "http://h:0", "http://h/\u00e4", "http://h\t"),
    ],
)
def test_an_invalid_upstream_url_is_an_error_that_names_the_valid_form(url: str) -> None:
    with pytest.raises(ConfigError, match=r"is not http\(s\)://HOST"):
        parse_address(url)


@pytest.mark.parametrize("url", ["unix:", "unix:run/s.sock", "unix:/" + "x" * 107])
def test_an_upstream_socket_has_an_absolute_path_of_a_possible_length(url: str) -> None:
    with pytest.raises(ConfigError, match="absolute and of at most 107 bytes"):
        parse_address(url)


def test_a_password_in_the_url_is_an_error_that_does_not_repeat_it() -> None:
    with pytest.raises(ConfigError) as raised:
        parse_address("http://user:hunter2@h")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("listen", ["8000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:²", ":"])
def test_a_listening_address_without_host_or_port_is_an_error(listen: str) -> None:
    with pytest.raises(ConfigError, match="is not HOST:PORT"):
        split_listen(listen)


def test_an_ipv6_listening_address_may_be_in_brackets() -> None:
    assert split_listen("[::1]:8000") == ("::1", 8000)
