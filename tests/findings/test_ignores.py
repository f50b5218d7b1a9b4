"""Ignores: what each names must all be the finding's; days and idleness are told."""

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
def test_an_ignore_is_for_what_it_names(entry: dict[str, Any], ignored: bool) -> None:
    assert ignores(entry).keep([FINDING], DAY) == (() if ignored else (FINDING,))


def test_a_finding_of_another_schema_is_another_relations() -> None:
    other = msgspec.structs.replace(FINDING, relation="private.videos")
    assert ignores({"relation": "private.videos"}).keep([FINDING, other], DAY) == (FINDING,)
    assert ignores({"relation": "videos"}, schema="private").keep([FINDING, other], DAY) == ()


def test_a_findings_own_key_may_name_the_first_schema_or_not() -> None:
    named = msgspec.structs.replace(FINDING, relation="public.videos")
    unnamed = msgspec.structs.replace(FINDING, relation="videos")
    for key in (named.key, unnamed.key):
        assert ignores({"finding": key}).keep([named, unnamed], DAY) == ()
        assert ignores({"finding": key}, schema="api").keep([named, unnamed], DAY) != ()


def test_what_ended_and_what_is_idle_is_told_once_and_apart() -> None:
    one = ignores({"rule": "FAN003"}, {"rule": "FAN001", "until": DAY}, {"rule": "FAN001", "route": "x"})
    one.keep([FINDING], DAY)
    assert list(one.expired(DAY)) == []
    assert list(one.idle(DAY)) == [
        "ignore 1 (FAN003) has matched no finding",
        "ignore 3 (FAN001, x) has matched no finding",
    ]
    later = DAY + dt.timedelta(days=1)
    assert list(one.expired(later)) == [
        f"ignore 2 (FAN001) ended on {DAY}: what it was for is told again",
    ]
    assert list(one.expired(later)) == list(one.idle(later)) == []
