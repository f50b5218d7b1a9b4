"""Whether a request would be fetched ahead is said with its reason."""

from __future__ import annotations

import pytest

from proxy.explain.keys import ALONE, MERGES
from proxy.explain.prefetch import FRESH, NO_KEY, NOT_A_READ, NOT_MERGED, RETRIED, UNNAMED, prefetch_lines
from proxy.settings.loading import load
from tests.factories import member

ON = {"rules.fan002": "rewrite"}
NAMED = "Host: h\nX-Fanin-Trace: a"


def lines_of(
    target: str, lines: str = NAMED, merging: str = MERGES, method: bytes = b"GET", **changes: str
) -> list[str]:
    request = member(target, lines, method=method)
    settings = load(ON | {name.replace("__", "."): value for name, value in changes.items()}).settings
    return list(prefetch_lines(request.query, request.head, settings, merging))


def test_a_read_with_a_key_in_a_named_trace_would_be() -> None:
    (line,) = lines_of("/t?id=eq.1", prefetch__max_age="0.5")
    assert line.startswith("yes, in a loop over the values of id in")
    assert "at most 0.5 s old" in line


@pytest.mark.parametrize(
    ("name", "value"), [("rules__fan002", "report"), ("mode", "observe"), ("rules__fan001", "off")]
)
def test_where_it_is_off_that_is_said_and_what_would_be(name: str, value: str) -> None:
    first, second = lines_of("/t?id=eq.1", **{name: value})  # type: ignore[arg-type]
    assert first.startswith("no: rules.fan002 is")
    assert second.startswith("yes")


@pytest.mark.parametrize(
    ("target", "lines", "merging", "method", "reason"),
    [
        ("/t?id=eq.1", NAMED, MERGES, b"PATCH", NOT_A_READ),
        ("/t?id=eq.1", NAMED, ALONE, b"GET", NOT_MERGED),
        ("/t?id=eq.1&offset=4", NAMED, ALONE, b"GET", NOT_MERGED),
        ("/t?id=in.(1)", NAMED, MERGES, b"GET", NO_KEY),
        ("/t?id=eq.1", "Host: h", MERGES, b"GET", UNNAMED.format("x-fanin-trace, traceparent")),
        ("/t?id=eq.1", f"{NAMED}\nX-Retry-Count: 1", MERGES, b"GET", RETRIED),
        ("/t?id=eq.1", f"{NAMED}\nCache-Control: no-cache", MERGES, b"GET", FRESH),
    ],
)
def test_what_is_not_fetched_ahead_has_its_reason(
    target: str, lines: str, merging: str, method: bytes, reason: str
) -> None:
    assert lines_of(target, lines, merging, method) == [reason]
