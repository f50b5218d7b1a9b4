"""A finding as text has all parts in order and no control characters."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.findings.model import DatabaseObject, Fix
from proxy.findings.report import finding_lines, fixes, heading, parts_after_fix, parts_before_fix
from tests.check.factories import finding

MADE = finding("videos")


def test_a_report_has_its_parts_in_order() -> None:
    labels = [line[2:23].strip() for line in finding_lines(MADE) if line[2:3].strip() and not line.startswith("[")]
    assert labels[:4] == ["Location", "Current performance", "Problem", "Evidence"]
    assert labels[4:7] == ["Fix (SQL)", "Fix (supabase-js)", "Fix (supabase-py)"]
    assert labels[7:] == ["Expected improvement", "Risk", "Mute with"]
    assert next(iter(finding_lines(MADE))) == heading(MADE) == "[HIGH: FAN001] 9 reads of videos"


def test_a_part_that_is_not_printed_has_no_heading_and_the_reason_follows_the_fix() -> None:
    made = replace(MADE, fix=Fix(supabase_js="a()", reason="No SQL: its embeds."))
    lines = [line[2:].strip() for line in finding_lines(made)]
    assert [line for line in lines if line.startswith("Fix (")] == ["Fix (supabase-js)"]
    assert lines[lines.index("a()") + 1] == "No fix                No SQL: its embeds."
    none = replace(MADE, fix=Fix(reason="No batch read: they differ."))
    assert not list(fixes(none))
    assert ("No fix", ("No batch read: they differ.",)) in parts_after_fix(none)


def test_the_lines_of_a_report_are_those_of_its_parts() -> None:
    report = "\n".join(finding_lines(MADE))
    for label, lines in (*parts_before_fix(MADE), *parts_after_fix(MADE)):
        assert f"  {label:<21} {lines[0]}" in report
    for name, _, code in fixes(MADE):
        assert f"  Fix ({name})\n" + "\n".join(f"      {line}" for line in code) in report


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({}, "GET videos?id=eq.?, route videos, called from videos"),
        ({"caller": ""}, "GET videos?id=eq.?, route videos"),
        ({"fingerprint": "", "caller": ""}, "route videos"),
        ({"fingerprint": "", "route": "", "caller": ""}, ""),
    ],
)
def test_the_location_names_what_is_known(changes: dict[str, str], location: str) -> None:
    assert dict(parts_before_fix(replace(MADE, **changes)))["Location"] == (location,)


def test_the_location_of_a_finding_over_the_database_is_its_object() -> None:
    policy = replace(
        MADE, fingerprint="", route="", caller="", object=DatabaseObject("policy", "public", "own", "videos")
    )
    assert dict(parts_before_fix(policy))["Location"] == ("policy public.videos.own",)
    database = replace(policy, object=DatabaseObject("database", "", "app"))
    assert dict(parts_before_fix(database))["Location"] == ("database app",)


def test_code_keeps_its_lines_and_only_a_newline_ends_one() -> None:
    finding = replace(MADE, fix=replace(MADE.fix, sql="select 1\n  from \u2028t\x1b\n"))
    ((_, language, lines), *_) = fixes(finding)
    assert (language, lines) == ("sql", ["select 1", "  from \\u2028t\\x1b"])
