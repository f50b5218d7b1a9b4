"""FAN017 names the headers because of which similar reads share no call, and the setting that cures it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from proxy.analysis.workload import MAX_HEADERS, Workload
from proxy.findings.model import DatabaseObject
from proxy.settings.rules import RuleSettings
from rules.fan017_per_call_header import RULE, PerCallHeader, inspect
from tests.rules.traces import told

if TYPE_CHECKING:
    from proxy.findings.model import Finding

READ = "GET /creators?select=handle&id=eq.1 → 1 rows"
OTHER = "GET /videos?select=id&status=eq.sent → 1 rows"


def findings(*lines: str, settings: RuleSettings | None = None) -> list[Finding]:
    workload = Workload(1000)
    for seen in told(lines):
        workload.add(seen)
    return list(inspect(workload, (settings or RuleSettings()).of(RULE)))


def test_five_reads_are_found_and_four_are_not() -> None:
    assert findings(f"5 × {READ}, x-call differs")
    assert not findings(f"4 × {READ}, x-call differs", f"90 × {READ}")
    assert findings(f"3 × {READ}, x-call differs", settings=RuleSettings(per_call_header=PerCallHeader(min_reads=3)))


def test_one_header_is_one_finding_however_many_queries_have_it() -> None:
    (finding,) = findings(f"15 × {READ}, x-call differs", f"9 × {OTHER}, x-call differs", f"6 × {OTHER}")
    assert finding.title == "Similar reads share no call because of the request header x-call"
    assert finding.current == "24 of 30 reads were sent alone while similar ones were in flight"
    assert finding.evidence[0] == "15 × GET creators?select=handle&id=eq.?"
    assert finding.key == "FAN017::-:header x-call"
    assert finding.object == DatabaseObject(kind="header", schema="", name="x-call")
    assert len(finding.queries) == 2


def test_headers_that_differ_together_are_one_finding_and_others_another() -> None:
    first, second = findings(f"20 × {READ}, x-call differs, x-request-id differs", f"20 × {OTHER}, x-other differs")
    assert first.title.endswith("x-call, x-request-id")
    assert second.title.endswith("x-other")


def test_the_fix_is_a_setting_that_can_be_pasted() -> None:
    (finding,) = findings(f"20 × {READ}, x-call differs, x-request-id differs")
    assert tomllib.loads(finding.fix.settings) == {"identity": {"also_neutral": ["x-call", "x-request-id"]}}
    assert (finding.fix.sql, finding.fix.supabase_js, finding.fix.supabase_py) == ("", "", "")


@pytest.mark.parametrize(("reads", "impact"), [(20, "LOW"), (60, "MEDIUM"), (600, "HIGH")])
def test_the_impact_is_the_number_of_reads_in_an_hour(reads: int, impact: str) -> None:
    assert findings(f"{reads} × {READ}, x-call differs")[0].impact == impact


def test_a_query_keeps_a_bounded_number_of_headers() -> None:
    assert len(findings(*[f"20 × {READ}, x-{n} differs" for n in range(MAX_HEADERS + 9)])) == MAX_HEADERS
