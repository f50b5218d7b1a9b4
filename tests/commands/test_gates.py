"""The gates: files of routes, ignores that look fixed, and formats of code hosts, on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.commands.gates import read_routes
from proxy.commands.main import FINDINGS, OK, UNABLE, USAGE
from proxy.recording.source import DataAccessError
from proxy.settings.sources import ConfigError
from tests.commands.test_check import FAN_OUT, ONE, Desk

if TYPE_CHECKING:
    from pathlib import Path

SONGS = replace(ONE, route="GET /songs")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def ignore(**fields: str) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join(["[[ignore]]", 'reason = "known"', *lines, ""])


def test_a_file_of_routes_has_one_per_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "routes.txt"
    file.write_text("# the shop\nGET /a b\n\n  POST /c?#d  \nGET /a b\n", encoding="utf-8")
    assert read_routes(file) == ("GET /a b", "POST /c?#d")
    file.write_text("GET /a\r\n", encoding="utf-8-sig")
    assert read_routes(file) == ("GET /a",)
    file.write_text("# none\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="names no route"):
        read_routes(file)
    with pytest.raises(DataAccessError, match="cannot be read"):
        read_routes(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("command", "flag"), [("check", "--budgets"), ("audit", "--config")]
)  # fmt: skip
def test_what_was_not_seen_does_not_pass(desk: Desk, command: str, flag: str) -> None:
    file, routes = desk.record(SONGS), desk.folder / "routes.txt"
    routes.write_text("GET /songs\n", encoding="utf-8")
    required = ("--traces", file, "--require-routes", str(routes))
    assert desk.run(command, flag, "", [*required, "--min-traces", "1"]).code == OK
    assert desk.run(command, flag, "", [*required, "--min-traces", "2"]).code == FINDINGS
    routes.write_text("GET /songs\nGET /export\n", encoding="utf-8")
    ran = desk.run(command, flag, "", required)
    assert ran.code == FINDINGS
    assert "GET /export: not seen" in ran.out
    routes.write_text("", encoding="utf-8")
    assert desk.run(command, flag, "", required).code == USAGE
    assert desk.run(command, flag, "", ["--traces", file, "--require-routes", "nowhere"]).code == UNABLE
    empty = desk.record(name="empty.jsonl")
    assert desk.run(command, flag, "", ["--traces", empty, "--min-traces", "1"]).code == FINDINGS


@pytest.mark.parametrize(("command", "flag"), [("check", "--budgets"), ("audit", "--config")])
@pytest.mark.parametrize(
    ("fields", "said", "code"),
    [
        ({"route": "GET /songs", "rule": "FAN002"}, "and looks fixed: its route was seen", FINDINGS),
        ({"route": "GET /export", "rule": "FAN002"}, "which proves nothing: its route was not seen", OK),
        ({"rule": "FAN022"}, "which proves nothing: what it names was not seen", OK),
        ({"rule": "FAN002", "until": "2020-01-01"}, "expired on 2020-01-01", FINDINGS),
    ],
)
def test_with_strict_ignores_those_fail_that_look_fixed_or_have_expired(
    desk: Desk, command: str, flag: str, fields: dict[str, str], said: str, code: int
) -> None:
    settings = ignore(**fields).replace('"2020-01-01"', "2020-01-01")
    file = desk.record(SONGS)
    ran = desk.run(command, flag, settings, ["--traces", file])
    assert ran.code == OK
    assert said in " ".join(ran.out.split())
    assert desk.run(command, flag, settings, ["--traces", file, "--strict-ignores"]).code == code


def test_an_ignore_that_matches_passes_with_strict_ignores(desk: Desk) -> None:
    ran = desk.check("--traces", desk.record(FAN_OUT), "--strict-ignores", settings=ignore(rule="FAN001"))
    assert ran.code == OK
    assert "has matched no finding" not in ran.out


@pytest.mark.parametrize(("command", "flag"), [("check", "--budgets"), ("audit", "--config")])
def test_the_formats_of_code_hosts_are_written_by_both_commands(desk: Desk, command: str, flag: str) -> None:
    traces = ("--traces", desk.record(FAN_OUT), "--fail-on", "low")
    for name, begin in (("github", "::error "), ("gitlab", "[\n"), ("pr-comment", f"<!-- fanin {command} ")):
        output = desk.folder / "out"
        ran = desk.run(command, flag, "", [*traces, "--format", name])
        assert ran.code == FINDINGS
        assert ran.out.startswith(begin)
        assert "FAN001" in ran.out
        desk.run(command, flag, "", [*traces, "--format", name, "--output", str(output)])
        assert output.read_text(encoding="utf-8") == ran.out
