"""HeadCache: equal header lines are parsed once. answer_lines: removes only hop-by-hop lines."""

from __future__ import annotations

import pytest

from proxy.errors.codes import FaultError
from proxy.path.reading.identity import head_rules
from proxy.server.head_cache import MAX_BYTES, MAX_HEADS, HeadCache, answer_lines
from tests.factories import fields

RULES = head_rules(b"", (), (), (), b"key")


def test_equal_lines_are_parsed_once_and_the_cache_is_bounded() -> None:
    cache = HeadCache(RULES, 100)
    head = cache.read(b"Host: h\r\nX: 0", 1)
    assert cache.read(b"Host: h\r\nX: 0", 1) is head
    assert cache.read(b"Host: h\r\nX: 0", 0) is not head, "their meaning depends on the HTTP version"
    for number in range(MAX_HEADS):
        cache.read(b"Host: h\r\nX: %d" % (number + 1), 1)
    assert cache.read(b"Host: h\r\nX: 0", 1) is not head


def test_the_cache_is_bounded_in_bytes_too() -> None:
    cache = HeadCache(RULES, 100)
    large = b"X: " + b"x" * 8000 + b"\r\nHost: h\r\nY: %d"
    heads = [cache.read(large % number, 1) for number in range(MAX_BYTES // 8000 + 1)]
    assert cache.read(large % (len(heads) - 1), 1) is heads[-1]
    assert cache.read(large % 0, 1) is not heads[0], "the oldest made room"


def test_an_invalid_head_is_not_cached() -> None:
    cache = HeadCache(RULES, 100)
    for _ in range(2):
        with pytest.raises(FaultError, match="FANIN106"):
            cache.read(b"X: y", 1)


def test_an_answers_lines_are_unchanged_without_the_hop_by_hop_ones() -> None:
    received = fields("date:  x\nKeep-Alive: 5\nTransfer-Encoding: chunked\nConnection: close\nX: é\nX:y")
    lines = answer_lines(b"HTTP/1.1 200 OK", received)
    assert lines == "HTTP/1.1 200 OK\r\ndate:  x\r\nTransfer-Encoding: chunked\r\nX: é\r\nX:y\r\n".encode()
    assert answer_lines(b"HTTP/1.1 200 OK", received, drop_chunked=True) == lines.replace(
        b"Transfer-Encoding: chunked\r\n", b""
    )
