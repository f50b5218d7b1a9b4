"""An ignore suppresses findings that match all of its names; expired and unmatched ignores have one message each."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from proxy.findings.ignores import Ignore, Ignores
from proxy.findings.model import Finding, Fix

DAY = dt.date(2030, 6, 1)
FINDING = Finding(
    code="FAN001",
    impact="HIGH",
    confidence="high",
    title="",
    relation="videos",
    fingerprint="GET videos?id=eq.?",
    route="GET /export",
    caller="",
    problem="",
    current="",
    evidence=(),
    fix=Fix("", "", ""),
    expected="",
    risk="",
)


def ignores(*entries: dict[str, Any], schema: str = "public") -> Ignores:
    return Ignores([Ignore(**{"reason": "known", **entry}) for entry in entries], schema)


@pytest.mark.parametrize(
    ("entry", "ignored"),
    [
        ({"finding": FINDING.key}, True),
        ({"finding": FINDING.key[:-1]}, False),
        ({"rule": "FAN001"}, True),
        ({"rule": "FAN003"}, False),
        ({"relation": "videos"}, True),
        ({"relation": "public.videos"}, True),
        ({"relation": "private.videos"}, False),
        ({"route": "GET /export"}, True),
        ({"route": "GET /expor"}, False),
        ({"rule": "FAN001", "relation": "videos", "route": "GET /export"}, True),
        ({"rule": "FAN001", "relation": "videos", "route": "GET /other"}, False),
        ({"fingerprint": "GET videos?id=eq.?"}, True),
        ({"fingerprint": "GET videos?id=gt.?"}, False),
        ({"rule": "FAN001", "until": DAY}, True),
        ({"rule": "FAN001", "until": DAY - dt.timedelta(days=1)}, False),
    ],
)
def test_an_ignore_matches_findings_with_all_of_its_names(entry: dict[str, Any], ignored: bool) -> None:
    assert ignores(entry).not_ignored([FINDING], DAY) == (() if ignored else (FINDING,))


def test_a_relation_of_another_schema_does_not_match() -> None:
    other = msgspec.structs.replace(FINDING, relation="private.videos")
    assert ignores({"relation": "private.videos"}).not_ignored([FINDING, other], DAY) == (FINDING,)
    assert ignores({"relation": "videos"}, schema="private").not_ignored([FINDING, other], DAY) == ()


def test_the_key_of_a_finding_matches_with_and_without_the_default_schema() -> None:
    named = msgspec.structs.replace(FINDING, relation="public.videos")
    unnamed = msgspec.structs.replace(FINDING, relation="videos")
    for key in (named.key, unnamed.key):
        assert ignores({"finding": key}).not_ignored([named, unnamed], DAY) == ()
        assert ignores({"finding": key}, schema="api").not_ignored([named, unnamed], DAY) != ()


def test_each_expired_and_each_unmatched_ignore_has_one_message() -> None:
    table = ignores({"rule": "FAN003"}, {"rule": "FAN001", "until": DAY}, {"rule": "FAN001", "route": "x"})
    table.not_ignored([FINDING], DAY)
    assert list(table.expired(DAY)) == []
    assert list(table.unmatched(DAY)) == [
        "ignore 1 (FAN003) has matched no finding",
        "ignore 3 (FAN001, x) has matched no finding",
    ]
    later = DAY + dt.timedelta(days=1)
    assert list(table.expired(later)) == [
        f"ignore 2 (FAN001) expired on {DAY}: its findings are reported again",
    ]
    assert list(table.expired(later)) == list(table.unmatched(later)) == []
