"""The report of a check of a set-up: its lines, and the three heaviest changes."""

from __future__ import annotations

from proxy.doctor.diagnosis import Diagnosis, SettingChange, SetupCheck, combined, diagnosis_lines


def test_the_three_heaviest_changes_end_the_report_whatever_part_they_are_of() -> None:
    parts = [Diagnosis((), (SettingChange(f"a = {weight}", "why", weight),)) for weight in (5, 90, 40, 70)]
    lines = list(diagnosis_lines(combined(parts)))
    assert [line for line in lines if " = " in line] == ["  1. a = 90", "  2. a = 70", "  3. a = 40"]
    assert list(diagnosis_lines(Diagnosis()))[-1] == "No setting is worth changing."


def test_text_from_upstream_moves_no_cursor_and_a_broken_check_is_seen() -> None:
    broken = Diagnosis((SetupCheck("upstream", "broken", "a\x1b[2J\nb", "do\x07 this"),))
    first, second, *_ = diagnosis_lines(combined([Diagnosis(), broken]))
    assert first == "broken   upstream       a\\x1b[2J\\nb"
    assert second.endswith("→ do\\x07 this")
    assert combined([Diagnosis(), broken]).is_broken
