"""No target takes long to parse, whatever it is filled with: other requests wait for that."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from proxy.postgrest.request.in_list import shortened
from tests.factories import query

if TYPE_CHECKING:
    from types import FrameType

MOST = 25_000
"""The most calls of functions for one target: about 3 ms."""
MAX_URL = 7000
TARGETS = [
    ("id=eq.1&data", "->a"),
    ("", "a->b->>c=eq.1&"),
    ("", 'a->"b c"=eq.1&'),
    ("", "%C3%A9=eq.1&"),
    ("", "a-"),
    ("", "%"),
    ('"', "a"),
    ('"', "\\"),
    ("", "not.and=(a.eq.1)&"),
    ("id=eq.1&order=", "a,"),
    ("id=eq.1&order=", 'a->>"b c".desc,'),
    ("id=eq.1&order=a", "->a"),
    ("id=eq.1&select=", "a(b),"),
    ("id=eq.1&select=", "a("),
    ("id=eq.1&select=", "a!b!inner(c),"),
    ("id=eq.1&select=", "...a(b),"),
    ("id=eq.1&select=", "a.sum(),"),
    ("id=eq.1&select=count,", "n:a->>b::int.sum()::text,"),
    ("id=eq.1&select=count,", "a,"),
    ("id=eq.1&select=a(", "%22b%22,"),
    ("id=eq.1&select=a(", "->a"),
    ("id=eq.1&select=count,a(", "é"),
    ("id=eq.1&select=count,a(", "a-"),
    ('id=eq.1&select=count,"', 'a\\"'),
    ("or=(", ","),
    ("", "or=(,,,,,,,,,,,,,,,,,,,,)&"),
    ("or=(", "and(or("),
    ("or=(", "and(a.eq.1),"),
    ("or=(", '"'),
    ("id=in.(", '"a\\"",'),
    ("id=in.(", "1,"),
    ("id=eq(any).{", "1,"),
    ("a=", "not."),
]
"""What queries begin with, and what fills them."""


def calls_for(target: str) -> int:
    """Calls of functions that parsing takes."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        raw = target.encode()
        query(raw if len(raw) <= MAX_URL else shortened(raw, MAX_URL)[0])
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("length", [2000, 4080, 7000, 8190, 60_000])
@pytest.mark.parametrize(("begin", "unit"), TARGETS)
def test_no_target_takes_long_to_parse(begin: str, unit: str, length: int) -> None:
    assert calls_for(f"/t?{begin}{unit * ((length - len(begin) - 3) // len(unit))}") <= MOST
