from __future__ import annotations

from msgspec.structs import replace

from proxy.audit.phases import FASTER, phase_of, phases
from proxy.audit.report import ObservedLoad, ReportedFinding
from proxy.findings.model import DatabaseObject
from rules import RULES
from tests.check.factories import finding

TABLE = DatabaseObject("table", "public", "videos")


def reported(code: str, calls: int | None = None) -> ReportedFinding:
    load = None if calls is None else ObservedLoad(calls, 0, 0, 0, 0, (), ())
    found = replace(finding("videos", code), object=None if calls is None else TABLE)
    return ReportedFinding(found.key, 1, 1, True, True, "", "", found, load)


def test_findings_of_traffic_are_analysis_and_those_over_the_database_schema_or_optimisation() -> None:
    assert phase_of(reported("FAN001").finding) == "analysis"
    assert phase_of(reported("FAN029", 1).finding) == "schema"
    assert phase_of(reported("FAN021", 1).finding) == "optimisation"


def test_each_phase_has_its_findings_with_their_numbers_and_those_that_nothing_touches_apart() -> None:
    found = [reported("FAN021", 3), reported("FAN001"), reported("FAN029", 0), reported("FAN041", 0)]
    by_title = {phase.title[0]: phase for phase in phases(found)}
    assert {
        title: ([number for number, _ in phase.touched], [number for number, _ in phase.untouched])
        for title, phase in by_title.items()
    } == {"1": ([2], []), "2": ([], [3]), "3": ([1], [4])}


def test_the_rules_that_make_requests_faster_are_rules_over_the_database() -> None:
    codes = {rule.code for rule in RULES if rule.inspect_database}
    assert FASTER - {"FAN020"} <= codes
