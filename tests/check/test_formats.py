"""Each format contains the names of clients as text and keeps its structure for all names."""

from __future__ import annotations

import json
import unicodedata
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from proxy.check.as_json import as_json
from proxy.check.junit import junit
from proxy.check.sarif import TEXTS, sarif
from proxy.check.text import text
from proxy.check.verdict import BudgetProblem
from rules import RULES
from tests.check.factories import example_verdict, finding
from tests.hostile_inputs import NASTY, RAW

NAMES = (*NASTY, *RAW)
PLAIN = "videos"


def shape(value: Any) -> Any:
    """A JSON value without its texts."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value).__name__


def tree(node: ET.Element) -> Any:
    return node.tag, sorted(node.attrib), [tree(child) for child in node]


def results(name: str, settings: str = "") -> Any:
    (run,) = json.loads(sarif(example_verdict(name), RULES, "1.0", settings))["runs"]
    return run["results"]


@pytest.mark.parametrize("name", NAMES)
def test_text_has_the_same_lines_for_all_names_and_no_control_characters(name: str) -> None:
    output = text(example_verdict(name))
    assert len(output.split("\n")) == len(text(example_verdict(PLAIN)).split("\n"))
    assert not {char for char in output if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}
    assert not any(line.lstrip().startswith(("::", "##[")) for line in output.split("\n"))


@pytest.mark.parametrize("name", NAMES)
def test_json_contains_names_unchanged(name: str) -> None:
    document = json.loads(as_json(example_verdict(name)))
    assert shape(document) == shape(json.loads(as_json(example_verdict(PLAIN))))
    assert document["checks"][0]["problems"][0]["route"] == name
    assert document["failed"] is True


@pytest.mark.parametrize("name", NAMES)
def test_junit_keeps_its_structure_for_all_names(name: str) -> None:
    root = ET.fromstring(junit(example_verdict(name)))
    assert tree(root) == tree(ET.fromstring(junit(example_verdict(PLAIN))))
    (first, *_) = root.iter("testcase")
    if all(char.isprintable() for char in name):
        assert first.attrib["name"] == f"{name}: at most 3 queries"
    assert int(root.attrib["failures"]) == len(list(root.iter("failure"))) == 4
    assert len(list(root.iter("skipped"))) == 2


@pytest.mark.parametrize("name", NAMES)
def test_sarif_keeps_its_structure_for_all_names_and_has_no_links(name: str) -> None:
    found_results = results(name)
    assert shape(found_results) == shape(results(PLAIN))
    assert not any("](" in result["message"]["text"] for result in found_results)


def test_sarif_has_the_fields_that_its_schema_and_code_hosts_require() -> None:
    log = json.loads(sarif(example_verdict(PLAIN), RULES, "1.0", "ci/fanin.toml"))
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
