"""Fingerprints and findings as the API has them: units, moments, and no unconfirmed name."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from proxy.admin.usage_views import rule_view, stored_finding_views, usage_views
from proxy.analysis.workload import Usage
from proxy.findings.ignores import Ignore
from proxy.model import Outcome
from proxy.observe.confirmed_names import ConfirmedNames
from rules import RULES
from tests.check.factories import finding
from tests.rules.traces import span, trace

if TYPE_CHECKING:
    from proxy.findings.model import Finding

BASE = "http://127.0.0.1:8000/rest/v1"
EPOCH = 1000.0


@dataclass
class Stored:
    """A finding as a store has it."""

    finding: Finding
    first_seen: float
    last_seen: float
    count: int
    trace: str
    ignore: Ignore | None


def usage(line: str, calls: int) -> Usage:
    """So many requests of 40 ms, the last of which failed."""
    spans = [span(f"{line} → 3 rows, 40 ms", number + 1) for number in range(calls)]
    spans[-1] = replace(spans[-1], status=500, outcome=Outcome.MERGED)
    counted = Usage(spans[0], error=2)
    counted.add(spans, trace(spans))
    return counted


def confirmed(*usages: Usage) -> ConfirmedNames:
    names = ConfirmedNames()
    names.learn([span(f"GET /{one.relation.removeprefix('public.')}", 1) for one in usages])
    return names


def test_the_fingerprint_with_the_most_calls_comes_first() -> None:
    few, many = usage("GET /songs?id=eq.1", 2), usage("GET /videos?id=eq.1", 5)
    views = list(usage_views([few, many], confirmed(few, many), BASE, EPOCH))
    assert [(view.relation, view.calls) for view in views] == [("public.videos", 5), ("public.songs", 2)]


def test_durations_are_milliseconds_and_moments_are_seconds_since_1970() -> None:
    one = usage("GET /videos?id=eq.1", 4)
    (view,) = usage_views([one], confirmed(one), BASE, EPOCH)
    assert (view.total, view.first) == (160.0, EPOCH)
    assert 40.0 <= view.p50 <= view.p95 <= 60.0
    assert (view.rows, view.most_rows, view.failed, view.merged, view.error) == (12, 3, 1, 1, 2)
    assert view.routes == ("GET /export",)
    assert view.curl.startswith("curl -g 'http://127.0.0.1:8000/rest/v1/videos?id=eq.'")


def test_a_name_that_upstream_has_not_confirmed_is_not_shown_and_there_is_no_code_for_it() -> None:
    (view,) = usage_views([usage("GET /sesame?id=eq.1", 1)], ConfirmedNames(), BASE, EPOCH)
    assert "sesame" not in view.relation
    assert (view.curl, view.supabase_js) == ("", "")


def test_a_finding_that_is_ignored_says_why_by_whom_and_until_when() -> None:
    until = Ignore(rule="FAN001", reason="a report", owner="ann", until=dt.date(2030, 1, 31))
    for_ever = Ignore(rule="FAN001", reason="a report")
    stored = [Stored(finding("videos"), 1.0, 2.0, 3, "t", ignore) for ignore in (None, until, for_ever)]
    plain, dated, undated = stored_finding_views(stored, EPOCH)
    assert (plain.key, plain.first, plain.last, plain.count) == (finding("videos").key, 1001.0, 1002.0, 3)
    assert plain.ignored is None
    assert dated.ignored is not None
    assert (dated.ignored.reason, dated.ignored.owner, dated.ignored.until) == ("a report", "ann", "2030-01-31")
    assert undated.ignored is not None
    assert undated.ignored.until == ""


def test_a_rule_is_shown_at_its_level_with_its_document() -> None:
    view = rule_view(RULES[0], "report")
    assert (view.code, view.name, view.level) == (RULES[0].code, RULES[0].name, "report")
    assert view.document == RULES[0].document
