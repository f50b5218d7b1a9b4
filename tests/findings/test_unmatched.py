"""Ignores that matched no finding: one whose route ran looks fixed, one whose route did not run proves nothing."""

from __future__ import annotations

import pytest

from proxy.findings.ignores import Ignore
from proxy.findings.unmatched import Seen, unmatched_ignore

SEEN = Seen(over_database=("FAN021", "FAN022"), checked=("FAN021",))
SEEN.add("GET /users/:id", {"public.videos"}, {"GET videos?id=eq.?"})
SEEN.add("", {"public.notes"}, {"GET notes"})


def looks_fixed(**fields: str) -> bool:
    found = unmatched_ignore("ignore 1", Ignore(reason="known", **fields), "public", SEEN)
    assert found.text.startswith("ignore 1, and looks fixed" if found.looks_fixed else "ignore 1, which proves nothing")
    return found.looks_fixed


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"route": "GET /users/:id"}, True),
        ({"route": "GET /users"}, False),
        ({"route": "GET /users/:id", "fingerprint": "GET gone"}, True),
        ({"route": "GET /users", "fingerprint": "GET notes"}, False),
        ({"fingerprint": "GET notes"}, True),
        ({"fingerprint": "GET gone"}, False),
        ({"relation": "videos"}, True),
        ({"relation": "public.videos"}, True),
        ({"relation": "private.videos"}, False),
        ({"rule": "FAN001"}, True),
        ({"rule": "FAN021", "relation": "gone"}, True),
        ({"rule": "FAN022", "relation": "videos"}, False),
        ({"finding": "FAN001:public.videos:GET /users/:id:GET videos?id=eq.?"}, True),
        ({"finding": "FAN001:public.videos:GET /users:GET videos?id=eq.?"}, False),
        ({"finding": "FAN001:notes:-:GET notes"}, True),
        ({"finding": "FAN001:gone:-:GET gone"}, False),
        ({"finding": "FAN010::-:"}, True),
        ({"finding": "FAN021:gone:-:table gone"}, True),
        ({"finding": "FAN022:videos:-:index i"}, False),
    ],
)
def test_an_ignore_looks_fixed_only_if_what_it_is_about_was_looked_at(fields: dict[str, str], expected: bool) -> None:
    assert looks_fixed(**fields) is expected


def test_without_traffic_nothing_looks_fixed() -> None:
    found = unmatched_ignore("ignore 1", Ignore(reason="known", rule="FAN001"), "public", Seen())
    assert not found.looks_fixed
