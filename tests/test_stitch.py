"""Over-long lists: how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.path.fingerprint import read_query
from proxy.path.stitch import lengthened
from proxy.postgrest.in_list import shortened
from tests.made import head, query

if TYPE_CHECKING:
    from proxy.model import Query

LIST = "in.(" + ",".join(map(str, range(1000, 3000))) + ")"


def read(target: str, lines: str = "Host: h") -> Query:
    raw = target.encode()
    return lengthened(read_query(b"GET", shortened(raw, 7000), head(lines), b"", 7000), raw)


def test_a_query_with_a_long_list_reads_as_the_same_with_a_short_one() -> None:
    long, short = read(f"/t?select=a&x=eq.7&id={LIST}&order=id"), query("/t?select=a&x=eq.7&id=in.(1)&order=id")
    assert (long.relation, long.fingerprint) == (short.relation, short.fingerprint)
    assert long.target == f"/t?select=a&x=eq.7&id={LIST}&order=id".encode()
    assert (long.refusal, long.keys, long.select) == ("too-long", (), None)


def test_two_long_lists_are_told_apart() -> None:
    one, two = read(f"/t?x=eq.7&id={LIST}"), read(f"/t?x=eq.7&id={LIST[:-1]},1)")
    assert one.filters[0] == two.filters[0] == b"7"
    assert one.filters[1] != two.filters[1]


@pytest.mark.parametrize(
    ("refusal", "target", "lines"),
    [
        ("offset", f"/t?id={LIST}&offset=3", "Host: h"),
        ("aggregate", f"/t?select=count()&id={LIST}", "Host: h"),
        ("semicolon", f"/t?id={LIST}&a=eq.;", "Host: h"),
        ("range", f"/t?id={LIST}", "Host: h\nRange: 0-9"),
        ("accept", f"/t?id={LIST}", "Host: h\nAccept: text/csv"),
        ("count", f"/t?id={LIST}", "Host: h\nPrefer: count=planned"),
        ("off", f"/t?id={LIST}", "Host: h\nX-Fanin: off"),
        ("not-a-relation", f"/rpc/t?id={LIST}", "Host: h"),
    ],
)
def test_what_else_forbids_a_rewrite_is_still_known(refusal: str, target: str, lines: str) -> None:
    assert read(target, lines).refusal == refusal


@pytest.mark.parametrize("target", ["/t?or=(" + "a.eq.1," * 20_000, "/t?" + "&" * 70_000, "/t?id=eq." + "1" * 70_000])
def test_a_target_beyond_reading_is_known_by_its_path(target: str) -> None:
    long = read(target)
    assert (long.relation, long.fingerprint, long.refusal) == ("t", "GET t", "too-long")
    assert long.target == target.encode()
