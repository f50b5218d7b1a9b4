"""The target cache gives the same queries as parsing, and stores no values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.path.reading.fingerprint import read_query
from proxy.path.reading.target_cache import MAX_TEMPLATE_BYTES, MAX_TEMPLATES, PER_BYTE, TargetCache
from tests.factories import head

if TYPE_CHECKING:
    from proxy.model import Query, RequestHead

LONGEST = 120
PLAIN = head("Host: h")
HEADS = [PLAIN, head("Host: h\r\nAccept-Profile: api"), head("Host: h\r\nContent-Profile: api")]
HEADS.append(head("Host: h\r\nRange: 0-4"))
METHODS = [b"GET", b"HEAD", b"PATCH", b"DELETE"]
LITERALS = [
    "0",
    "7",
    "-12",
    "123456789012345678",
    "0123",
    "5f2c6a3e-8b1d-4c9f-a0e7-000000000001",
    "ana",
    "",
    "a;b",
    "%31",
]
NAMES = [
    "id",
    "owner_id",
    "i%64",
    "data->>a",
    "select",
    "limit",
    "or",
    "and",
    "not.or",
    "emb.or",
    "emb.id",
    "order",
    "a=b",
    "",
]
OTHERS = [
    "select=*",
    "select=id,eq.5",
    "limit=3",
    "limit=x",
    "offset=2",
    "order=id.desc",
    "or=(id=eq.5)",
    "x=in.(1,2)",
    "&",
]
PATHS = ["/t", "/rest/t", "/rpc/f", "/", "/t=eq.5", "/t%20u"]


class CountingParser:
    """``read_query``, with a list of the targets that it parsed."""

    def __init__(self) -> None:
        self.targets: list[bytes] = []

    def read(self, method: bytes, target: bytes, head: RequestHead) -> Query:
        self.targets.append(target)
        return read_query(method, target, head, b"", "public", LONGEST)


def params() -> st.SearchStrategy[str]:
    equal = st.builds("{}=eq.{}".format, st.sampled_from(NAMES), st.sampled_from(LITERALS))
    return st.lists(st.one_of(equal, equal, st.sampled_from(OTHERS)), max_size=5).map("&".join)


TARGETS = st.builds(lambda path, query: f"{path}?{query}".encode(), st.sampled_from(PATHS), params())


@given(st.lists(st.tuples(st.sampled_from(METHODS), TARGETS, st.sampled_from(HEADS)), min_size=1, max_size=8))
def test_the_cache_gives_the_same_query_as_parsing(requests: list[tuple[bytes, bytes, RequestHead]]) -> None:
    cache = TargetCache(CountingParser().read, LONGEST)
    for method, target, its_head in requests + requests:
        expected = read_query(method, target, its_head, b"", "public", LONGEST)
        assert cache.read(method, target, its_head) == expected


@pytest.mark.parametrize("other", ["", "&select=id&limit=5", "&owner_id=eq.3&order=id", "&emb.or=(a.eq.1)"])
@pytest.mark.parametrize("before", ["", "select=*&", "limit=2&x=lt.5&"])
@pytest.mark.parametrize("literal", LITERALS[:4] + LITERALS[5:6])
def test_positions_after_the_literal_are_shifted(before: str, other: str, literal: str) -> None:
    cache = TargetCache(CountingParser().read, LONGEST)
    for value in ("1", literal, "22"):
        target = f"/t?{before}id=eq.{value}{other}".encode()
        assert cache.read(b"GET", target, PLAIN) == read_query(b"GET", target, PLAIN, b"", "public", LONGEST)


def test_a_fan_out_is_parsed_once() -> None:
    parser = CountingParser()
    cache = TargetCache(parser.read, LONGEST)
    for number in range(100):
        cache.read(b"GET", b"/t?select=*&id=eq.%d" % number, PLAIN)
    assert parser.targets == [b"/t?select=*&id=eq.0"]


def test_no_template_contains_a_value() -> None:
    cache = TargetCache(CountingParser().read, LONGEST)
    cache.read(b"GET", b"/t?id=eq.777", PLAIN)
    (template,) = cache._templates.values()
    assert b"777" not in msgspec.json.encode(template)


def test_other_methods_profiles_and_bypass_reasons_have_their_own_template() -> None:
    cache = TargetCache(CountingParser().read, LONGEST)
    expected = [cache.read(method, b"/t?id=eq.1", request_head) for method in METHODS for request_head in HEADS]
    assert expected == [
        read_query(method, b"/t?id=eq.1", request_head, b"", "public", LONGEST)
        for method in METHODS
        for request_head in HEADS
    ]


def test_a_target_that_is_too_long_is_not_cached() -> None:
    parser = CountingParser()
    target = b"/t?id=eq.1&select=" + b"a" * LONGEST
    assert TargetCache(parser.read, LONGEST).read(b"GET", target, PLAIN).bypass_reason == "too-long"
    assert parser.targets == [target]


def test_ten_thousand_fingerprints_are_parsed_once() -> None:
    parser = CountingParser()
    cache = TargetCache(parser.read, LONGEST)
    for _ in range(2):
        for number in range(10_000):
            cache.read(b"GET", b"/t%d?id=eq.1" % number, PLAIN)
    assert len(parser.targets) == 10_000


def test_the_number_of_templates_is_bounded() -> None:
    cache = TargetCache(CountingParser().read, LONGEST)
    for number in range(MAX_TEMPLATES + 9):
        cache.read(b"GET", b"/t%d?id=eq.1" % number, PLAIN)
    assert len(cache._templates) == len(cache._sizes) == MAX_TEMPLATES


def test_templates_are_bounded_in_bytes_too() -> None:
    longest = 6000
    cache = TargetCache(
        lambda method, target, its_head: read_query(method, target, its_head, b"", "", longest), longest
    )
    for number in range(MAX_TEMPLATE_BYTES // (PER_BYTE * 5000) + 9):
        cache.read(b"GET", b"/t%d?select=%b&id=eq.1" % (number, b"a" * 5000), PLAIN)
    assert cache._held_bytes == sum(cache._sizes.values()) <= MAX_TEMPLATE_BYTES
    assert len(cache._templates) == len(cache._sizes) < number
