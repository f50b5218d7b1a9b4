"""The command line: version, settings with their sources, explanations, and errors that suggest the right word."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from proxy import __version__
from proxy.commands.main import USAGE, main
from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.settings.declared import describe
from rules import RULES
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_version_comes_from_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"fanin {__version__}\n"


def test_config_prints_every_setting_with_its_source_and_help(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "fanin.toml"
    file.write_text("[merge]\nmax_keys = 50\nties = 'any'\n")
    monkeypatch.setenv("FANIN_MERGE__MAX_KEYS", "60")
    assert main(["config", "--config", str(file), "--mode", "observe"]) == 0
    printed = capsys.readouterr().out
    assert "merge.max_keys = 60  # environment: " in printed
    assert f'merge.ties = "any"  # {file}: ' in printed
    assert 'mode = "observe"  # flag: ' in printed
    for name, text in describe():
        assert f"\n{name} = " in f"\n{printed}" or f"\n# {name} is not set" in printed
        assert text, f"{name} has no help text"
        assert text in printed


def test_what_config_prints_is_toml_that_config_reads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["config"])
    file = tmp_path / "fanin.toml"
    file.write_text(capsys.readouterr().out)
    assert main(["config", "--config", str(file)]) == 0


def test_without_a_command_all_commands_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == USAGE
    told = capsys.readouterr().err
    assert "fail a build on budgets and findings" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["serve", "--upstrem", "http://h"],
            "fanin serve: error: unknown argument '--upstrem'; did you mean '--upstream'?",
        ),
        (["check", "--admin", "http://h", "--budget-file=x"], "fanin check: error: unknown argument '--budget-file'"),
        (["config", "fanin.toml"], "fanin config: error: unknown argument 'fanin.toml'\n"),
        (["doctor", "http://h:3000"], "unknown argument 'http://h:3000'; did you mean '--upstream URL'?"),
    ],
)
def test_an_unknown_flag_is_an_error_that_suggests_the_nearest(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == USAGE
    assert said in capsys.readouterr().err


def test_an_output_that_takes_no_more_is_an_error_in_one_line() -> None:
    command = f"'{sys.executable}' -m proxy config >/dev/full"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (75, "fanin: the output cannot be written: No space left on device\n")


def test_a_closed_pipe_ends_the_command_without_a_traceback() -> None:
    command = f"'{sys.executable}' -m proxy config | head -1"
    ran = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, check=False, cwd=ROOT)
    assert (ran.stdout.count(b"\n"), ran.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["config", "--set", "merge.max_key=5"], "did you mean 'merge.max_keys'?"),
        (["config", "--set", "merge.max_keys=many"], "flag: merge.max_keys: Input should be a valid integer"),
        (["config", "--set", "merge.max_keys"], "is not NAME=VALUE"),
        (["config", "--mode", "rewrit"], "flag: mode: Input should be"),
        (["config", "--config", "/nonexistent.toml"], "/nonexistent.toml: cannot be read"),
        (["serve", "--upstream", "ftp://a"], "upstream: 'ftp://a' is not"),
        (["config", "--upstream", "ftp://a"], "upstream: 'ftp://a' is not"),
        (["config", "--admin", "127.0.0.1:99999"], "admin: '127.0.0.1:99999' is not HOST:PORT, with a port from 0 to"),
        (["config", "--mount", "rest"], "mount: 'rest' must begin with '/'"),
        (["serve", "--admin", "off", "--listen", "nowhere"], "listen: 'nowhere' is not HOST:PORT"),
        (["explain", "literl"], "did you mean 'literal'?"),
    ],
)
def test_a_usage_error_exits_with_2_and_suggests_the_right_word(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == USAGE
    assert said in capsys.readouterr().err


def test_an_unknown_variable_is_a_warning(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_MODEE", "pass")
    assert main(["config"]) == 0
    assert "FANIN_MODEE is not a setting; did you mean 'FANIN_MODE'?" in capsys.readouterr().err


def test_every_known_word_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for word in (*(rule.code for rule in RULES), *BYPASS_REASONS, *FALLBACK_REASONS, *COMPARISON_RESULTS, *FAULTS):
        assert main(["explain", word]) == 0
        assert len(capsys.readouterr().out) > 20


def test_a_fallback_reason_is_explained_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "incomplete"])
    assert capsys.readouterr().out.endswith(f"\nIf it happens often: {FALLBACK_REMEDIES['incomplete']}\n")


def test_a_bypass_reason_is_explained_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "offset"])
    assert (
        capsys.readouterr().out
        == f"Not merged: {BYPASS_REASONS['offset']}\nTo change that: {BYPASS_REMEDIES['offset']}\n"
    )
