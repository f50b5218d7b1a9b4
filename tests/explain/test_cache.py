"""Whether a request would be answered from the cache is said with its reason."""

from __future__ import annotations

import pytest

from proxy.explain.cache import (
    CONDITION,
    FRESH,
    NO_TIME,
    NOT_A_READ,
    NOT_A_RELATION,
    UNSTABLE,
    cache_lines,
)
from proxy.explain.prefetch import RETRIED
from proxy.postgrest.hazards import Hazard
from proxy.settings.loading import load
from tests.factories import member

ON = {"rules.fan006": "rewrite", "cache.fresh": "60"}


def lines_of(
    target: str, lines: str = "Host: h", method: bytes = b"GET", hazard: Hazard | None = None, **changes: str
) -> list[str]:
    settings = load(ON | {name.replace("__", "."): value for name, value in changes.items()}).settings
    return list(cache_lines(member(target, lines, method=method), settings, hazard))


def test_a_read_would_be_for_both_times() -> None:
    (line,) = lines_of("/t?order=id")
    assert line.startswith("yes, from the answer to an equal request of its identity; at most 60 s old (cache.fresh)")
    (line,) = lines_of("/t?order=id", cache__stale_while_revalidate="30")
    assert "at most 90 s old (cache.fresh + cache.stale_while_revalidate)" in line


def test_where_it_is_off_that_is_said_and_what_would_be() -> None:
    first, second = lines_of("/t", rules__fan006="report")
    assert first.startswith("no: rules.fan006 is 'report'")
    assert second.startswith("yes")
    settings = load({}).settings
    assert cache_lines(member("/t"), settings, None)[1] == NO_TIME


@pytest.mark.parametrize(
    ("target", "lines", "method", "reason"),
    [
        ("/t", "Host: h", b"HEAD", NOT_A_READ),
        ("/rpc/f", "Host: h", b"GET", NOT_A_RELATION),
        ("/t", "Host: h\nX-Retry-Count: 1", b"GET", RETRIED),
        ("/t", "Host: h\nX-Fanin: off", b"GET", "no: off (a bypass reason)"),
        ("/t", "Host: h\nCache-Control: max-age=0", b"GET", FRESH),
        ("/t", 'Host: h\nIf-Match: "x"', b"GET", CONDITION),
    ],
)
def test_what_is_not_kept_has_its_reason(target: str, lines: str, method: bytes, reason: str) -> None:
    assert lines_of(target, lines, method) == [reason]


def test_reads_whose_answers_may_differ_are_not_kept() -> None:
    assert lines_of("/t", hazard=Hazard("unstable", "f")) == [UNSTABLE]


def test_a_write_has_no_line() -> None:
    assert lines_of("/t", method=b"PATCH") == []
