"""`fanin capture`: from one line to findings, a recording and an exit code, on a real PostgREST."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from proxy.recording.codec import read_recording
from tests.e2e.support.script_runner import APPLICATIONS, MODULES, node_program

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
FANIN = str(Path(sys.executable).with_name("fanin"))
EXPORT = (str(APPLICATIONS / "supabase_export.cjs"), str(MODULES))
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("FANIN_") and "_URL" not in name}
LOOP = """
import json, os, urllib.request

outcomes = []

def read(path):
    url = os.environ[os.environ.get("READS", "POSTGREST_URL")]
    headers = {"Authorization": "Bearer " + os.environ["TOKEN"]}
    if "TRACE" in os.environ:
        headers |= {"X-Fanin-Trace": os.environ["TRACE"], "X-Fanin-Route": "GET /export"}
    with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers)) as answer:
        outcomes.append(answer.headers["X-Fanin"])
        return json.load(answer)

def export():
    return [read("/creators?select=handle&id=eq." + row["id"]) for row in read("/creators?select=id&order=id&limit=12")]
"""
BUDGET = '[[budget]]\nroute = "GET /export"\nmax_queries = {}\n'


class Ran(NamedTuple):
    """A finished `fanin capture`."""

    code: int
    out: str
    err: str


class Desk(NamedTuple):
    """A folder with an application, and PostgREST."""

    folder: Path
    stack: Stack

    def capture(self, *arguments: str, **variables: str) -> Ran:
        """`fanin capture` in the folder; ``variables`` are in the environment."""
        ran = subprocess.run(
            [FANIN, "capture", *arguments],
            cwd=self.folder,
            env={**CLEAN, "TOKEN": self.stack.token, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    @property
    def upstream(self) -> tuple[str, str]:
        return "--upstream", self.stack.url

    def traces(self, name: str = "fanin-capture.jsonl") -> list[list[str]]:
        """The methods and relations of each trace of the recording."""
        with (self.folder / name).open("rb") as lines:
            _, traces = read_recording(name, lines)
            return [[f"{span.method} {span.relation}" for span in trace.spans] for trace in traces]


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Desk:
    (tmp_path / "app.py").write_text(LOOP, encoding="utf-8")
    return Desk(tmp_path, stack)


def python(code: str) -> tuple[str, ...]:
    return "--", sys.executable, "-c", code


def test_a_script_with_supabase_js_gets_its_rows_and_its_loop_is_found(desk: Desk) -> None:
    ran = desk.capture(*desk.upstream, "--", node_program(), *EXPORT)
    assert ran.code == 0, ran.err
    assert len(json.loads(ran.out)) == 12
    assert "FAN002] 12 reads of creators one after another" in ran.err
    assert ran.err.splitlines()[-1] == "fanin: 13 requests in 1 trace, 1 finding; recording: fanin-capture.jsonl"
    assert desk.traces() == [["GET public.creators"] * 13]


def test_a_suite_of_pytest_is_captured_and_its_exit_code_is_passed_on(desk: Desk) -> None:
    (desk.folder / "test_app.py").write_text(
        "from app import export\n\ndef test_export():\n    assert len(export()) == 12\n\n"
        "def test_fails():\n    assert 0\n",
        encoding="utf-8",
    )
    suite = ("--out", "suite.jsonl", "--", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    ran = desk.capture(*suite, POSTGREST_URL=desk.stack.url)
    assert ran.code == 1
    assert "1 failed, 1 passed" in ran.out
    assert "FAN002] 12 reads of creators" in ran.err
    assert sum(map(len, desk.traces("suite.jsonl"))) == 13


@pytest.mark.parametrize("path", ["", "/rest/v1"])
def test_postgrest_is_reached_with_and_without_the_path_of_supabase(desk: Desk, path: str) -> None:
    ran = desk.capture(
        *desk.upstream, *python(f"import app, os; os.environ['SUPABASE_URL'] += '{path}'; print(len(app.export()))"),
        READS="SUPABASE_URL",
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "12\n"), ran.err
    assert [len(trace) for trace in desk.traces()] == [13]


@pytest.mark.parametrize(("most", "code"), [(13, 0), (3, 1)])
def test_with_a_gate_the_exit_code_is_the_gates_if_the_command_succeeds(desk: Desk, most: int, code: int) -> None:
    (desk.folder / "fanin.toml").write_text(BUDGET.format(most), encoding="utf-8")
    check = (*desk.upstream, "--check", "fanin.toml", "--fail-on", "never")
    ran = desk.capture(*check, *python("import app; app.export()"), TRACE="export")
    assert ran.code == code, ran.err
    assert ("13 queries, and the budget is 3" in ran.err) is (code == 1)
    failing = desk.capture(*check, *python("import app; app.export(); raise SystemExit(7)"), TRACE="export")
    assert failing.code == 7


def test_with_a_gate_no_request_is_a_failure_that_names_the_variables(desk: Desk) -> None:
    (desk.folder / "fanin.toml").write_text(BUDGET.format(3), encoding="utf-8")
    ran = desk.capture(*desk.upstream, "--check", "fanin.toml", "--", "true")
    assert ran.code == 1
    assert "FAILED: nothing was seen" in ran.err
    assert "SUPABASE_URL, " in ran.err
    assert "--env NAME" in ran.err


def test_nothing_merges_unless_a_budget_counts_upstream_calls(desk: Desk) -> None:
    code = "import app; app.export(); print(app.outcomes[-1])"
    (desk.folder / "calls.toml").write_text('[[budget]]\nroute = "r"\nmax_upstream_calls = 1\n', encoding="utf-8")
    (desk.folder / "queries.toml").write_text('[[budget]]\nroute = "r"\nmax_queries = 1\n', encoding="utf-8")
    said = {}
    for name in ("calls", "queries"):
        ran = desk.capture(*desk.upstream, "--check", f"{name}.toml", "--set", "headers=on", *python(code))
        said[name] = ran.out
    assert said == {"calls": "passed\n", "queries": "passed; reason=mode\n"}


def test_a_variable_of_the_application_gets_the_address_in_the_form_that_it_has(desk: Desk) -> None:
    code = "import os; print(os.environ['OUR_API'], os.environ['OTHER'], os.environ['PLAIN'])"
    url = f"{desk.stack.url}/"
    ran = desk.capture(
        "--env", "OUR_API", "--env", "OTHER=/rest/v1/", "--env", "PLAIN", *python(code), OUR_API=url
    )  # fmt: skip
    ours, other, plain = ran.out.split()
    assert ours == f"{plain}/"
    assert other == f"{plain}/rest/v1/"
    assert f"→ {desk.stack.url}/ (OUR_API)" in ran.err


def test_a_variable_with_another_server_is_left_alone_unless_the_upstream_is_given(desk: Desk) -> None:
    show = python("import os; print(os.environ['SUPABASE_URL'])")
    other = "https://other.example"
    ran = desk.capture("--env", "OURS", *show, OURS=desk.stack.url, SUPABASE_URL=other)
    assert ran.out == f"{other}\n"
    assert "fanin: SUPABASE_URL unchanged: another server than the upstream" in ran.err
    assert desk.capture(*desk.upstream, *show, SUPABASE_URL=other).out.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("sh", "-c", "exit 3"), 3, ""),
        (("sh", "-c", "kill -9 $$"), 137, ""),
        (("sh", "-c", "kill -TERM $$"), 143, ""),
        (("no-such-program",), 127, "fanin: no-such-program: No such file or directory"),
        (("/etc/passwd",), 126, "fanin: /etc/passwd: Permission denied"),
    ],
)
def test_the_exit_code_is_that_of_a_shell(desk: Desk, command: tuple[str, ...], code: int, said: str) -> None:
    ran = desk.capture(*desk.upstream, "--", *command)
    assert ran.code == code
    assert said in ran.err


def test_the_command_has_its_own_options_and_streams(desk: Desk) -> None:
    ran = subprocess.run(
        [FANIN, "capture", *desk.upstream, "--", "sh", "-c", 'cat; echo "$@" >&2', "--", "--upstream", "--"],
        cwd=desk.folder, env=CLEAN, input="from stdin", capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert ran.stdout == "from stdin"
    assert "\n--upstream --\n" in ran.stderr


def test_an_earlier_recording_is_replaced_and_another_file_is_not(desk: Desk) -> None:
    for _ in range(2):
        assert desk.capture(*desk.upstream, *python("import app; app.read('/creators?limit=1')")).code == 0
        assert desk.traces() == [["GET public.creators"]]
    assert sorted(path.name for path in desk.folder.glob("fanin*")) == ["fanin-capture.jsonl"]
    notes = desk.folder / "notes.txt"
    notes.write_text("mine", encoding="utf-8")
    ran = desk.capture(*desk.upstream, "--out", "notes.txt", "--", "true")
    assert (ran.code, notes.read_text(encoding="utf-8")) == (2, "mine")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no command: write it behind --"),
        (("--", "true"), "no upstream: give --upstream URL, or set SUPABASE_URL"),
        (("--env", "A=b", "--", "true"), "--env: 'A=b' is neither NAME nor NAME=/path"),
        (("--env", "A B", "--", "true"), "--env: 'A B' is neither NAME nor NAME=/path"),
        (("--upstream", "nonsense", "--", "true"), "upstream: "),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    ran = desk.capture(*arguments)
    assert ran.code == 2
    assert said in ran.err
    assert not (desk.folder / "fanin-capture.jsonl").exists()


def test_an_upstream_that_does_not_answer_is_told_and_the_command_runs(desk: Desk) -> None:
    ran = desk.capture("--upstream", "http://127.0.0.1:1", "--", "echo", "ran")
    assert (ran.code, ran.out) == (0, "ran\n")
    assert "fanin: warning: upstream could not be asked" in ran.err
