from __future__ import annotations

from msgspec.structs import replace

from proxy.audit.completed import TYPES, completed
from tests.audit.factories import EMPTY, PLAIN, report


def test_findings_get_their_phase_and_the_report_what_to_watch() -> None:
    made = completed(report(PLAIN))
    assert {each.phase for each in made.findings} == {"analysis"}
    assert [each.language for each in made.monitoring] == ["yaml", "toml"]


def test_generated_types_are_one_line_where_a_database_and_requests_were_seen() -> None:
    assert completed(replace(EMPTY, database="app")).hints == (TYPES,)
    assert completed(EMPTY).hints == ()
    without = replace(EMPTY, database="app", traffic=replace(EMPTY.traffic, queries=0))
    assert completed(without).hints == ()
    assert "\n" not in TYPES
