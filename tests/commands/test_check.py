"""`fanin check`: its input, ignores and levels, and its exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.commands.main import FINDINGS, OK, UNABLE, USAGE, main
from tests.recording.test_codec import lines
from tests.rules.traces import parallel, span, trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from proxy.model import Trace

FAN_OUT = parallel([f"GET /videos?id=eq.{number}&select=id" for number in range(9)])
ONE = replace(trace([span("GET /songs?id=eq.1&select=id", 1)]), id="one")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("FANIN_")]:
        monkeypatch.delenv(name)


class Ran:
    """How it ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


class Desk:
    """A folder with a recording and settings."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def record(self, *traces: Trace, name: str = "traces.jsonl") -> str:
        (self.folder / name).write_bytes(b"".join(lines(*traces)))
        return str(self.folder / name)

    def check(self, *words: str, settings: str = "") -> Ran:
        return self.run("check", "--budgets", settings, words)

    def run(self, command: str, flag: str, settings: str, words: Sequence[str]) -> Ran:
        """``command``, whose ``flag`` names the settings."""
        (self.folder / "fanin.toml").write_text(settings, encoding="utf-8")
        code = main([command, flag, str(self.folder / "fanin.toml"), *words])
        return Ran(code, *self._capsys.readouterr())


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_traffic_without_findings_exits_with_0(desk: Desk) -> None:
    ran = desk.check("--traces", desk.record(ONE))
    assert (ran.code, ran.err) == (OK, "")
    assert ran.out.endswith("1 trace, 1 of them can fail checks\n")


def test_a_finding_exits_with_1_and_is_printed_in_full(desk: Desk) -> None:
    ran = desk.check("--traces", desk.record(FAN_OUT))
    assert ran.code == FINDINGS
    assert "FAILED   FAN001 n-plus-one-read" in ran.out
    assert "│   Fix (SQL)" in ran.out
    assert desk.check("--traces", desk.record(FAN_OUT), "--fail-on", "never").code == OK


def test_an_exceeded_budget_exits_with_1(desk: Desk) -> None:
    table = '[[budget]]\nroute = "GET /export"\nmax_queries = 3\n'
    assert desk.check("--traces", desk.record(ONE), settings=table).code == OK
    ran = desk.check("--traces", desk.record(FAN_OUT), "--fail-on", "never", settings=table)
    assert ran.code == FINDINGS
    assert "9 queries, and the budget is 3 (route GET /export, trace t, in " in ran.out


def test_an_inferred_trace_does_not_fail(desk: Desk) -> None:
    table = '[[budget]]\nroute = "GET /export"\nmax_queries = 3\nforbid = ["FAN001"]\n'
    ran = desk.check("--traces", desk.record(replace(FAN_OUT, explicit=False)), settings=table)
    assert ran.code == OK
    assert "note     9 queries, and the budget is 3" in ran.out
    assert "note     FAN001 9 reads of videos" in ran.out


def test_two_recordings_can_be_two_sizes_of_a_growth_check(desk: Desk) -> None:
    small = desk.record(replace(FAN_OUT, spans=FAN_OUT.spans[:2]), name="small")
    large = desk.record(replace(FAN_OUT, spans=FAN_OUT.spans[:4]), name="large")
    table = '[[growth]]\nby = "recording"\nsmall = "small"\nlarge = "large"\n'
    ran = desk.check("--traces", small, large, settings=table)
    assert ran.code == FINDINGS
    assert "grew from 2 to 4 queries" in ran.out
    assert desk.check("--traces", large, large, settings=table.replace('"small"', '"large"')).code == OK


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ('[[budget]]\nroute = "a"\n', "sets no maximum and forbids no rule"),
        ("[[budget]]\nmax_queries = 1\n", "budget 1: route: is missing"),
        ('[[budget]]\nroute = "a"\nmax_querys = 1\n', "did you mean 'max_queries'?"),
        (
            '[[ignore]]\nrule = "FAN001"\nreason = "x"\nexpires = 2020-01-01\n',
            "is not a setting; ignore has finding, rule,",
        ),
        ('[[budget]]\nroute = "a"\nmax_queries = -1\n', "greater than or equal to 0"),
        ('[[budget]]\nroute = "a"\nforbid = ["FAN01"]\n', "budget 1: no rule is called 'FAN01'; did you mean 'FAN"),
        ('[[growth]]\nsmall = "a"\n', "growth 1: large: is missing"),
        ('[[ignore]]\nrule = "FAN001"\n', "ignore 1: reason: is missing"),
        ('[[ignore]]\nrule = "FAN001"\nreason = " "\n', "ignore 1: reason: must not be empty"),
        ("[[budget]", "is not TOML"),
    ],
)
def test_invalid_settings_exit_with_2(desk: Desk, table: str, text: str) -> None:
    ran = desk.check("--traces", desk.record(ONE), settings=table)
    assert ran.code == USAGE
    assert text in ran.err


@pytest.mark.parametrize("words", [["--traces"], ["--traces", "a", "--format", "pdf"]])
def test_a_usage_error_exits_with_2(desk: Desk, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        desk.check(*words)
    assert ended.value.code == USAGE


def test_without_a_source_it_exits_with_2(desk: Desk) -> None:
    ran = desk.check()
    assert (ran.code, ran.out) == (USAGE, "")
    assert "nothing to read: give --traces, --otlp or --admin" in ran.err


def test_an_invalid_url_exits_with_2(desk: Desk) -> None:
    for url in ("127.0.0.1:9000", "file:///etc/passwd", "http://"):
        ran = desk.check("--admin", url)
        assert ran.code == USAGE
        assert "is not http://HOST:PORT" in ran.err


def test_a_missing_file_and_a_file_that_is_not_a_recording_exit_with_75(desk: Desk) -> None:
    (desk.folder / "other").write_text("[]\n")
    for words, text in (
        (["--traces", "/no/such/file"], "/no/such/file: cannot be read: No such file or directory"),
        (["--traces", str(desk.folder)], "cannot be read: Is a directory"),
        (["--traces", str(desk.folder / "other")], "other:1: is not a recording of fanin serve --record: "),
        (["--admin", "http://127.0.0.1:1"], "http://127.0.0.1:1: cannot be read: "),
        (["--traces", desk.record(ONE), "--output", "/no/such/file"], "/no/such/file: cannot be written"),
    ):
        ran = desk.check(*words)
        assert ran.code == UNABLE
        assert text in ran.err


def test_an_ignored_finding_does_not_fail_and_is_explained(desk: Desk) -> None:
    table = '[[ignore]]\nrule = "FAN001"\nrelation = "public.videos"\nreason = "in spring"\nowner = "ana"\n'
    unused = table + '[[ignore]]\nrule = "FAN003"\nreason = "gone"\nuntil = 2999-01-01\n'
    file = desk.record(FAN_OUT)
    assert desk.check("--traces", file, settings=table).code == OK
    ran = desk.check("--traces", file, "--explain-ignores", settings=unused)
    assert ran.code == OK
    assert "warning  ignore 2 (FAN003) has matched no finding" in ran.out
    assert ran.err.splitlines() == [
        "ignore 1 (FAN001, public.videos, owner ana): in spring",
        "  FAN001:public.videos:GET /export:GET videos?id=eq.?&select=id",
        "ignore 2 (FAN003): gone, until 2999-01-01",
        "  matches no finding",
    ]
    assert desk.check("--traces", file, "--strict", settings=unused).code == FINDINGS


@pytest.mark.parametrize("name", ["videos", "public.videos"])
@pytest.mark.parametrize("older", [False, True])
def test_a_relation_matches_with_and_without_the_default_schema_also_in_older_recordings(
    desk: Desk, older: bool, name: str
) -> None:
    recorded = "videos" if older else "public.videos"
    spans = tuple(replace(span, relation=recorded) for span in FAN_OUT.spans)
    file = desk.record(replace(FAN_OUT, spans=spans))
    key = f"FAN001:{recorded}:GET /export:GET videos?id=eq.?&select=id"
    ran = desk.check("--traces", file)
    assert (ran.code, key in ran.out) == (FINDINGS, True)
    muted = key.replace(recorded, name, 1)
    for table in (
        f'[[ignore]]\nrelation = "{name}"\nreason = "known"\n',
        f'[[ignore]]\nfinding = "{muted}"\nreason = "known"\n',
        f'[[override]]\nrelation = "{name}"\nrules.fan001 = "off"\n',
    ):
        assert desk.check("--traces", file, settings=table).code == OK
    other = f'[[ignore]]\nrelation = "private.{name}"\nreason = "known"\n'
    assert desk.check("--traces", file, settings=other).code == FINDINGS


def test_an_expired_ignore_is_a_warning_and_does_not_apply(desk: Desk) -> None:
    table = '[[ignore]]\nrule = "FAN001"\nreason = "in spring"\nuntil = 2020-03-31\n'
    ran = desk.check("--traces", desk.record(FAN_OUT), settings=table)
    assert ran.code == FINDINGS
    assert "warning  ignore 1 (FAN001) expired on 2020-03-31" in ran.out


def test_an_ignore_that_only_inferred_traces_match_is_not_unmatched(desk: Desk) -> None:
    table = '[[ignore]]\nrule = "FAN001"\nreason = "in spring"\n'
    ran = desk.check("--traces", desk.record(ONE, replace(FAN_OUT, id="i", explicit=False)), settings=table)
    assert "has matched no finding" not in ran.out
    assert "FAN001" not in ran.out


def test_a_rule_that_is_off_is_not_checked_and_a_route_may_override_its_level(desk: Desk) -> None:
    file = desk.record(FAN_OUT)
    assert desk.check("--traces", file, "--set", "rules.fan001=off").code == OK
    override = '[[override]]\nroute = "GET /export"\nrules.fan001 = "off"\n'
    assert desk.check("--traces", file, settings=override).code == OK


def test_with_strict_an_unmeasured_budget_fails(desk: Desk) -> None:
    table = '[[budget]]\nroute = "GET /other"\nmax_queries = 3\n'
    ran = desk.check("--traces", desk.record(ONE), settings=table)
    assert ran.code == OK
    assert "warning  GET /other: at most 3 queries: no trace applies to it" in ran.out
    assert desk.check("--traces", desk.record(ONE), "--strict", settings=table).code == FINDINGS


def test_a_finding_on_a_name_that_postgrest_never_accepted_is_not_reported(desk: Desk) -> None:
    refused = replace(FAN_OUT, spans=tuple(replace(span, status=404) for span in FAN_OUT.spans))
    ran = desk.check("--traces", desk.record(refused))
    assert "videos" not in ran.out


def test_with_output_the_format_goes_into_the_file_and_the_text_is_printed(desk: Desk) -> None:
    output = desk.folder / "found"
    for format_ in ("json", "sarif", "junit", "text"):
        ran = desk.check("--traces", desk.record(FAN_OUT), "--format", format_, "--output", str(output))
        assert ran.code == FINDINGS
        assert ran.out.startswith("FAILED   FAN001")
        printed = desk.check("--traces", desk.record(FAN_OUT), "--format", format_).out
        assert output.read_text(encoding="utf-8") == printed
    assert json.loads(desk.check("--traces", desk.record(FAN_OUT), "--format", "json").out)["failed"]
