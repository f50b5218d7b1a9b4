"""A finding as Markdown: its parts in the order of the report, its code in fences."""

from __future__ import annotations

from proxy.findings.markdown import finding_markdown
from tests.check.factories import finding


def test_the_parts_stand_in_the_order_of_the_report_and_code_is_fenced() -> None:
    lines = list(finding_markdown(finding("a`b"), [("Seen", ("twice",))]))
    assert lines[0] == "- **Seen**: twice"
    assert lines.index("- **Problem**: a\\`b is read once a key") < lines.index("Fix (SQL):") < len(lines) - 1
    assert lines.count("```") == 3
    assert lines[-1].startswith("- **Mute with**: ``FAN001:a`b")
