"""The action for GitHub and the template for GitLab: valid, and each line of shell in them runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from tests.recording.test_codec import lines
from tests.rules.traces import parallel
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTION = ROOT / "deploy/ci/github/action.yml"
TEMPLATE = ROOT / "deploy/ci/gitlab/fanin.gitlab-ci.yml"
BIN = Path(sys.executable).parent
EXPRESSION = re.compile(r"\$\{\{ *(\S+) *\}\}")
FAN_OUT = b"".join(lines(parallel([f"GET /videos?id=eq.{number}&select=id" for number in range(9)])))
GH = """#!/bin/sh
printf '%s\\n' "$*" >> "$RUNNER_TEMP/gh.log"
case "$*" in *--paginate*) cat "$RUNNER_TEMP/known" ;; esac
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("vendor.github-actions", str(ACTION)),
        ("vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(TEMPLATE)),
    ],
)
def test_both_files_fit_the_schemas_of_their_hosts(arguments: tuple[str, ...]) -> None:
    checked = subprocess.run(
        [str(BIN / "check-jsonschema"), "--builtin-schema", *arguments], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_no_line_of_shell_contains_an_expression_that_the_host_would_put_into_it() -> None:
    for step in yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]:
        assert "${{" not in step["run"], f"{step['name']}: give it as a variable of env"


class Ended(NamedTuple):
    """How a job ended: its exit code, what it printed, and the steps that ran."""

    code: int
    out: str
    steps: tuple[str, ...]


class Runner:
    """What a runner of GitHub is for the steps of a composite action."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temporary = folder, folder / "temp"
        programs = self.temporary / "programs"
        programs.mkdir(parents=True)
        (programs / "gh").write_text(GH, encoding="utf-8")
        (programs / "gh").chmod(0o755)
        (programs / "fanin").symlink_to(BIN / "fanin")
        (self.temporary / "known").touch()
        self.path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def run(self, without: str = "Install fanin", **inputs: str) -> Ended:
        """Run the steps but ``without``, with ``inputs`` over the defaults."""
        action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
        values: dict[str, Any] = {f"inputs.{name}": each["default"] for name, each in action["inputs"].items()}
        values |= {f"inputs.{name}": text for name, text in inputs.items()}
        values |= {"github.event.pull_request.number": "7"}
        out, ran, code = "", [], 0
        for step in action["runs"]["steps"]:
            if step["name"] != without:
                variables = {name: EXPRESSION.sub(lambda match: values.get(match[1], ""), text)
                             for name, text in step.get("env", {}).items()}  # fmt: skip
                ended = self._step(step["run"], variables)
                out, code = out + ended.stdout + ended.stderr, ended.returncode
                ran.append(step["name"])
                for line in (self.temporary / "output").read_text(encoding="utf-8").splitlines():
                    name, _, value = line.partition("=")
                    values[f"steps.{step.get('id')}.outputs.{name}"] = value
                if code:
                    break
        return Ended(code, out, tuple(ran))

    def _step(self, script: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        (self.temporary / "output").write_text("", encoding="utf-8")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FANIN_")}
        host = {
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_OUTPUT": str(self.temporary / "output"),
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary"),
            "GITHUB_REPOSITORY": "o/r",
            "PATH": self.path,
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**clean, **host, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        return (self.temporary / "gh.log").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    (tmp_path / "fanin.toml").write_text("", encoding="utf-8")
    (tmp_path / "fanin-capture.jsonl").write_bytes(FAN_OUT)
    return Runner(tmp_path)


def test_the_action_annotates_writes_a_summary_and_one_comment_and_fails(runner: Runner) -> None:
    ended = runner.run()
    assert ended.code == 1
    assert ended.steps[-1] == "Result"
    assert "::error file=fanin.toml,line=1,title=fanin FAN001::" in ended.out
    assert (runner.temporary / "summary").read_text(encoding="utf-8").startswith("<!-- fanin check fanin.toml -->\n")
    listing, posting = runner.calls
    assert listing.startswith("api --paginate repos/o/r/issues/7/comments --jq ")
    assert posting == (
        "api --silent --method POST repos/o/r/issues/7/comments -F body=@" + str(runner.temporary / "fanin-comment")
    )


def test_a_comment_that_is_there_is_changed_in_place(runner: Runner) -> None:
    (runner.temporary / "known").write_text("41\n42\n", encoding="utf-8")
    runner.run()
    assert runner.calls[1].startswith("api --silent --method PATCH repos/o/r/issues/comments/41 -F body=@")


def test_a_comment_that_cannot_be_written_is_a_warning(runner: Runner) -> None:
    (runner.temporary / "programs" / "gh").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    ended = runner.run(arguments="--fail-on never")
    assert ended.code == 0, ended.out
    assert "::warning title=fanin::the comment could not be written" in ended.out


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("echo 'a b'; true", 0)])
def test_the_action_runs_the_command_behind_fanin_and_passes_its_exit_code_on(
    runner: Runner, command: str, code: int
) -> None:
    ended = runner.run(command=command, upstream="http://127.0.0.1:1", arguments="--min-traces 1" if code else "")
    assert ended.code == code, ended.out
    assert ended.steps[-1] == "Result"


def test_nothing_seen_fails_where_traces_are_required(runner: Runner) -> None:
    ended = runner.run(command="true", upstream="http://127.0.0.1:1", arguments="--min-traces 1")
    assert ended.code == 1
    assert "title=fanin min-traces::" in ended.out


def test_what_cannot_be_checked_ends_the_action_with_its_own_code(runner: Runner) -> None:
    ended = runner.run(traces="nowhere.jsonl")
    assert (ended.code, ended.steps[-1]) == (75, "Check the traces")


@pytest.fixture
def gitlab(tmp_path: Path) -> Path:
    (tmp_path / "fanin.toml").write_text("", encoding="utf-8")
    (tmp_path / "fanin-capture.jsonl").write_bytes(FAN_OUT)
    scripts = tmp_path / ".fanin-environment" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "fanin").symlink_to(BIN / "fanin")
    return tmp_path


def run_job(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The lines of ``script``, in one shell as GitLab's runner has them."""
    job = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))[".fanin"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FANIN_")}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],
        cwd=folder,
        env={**clean, **job["variables"], **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_template_writes_the_reports_that_it_names_and_fails(gitlab: Path) -> None:
    ran = run_job(gitlab)
    assert ran.returncode == 1, ran.stderr
    reports = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))[".fanin"]["artifacts"]["reports"]
    (issue, *_) = json.loads((gitlab / reports["codequality"]).read_text(encoding="utf-8"))
    assert (issue["check_name"], issue["location"]["path"]) == ("FAN001", "fanin.toml")
    assert "<testsuites" in (gitlab / reports["junit"]).read_text(encoding="utf-8")
    assert (gitlab / "fanin-comment").read_text(encoding="utf-8").startswith("<!-- fanin check fanin.toml -->\n### ")


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("true", 0)])
def test_the_template_passes_the_exit_code_of_the_command_on(gitlab: Path, command: str, code: int) -> None:
    ran = run_job(gitlab, TRACED_COMMAND=command, TRACED_UPSTREAM="http://127.0.0.1:1")
    assert ran.returncode == code, ran.stderr
    assert json.loads((gitlab / "fanin-code-quality.json").read_text(encoding="utf-8"))  # the warning of no trace
