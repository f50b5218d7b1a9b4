"""What a Host header may say, and targets that name a host."""

from __future__ import annotations

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.head import RequestLine
from proxy.http1.host import MAX_HOST_BYTES, is_host, origin_form, with_host


@pytest.mark.parametrize(
    "value",
    [
        b"h",
        b"api.example.com",
        b"API.example.com:443",
        b"localhost:3000",
        b"under_score",
        b"127.0.0.1:80",
        b"[::1]",
        b"[::ffff:127.0.0.1]:65535",
        b"h:",
        b"caf%C3%A9.example",
    ],
)
def test_names_and_addresses_with_and_without_a_port_are_hosts(value: bytes) -> None:
    assert is_host(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b":80",
        b"h h",
        b"h, i",
        b"h/t",
        b"h?x",
        b"h#x",
        b"u@h",
        b"h:80:80",
        b"h:x",
        b"h:+80",
        b"h:65536",
        b"h:000080",
        b"http://h",
        b"h\\i",
        b'"h"',
        b"h\xe9",
        b"h\x7f",
        b"h%",
        b"h%4",
        b"h%zz",
        b"[::1",
        b"[]",
        b"[::1]80",
        b"[::1]:x",
        b"[g]",
        b"h]",
        b"h" * (MAX_HOST_BYTES + 1),
    ],
)
def test_anything_else_is_no_host(value: bytes) -> None:
    assert not is_host(value)


@pytest.mark.parametrize(
    ("target", "path", "authority"),
    [
        (b"/t?x", b"/t?x", b""),
        (b"//t", b"//t", b""),
        (b"*", b"*", b""),
        (b"http://h", b"/", b"h"),
        (b"HTTP://h:1/t?x", b"/t?x", b"h:1"),
    ],
)
def test_a_target_becomes_its_origin_form_and_its_authority(target: bytes, path: bytes, authority: bytes) -> None:
    line, named = origin_form(RequestLine(b"OPTIONS", target, 1))
    assert (line, named) == (RequestLine(b"OPTIONS", path, 1), authority)


@pytest.mark.parametrize("target", [b"t", b"*", b"?x", b"http:///t", b"http://h?x", b"http://u@h/", b"https://h/"])
def test_a_target_of_no_form_is_an_error(target: bytes) -> None:
    with pytest.raises(FaultError, match="FANIN101"):
        origin_form(RequestLine(b"GET", target, 1))


@pytest.mark.parametrize(
    ("block", "minor", "expected"),
    [
        (b"A: b\r\nhOST:other\r\nC: d", 1, b"A: b\r\nHost: h\r\nC: d"),
        (b"Host: x\r\nHost: y", 1, b"Host: h\r\nHost: h"),
        (b"A: b", 1, b"A: b"),
        (b"A: b", 0, b"Host: h\r\nA: b"),
        (b"", 0, b"Host: h"),
        (b"", 1, b""),
    ],
    ids=["replaced", "two stay two", "none stays none", "HTTP/1.0", "HTTP/1.0 without lines", "without lines"],
)
def test_the_authority_of_a_target_replaces_the_value_of_host(block: bytes, minor: int, expected: bytes) -> None:
    assert with_host(block, b"h", minor) == expected
