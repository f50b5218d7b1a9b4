"""`fanin audit`: its input, its report and its exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from proxy.commands.main import FINDINGS, OK, UNABLE, USAGE
from proxy.model import Outcome
from tests.commands import test_check as checking
from tests.commands.test_check import ONE, Ran
from tests.commands.test_check import no_variables as no_variables
from tests.docs.pages import code_blocks
from tests.recording.test_codec import lines
from tests.rules.traces import parallel
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path


FAN_OUT = parallel([f"GET /videos?id=eq.{number}&select=id → 1 rows, 1 kB, 10 ms" for number in range(60)])
MERGED = replace(
    FAN_OUT, id="m", spans=tuple(replace(each, call=100, shared=60, outcome=Outcome.MERGED) for each in FAN_OUT.spans)
)


class Desk(checking.Desk):
    """A folder with recordings and settings."""

    def audit(self, *words: str, settings: str = "") -> Ran:
        return self.run("audit", "--config", settings, words)

    def text(self, *words: str, settings: str = "") -> Any:
        return json.loads(self.audit(*words, "--format", "json", settings=settings).out)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_traffic_without_findings_exits_with_0(desk: Desk) -> None:
    ran = desk.audit("--traces", desk.record(ONE))
    assert (ran.code, ran.err) == (OK, "")
    assert "ok: failing findings: 0 of 0 (--fail-on high)\n" in ran.out


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [("low", FINDINGS), ("medium", FINDINGS), ("high", FINDINGS), ("critical", OK), ("never", OK)],
)
def test_a_finding_of_at_least_fail_on_exits_with_1(desk: Desk, fail_on: str, code: int) -> None:
    file = desk.record(FAN_OUT)
    assert [each["finding"]["impact"] for each in desk.text("--traces", file)["findings"]] == ["HIGH"]
    assert desk.audit("--traces", file, "--fail-on", fail_on).code == code
    assert desk.audit("--traces", file).code == FINDINGS
    assert desk.text("--traces", file, "--fail-on", fail_on)["failed"] is bool(code)


def test_every_format_contains_the_finding_its_fix_and_the_figures(desk: Desk) -> None:
    file = desk.record(FAN_OUT, MERGED)
    for format_, fix in (
        ("text", '.in("id", chunk);'),
        ("md", '.in("id", chunk);'),
        ("html", ".in(&quot;id&quot;, chunk);"),
    ):
        out = desk.audit("--traces", file, "--format", format_).out
        assert fix in out
        assert "HIGH: FAN001" in out
        assert "61; 59 saved" in out
    report = desk.text("--traces", file)
    assert report["traffic"]["queries"] == 120
    (finding,) = report["findings"]
    assert (finding["times"], finding["traces"], finding["trace"]) == (2, 2, "t")
    (usage,) = report["queries"]
    assert (usage["calls"], usage["merged"], usage["routes"]) == (120, 60, ["GET /export"])
    log = json.loads(desk.audit("--traces", file, "--format", "sarif").out)
    assert [each["occurrenceCount"] for each in log["runs"][0]["results"]] == [2]


def test_a_finding_of_an_inferred_trace_is_reported_and_does_not_fail(desk: Desk) -> None:
    ran = desk.audit("--traces", desk.record(replace(FAN_OUT, explicit=False)), "--fail-on", "low")
    assert ran.code == OK
    assert "[HIGH: FAN001] 60 reads of videos" in ran.out
    assert "(only in traces that cannot fail a build)" in ran.out
    assert "no trace is both complete and named by its client" in ran.out


def test_an_ignored_finding_is_listed_with_its_reason_and_does_not_fail(desk: Desk) -> None:
    table = '[[ignore]]\nrule = "FAN001"\nreason = "in spring"\nowner = "ana"\n'
    file = desk.record(FAN_OUT)
    report = desk.text("--traces", file, settings=table)
    assert (report["findings"], report["failed"]) == ([], False)
    (each,) = report["ignored"]
    assert (each["finding"]["code"], each["times"], each["reason"], each["owner"]) == ("FAN001", 1, "in spring", "ana")
    ran = desk.audit("--traces", file, "--fail-on", "low", settings=table)
    assert ran.code == OK
    assert "Ignored: 1\n" in ran.out
    assert "reason: in spring, owner ana\n" in ran.out


def test_an_unmatched_ignore_is_a_warning(desk: Desk) -> None:
    table = '[[ignore]]\nrule = "FAN003"\nreason = "gone"\n'
    assert "ignore 1 (FAN003) has matched no finding" in desk.audit("--traces", desk.record(ONE), settings=table).out


def test_a_rule_that_is_off_has_no_findings(desk: Desk) -> None:
    assert desk.audit("--traces", desk.record(FAN_OUT), "--set", "rules.fan001=off").code == OK


def test_a_name_that_postgrest_never_accepted_is_not_shown_and_its_requests_are_counted(desk: Desk) -> None:
    """It is hidden when it is recorded, too: this recording was written by somebody else."""
    unconfirmed = parallel([f"GET /token-of-ana?id=eq.{number}&select=id" for number in range(60)])
    whole = [
        *lines(replace(unconfirmed, spans=tuple(replace(each, bypass_reason="range") for each in unconfirmed.spans)))
    ]
    whole = [text.replace(b'"status":200', b'"status":404') for text in whole] + lines(replace(ONE, id="t2"))[1:]
    (desk.folder / "raw").write_bytes(b"".join(whole))
    for format_ in ("text", "md", "json", "html", "sarif"):
        ran = desk.audit("--traces", str(desk.folder / "raw"), "--format", format_, "--fail-on", "low")
        assert (ran.code, "token-of-ana" in ran.out) == (OK, False)
    report = desk.text("--traces", str(desk.folder / "raw"))
    assert (report["traffic"]["nameless"], report["traffic"]["failed"]) == (60, 60)
    assert [each["fingerprint"] for each in report["queries"]] == ["GET songs?id=eq.?&select=id"]
    assert [(each["reason"], each["queries"], each["fingerprints"]) for each in report["bypassed"]] == [
        ("range", 60, [])
    ]
    confirmed_output = desk.audit("--traces", desk.record(unconfirmed)).out
    assert "token-of-ana" in confirmed_output


def test_a_recording_without_a_trace_is_a_report_without_findings(desk: Desk) -> None:
    for format_ in ("text", "md", "json", "html", "sarif"):
        ran = desk.audit("--traces", desk.record(), "--format", format_, "--fail-on", "low")
        assert (ran.code, ran.err) == (OK, "")
        assert "no trace is both complete and named by its client" in ran.out
    report = desk.text("--traces", desk.record())
    assert (report["traffic"]["traces"], report["traffic"]["begin"], report["queries"]) == (0, None, [])


def test_several_recordings_are_one_report(desk: Desk) -> None:
    files = [desk.record(FAN_OUT, name="a"), desk.record(FAN_OUT, name="b")]
    report = desk.text("--traces", *files)
    assert (report["traffic"]["sources"], report["traffic"]["traces"], report["traffic"]["queries"]) == (files, 2, 120)
    (finding,) = report["findings"]
    assert (finding["times"], finding["traces"], finding["source"]) == (2, 2, files[0])


def test_top_limits_queries_and_routes(desk: Desk) -> None:
    traces = [
        replace(parallel([f"GET /t{number}?id=eq.1"]), id=str(number), route=f"route {number}") for number in range(12)
    ]
    file = desk.record(*traces)
    for words, count in (((), 10), (("--top", "3"), 3), (("--top", "50"), 12)):
        report = desk.text("--traces", file, *words)
        assert (len(report["queries"]), len(report["routes"])) == (count, count)
        assert (report["more_queries"], report["more_routes"]) == (12 - count, 12 - count)
    assert "9 more kinds of queries are not shown." in desk.audit("--traces", file, "--top", "3").out


def test_replaced_fingerprints_are_a_warning(desk: Desk) -> None:
    traces = [replace(parallel([f"GET /t{number}?id=eq.1"]), id=str(number)) for number in range(3)]
    words = ("--traces", desk.record(*traces), "--set", "detect.fingerprints=2")
    assert "1 fingerprint replaced by others: raise detect.fingerprints" in desk.audit(*words).out


def test_with_output_the_format_goes_into_the_file_and_a_summary_is_printed(desk: Desk) -> None:
    output, file = desk.folder / "report", desk.record(FAN_OUT)
    for format_ in ("text", "md", "json", "html", "sarif"):
        ran = desk.audit("--traces", file, "--format", format_, "--output", str(output))
        assert ran.code == FINDINGS
        assert "FAILED: failing findings: 1 of 1 (--fail-on high)" in ran.out
        assert "title: 60 reads of videos, one for each id" in ran.out
        assert "Fix (SQL)" not in ran.out
        assert output.read_text(encoding="utf-8") == desk.audit("--traces", file, "--format", format_).out


@pytest.mark.parametrize(
    "words",
    [
        ["--traces"],
        ["--traces", "a", "--format", "junit"],
        ["--traces", "a", "--top", "0"],
        ["--traces", "a", "--top", "many"],
        ["--traces", "a", "--fail-on", "always"],
    ],
)
def test_a_usage_error_exits_with_2(desk: Desk, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        desk.audit(*words)
    assert ended.value.code == USAGE


def test_without_a_source_and_a_database_it_exits_with_2(desk: Desk) -> None:
    ran = desk.audit()
    assert (ran.code, ran.out) == (USAGE, "")
    assert "give --traces, --otlp, --admin or --db-uri" in ran.err


def test_invalid_settings_and_an_invalid_url_exit_with_2(desk: Desk) -> None:
    assert desk.audit("--traces", desk.record(ONE), settings="[[ignore]]\nrule = 'FAN001'\n").code == USAGE
    assert desk.audit("--admin", "127.0.0.1:9000").code == USAGE


def test_a_missing_file_and_a_file_that_is_not_a_recording_exit_with_75(desk: Desk) -> None:
    (desk.folder / "other").write_text("[]\n")
    for words, text in (
        (["--traces", "/no/such/file"], "/no/such/file: cannot be read: No such file or directory"),
        (["--traces", str(desk.folder / "other")], "other:1: is not a recording of fanin serve --record: "),
        (["--admin", "http://127.0.0.1:1"], "http://127.0.0.1:1: cannot be read: "),
        (["--traces", desk.record(ONE), "--output", "/no/such/file"], "/no/such/file: cannot be written"),
    ):
        ran = desk.audit(*words)
        assert ran.code == UNABLE
        assert text in ran.err


def test_the_guide_shows_the_printed_report(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.chdir(ROOT)
    (shown,) = code_blocks(ROOT / "docs/how-to/audit.md", "text")
    words = ("--traces", "tests/audit/example.jsonl", "--fail-on", "never", "--output", str(desk.folder / "report"))
    assert desk.audit(*words).out == shown


def test_a_source_that_cannot_be_read_is_not_checked_and_the_others_are_read(desk: Desk) -> None:
    file, none = desk.record(ONE), str(desk.folder / "none.jsonl")
    ran = desk.audit("--traces", none, file, "--admin", "http://127.0.0.1:1", "--format", "json")
    report = json.loads(ran.out)
    assert (ran.code, report["traffic"]["traces"]) == (OK, 1)
    assert [each["object"] for each in report["not_checked"]] == [none, "http://127.0.0.1:1"]
    assert desk.audit("--traces", none, file, "--require-full-coverage").code == FINDINGS
    ran = desk.audit("--traces", none, "--admin", "http://127.0.0.1:1")
    assert (ran.code, ran.out) == (UNABLE, "")
