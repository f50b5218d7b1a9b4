"""`fanin explain` of a finding: from a recording, by its key or id, as a report or as a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.commands.explain.finding import looks_like_finding
from proxy.commands.main import UNABLE, USAGE, main
from proxy.findings.model import short_id
from tests.receiver.recordings import recording_of_a_loop
from tests.recording.test_codec import lines
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from pathlib import Path

KEY = "FAN002:public.t:GET /a:GET t?select=id&id=eq.?"


@pytest.fixture
def recording(tmp_path: Path) -> str:
    return str(recording_of_a_loop(tmp_path / "traces.jsonl"))


@pytest.mark.parametrize("name", [KEY, short_id(KEY)])
def test_a_finding_is_told_by_its_key_and_by_its_id(
    recording: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", name, "--traces", recording]) == 0
    assert "12 requests differ only in id" in capsys.readouterr().out
    assert main(["explain", name, "--traces", recording, "--prompt"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("# Fix the finding FAN002")
    assert 'forbid = ["FAN002"]' in told


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((KEY,), USAGE, "is read with --admin URL (a fanin's admin port) or --traces FILE"),
        ((KEY + "x", "--traces", "RECORDING"), USAGE, "no finding has this key or id there"),
        ((KEY, "--traces", "nothing"), UNABLE, "nothing: cannot be read"),
        ((KEY, "--admin", "http://127.0.0.1:1"), UNABLE, "cannot be read"),
        (("FAN002", "--prompt"), USAGE, "is read with --admin URL (a fanin's admin port) or --traces FILE"),
        (("ties", "--prompt"), USAGE, "--prompt is about a finding: give its key, its id, or the code of its rule"),
        (("FAN001", "--prompt", "--traces", "RECORDING"), USAGE, "FAN001 has found nothing there"),
    ],
)
def test_what_is_missing_is_said(
    recording: str, words: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *(recording if word == "RECORDING" else word for word in words)]) == code
    assert message in capsys.readouterr().err


def test_the_only_finding_of_a_rule_is_meant_by_the_code_of_the_rule(
    recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "fan002", "--traces", recording, "--prompt"]) == 0
    assert capsys.readouterr().out.startswith("# Fix the finding FAN002")


def test_of_several_findings_of_a_rule_the_keys_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loops = [parallel([f"GET /t{kind}?id=eq.{n}&select=id" for n in range(9)]) for kind in range(25)]
    recording = tmp_path / "loops.jsonl"
    recording.write_bytes(b"".join(lines(*loops)))
    assert main(["explain", "FAN001", "--traces", str(recording), "--prompt"]) == USAGE
    told = capsys.readouterr().err
    assert "FAN001 has 25 findings there, give the key of one:\n  FAN001:public.t0:" in told
    assert told.endswith("and 5 more\n")


@pytest.mark.parametrize(
    ("words", "is_finding"),
    [(KEY, True), ("0123456789ab", True), ("FAN002", False), ("GET /t?id=eq.1", False), ("ties", False)],
)
def test_keys_and_ids_are_told_from_codes_and_requests(words: str, is_finding: bool) -> None:
    assert looks_like_finding(words) is is_finding
