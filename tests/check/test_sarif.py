"""A verdict as SARIF has one shape and what code hosts ask for, and its places are below the root."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.check.sarif import TEXTS, sarif
from proxy.check.verdict import BudgetProblem
from rules import RULES
from tests.check.factories import NAMES, PLAIN, finding, shape, verdict_about


def results(name: str, settings: str = "") -> Any:
    (run,) = json.loads(sarif(verdict_about(name), RULES, "1.0", settings))["runs"]
    return run["results"]


@pytest.mark.parametrize("name", NAMES)
def test_sarif_keeps_its_shape_and_has_no_links(name: str) -> None:
    made = results(name)
    assert shape(made) == shape(results(PLAIN))
    assert not any("](" in one["message"]["text"] for one in made)


def test_sarif_has_what_its_schema_and_code_hosts_ask_for() -> None:
    log = json.loads(sarif(verdict_about(PLAIN), RULES, "1.0", "ci/fanin.toml"))
    assert (log["version"], list(log)) == ("2.1.0", ["$schema", "version", "runs"])
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert ids == [*(rule.code for rule in RULES), *TEXTS]
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    for rule in driver["rules"][: len(RULES)]:
        assert rule["fullDescription"]["text"].startswith("Finds")
        assert len(rule["fullDescription"]["text"]) <= 1024  # more of it GitHub does not take
    for result in run["results"]:
        assert result["ruleId"] in ids
        assert result["level"] in ("error", "note")
        assert result["message"]["text"]
        (location,) = result["locations"]
        assert location["physicalLocation"] == {
            "artifactLocation": {"uri": "ci/fanin.toml"},
            "region": {"startLine": 1},
        }
    assert {result["level"] for result in run["results"]} == {"error", "note"}
    marks = [result["partialFingerprints"]["fanin/v1"] for result in run["results"]]
    assert marks == [result["partialFingerprints"]["fanin/v1"] for result in results(PLAIN)]
    notes = run["invocations"][0]["toolConfigurationNotifications"]
    assert {"level": "warning", "message": {"text": "of videos"}} in notes


@pytest.mark.parametrize(
    ("caller", "uri", "line"),
    [
        ("src/export.ts:12", "src/export.ts", 12),
        ("app/[id]/page.tsx:3", "app/%5Bid%5D/page.tsx", 3),
        ("app/(shop)/[...slug]/page.tsx:3", "app/%28shop%29/%5B...slug%5D/page.tsx", 3),
        ("routes/$id.tsx:3", "routes/%24id.tsx", 3),
        ("app/a b?c#d.ts:3", None, 0),
        ("src/export.ts:12:7", "src/export.ts", 12),
        ("a/../../etc/passwd.txt:1", None, 0),
        ("/etc/passwd.txt:1", None, 0),
        ("https://hit.example/x.js:1", None, 0),
        ("C:\\x.js:1", None, 0),
        ("x.js:0", None, 0),
        ("x.js:1\n", None, 0),
        ("list", None, 0),
    ],
)
def test_a_source_location_is_a_file_inside_the_repository(caller: str, uri: str | None, line: int) -> None:
    from msgspec.structs import replace

    from proxy.check.sarif import _location

    problem = BudgetProblem("FAN001", "what", finding=replace(finding(PLAIN), caller=caller))
    location = _location(problem, "").get("physicalLocation")
    expected = uri and {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    assert location == expected
