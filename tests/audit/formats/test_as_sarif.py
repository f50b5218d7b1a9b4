"""A report as SARIF is valid and has one shape, whatever clients call things."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from proxy.audit.formats.as_sarif import as_sarif
from rules import RULES
from tests.audit.factories import NAMES, PLAIN, report
from tests.check.sarif_schema import schema_errors


def sarif(name: str, settings: str = "") -> Any:
    return json.loads(as_sarif(report(name), RULES, "1.0", settings))


@pytest.mark.parametrize("settings", ["", "ci/fanin.toml"])
@pytest.mark.parametrize("name", [*NAMES, "app/[id]/page.tsx:7"])
def test_sarif_is_valid_keeps_its_shape_and_has_no_links(name: str, settings: str) -> None:
    log = sarif(name, settings)
    assert schema_errors(log) == []
    results = log["runs"][0]["results"]
    assert not any("](" in one["message"]["text"] for one in results)
    levels = [(one["ruleId"], one["level"], one["occurrenceCount"], "suppressions" in one) for one in results]
    assert levels == [
        ("FAN001", "error", 2, False),
        ("FAN016", "error", 1, False),
        ("FAN003", "note", 1, False),
        ("FAN011", "error", 3, True),
    ]


def test_sarif_says_why_a_finding_is_ignored_and_warns_of_what_the_report_does() -> None:
    (run,) = sarif(PLAIN)["runs"]
    assert run["results"][-1]["suppressions"] == [{"kind": "external", "justification": PLAIN}]
    notes = run["invocations"][0]["toolConfigurationNotifications"]
    assert notes[0] == {"level": "warning", "message": {"text": f"of {PLAIN}"}}
    assert notes[1]["message"]["text"].startswith(f"not checked: FAN031 of {PLAIN}, because ")
    assert len(notes) == 2


def test_what_cannot_fail_a_build_is_a_note_however_bad_it_is() -> None:
    made = report(PLAIN)
    loose = replace(made, findings=tuple(replace(one, judged=False) for one in made.findings))
    (run,) = json.loads(as_sarif(loose, RULES, "1.0", ""))["runs"]
    assert {one["level"] for one in run["results"] if "suppressions" not in one} == {"note"}
