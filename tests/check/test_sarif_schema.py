"""What `fanin check --format sarif` writes is SARIF 2.1.0, by the schema that OASIS publishes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from proxy.check.sarif import SCHEMA, sarif
from proxy.commands.main import FINDINGS, main
from rules import RULES
from tests.check.factories import verdict_about
from tests.check.sarif_schema import SARIF, schema_errors
from tests.hostile_inputs import HOSTILE_NAMES, HOSTILE_TEXTS
from tests.recording.test_codec import lines
from tests.rules.traces import parallel, span, trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_schema_is_the_one_that_the_log_names() -> None:
    assert SARIF.schema["id"] == SCHEMA


@pytest.mark.parametrize("settings", ["", "ci/fanin.toml", "ci dir/[fanin]#%.toml"])
@pytest.mark.parametrize("name", [*HOSTILE_NAMES, *HOSTILE_TEXTS, "app/[id]/page.tsx:7", "videos"])
def test_whatever_clients_call_things_it_is_valid(name: str, settings: str) -> None:
    log = json.loads(sarif(verdict_about(name), RULES, "1.0", settings))
    assert schema_errors(log) == []
    assert len(log["runs"][0]["results"]) == 7


def test_the_output_of_the_command_for_real_findings_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reads = [f"GET /videos?id=eq.{number}" for number in range(9)]
    serial = replace(trace([span(line, at + 1, start=at / 100) for at, line in enumerate(reads)]), id="serial")
    (tmp_path / "traces.jsonl").write_bytes(b"".join(lines(parallel(reads), serial)))
    (tmp_path / "fanin.toml").write_text("[[budget]]\nroute = 'GET /export'\nmax_queries = 3\n", encoding="utf-8")
    words = ["--traces", str(tmp_path / "traces.jsonl"), "--budgets", str(tmp_path / "fanin.toml")]
    assert main(["check", *words, "--format", "sarif"]) == FINDINGS
    log = json.loads(capsys.readouterr().out)
    assert schema_errors(log) == []
    assert {"FAN001", "FAN002", "max_queries"} <= {one["ruleId"] for one in log["runs"][0]["results"]}


def located(log: Any) -> Any:
    return log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda log: log.update(version="2.2.0"), "$.version"),
        (lambda log: log["runs"][0]["results"][0].update(level="bad"), "$.runs[0].results[0].level"),
        (lambda log: log["runs"][0]["results"][0].update(more=1), "$.runs[0].results[0]"),
        (lambda log: log["runs"][0]["tool"]["driver"]["rules"][0].pop("id"), "$.runs[0].tool.driver.rules[0]"),
        (lambda log: located(log)["region"].update(startLine=0), "physicalLocation.region.startLine"),
        (lambda log: located(log)["artifactLocation"].update(uri="a b"), "physicalLocation.artifactLocation.uri"),
        (lambda log: located(log)["artifactLocation"].update(uri="[id]"), "physicalLocation.artifactLocation.uri"),
    ],
)
def test_what_departs_from_the_schema_is_told(spoil: Callable[[Any], object], where: str) -> None:
    log = json.loads(sarif(verdict_about("videos"), RULES, "1.0", "ci/fanin.toml"))
    spoil(log)
    (error,) = schema_errors(log)
    assert where in error
