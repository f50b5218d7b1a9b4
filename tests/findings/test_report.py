"""A finding as text: every part in its place, nothing that moves a cursor."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.findings.report import after, before, finding_lines, fixes, heading
from tests.check.factories import finding

MADE = finding("videos")


def test_a_finding_has_the_parts_of_the_field_in_their_order() -> None:
    labels = [line[2:23].strip() for line in finding_lines(MADE) if line[2:3].strip() and not line.startswith("[")]
    assert labels[:4] == ["Location", "Current performance", "Problem", "Evidence"]
    assert labels[4:7] == ["Fix (SQL)", "Fix (supabase-js)", "Fix (supabase-py)"]
    assert labels[7:] == ["Expected improvement", "Risk", "Mute with"]
    assert next(iter(finding_lines(MADE))) == heading(MADE) == "[HIGH: FAN001] 9 reads of videos"


def test_its_parts_are_what_its_lines_say() -> None:
    told = "\n".join(finding_lines(MADE))
    for label, lines in (*before(MADE), *after(MADE)):
        assert f"  {label:<21} {lines[0]}" in told
    for name, _, code in fixes(MADE):
        assert f"  Fix ({name})\n" + "\n".join(f"      {line}" for line in code) in told


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({}, "GET videos?id=eq.?, route videos, called from videos"),
        ({"caller": ""}, "GET videos?id=eq.?, route videos"),
        ({"fingerprint": "", "caller": ""}, "route videos"),
        ({"fingerprint": "", "route": "", "caller": ""}, ""),
    ],
)
def test_its_location_is_as_much_as_is_known(changes: dict[str, str], location: str) -> None:
    assert dict(before(replace(MADE, **changes)))["Location"] == (location,)


def test_code_keeps_its_lines_and_nothing_else_ends_one() -> None:
    made = replace(MADE, fix=replace(MADE.fix, sql="select 1\n  from \u2028t\x1b\n"))
    ((_, language, lines), *_) = fixes(made)
    assert (language, lines) == ("sql", ["select 1", "  from \\u2028t\\x1b"])
