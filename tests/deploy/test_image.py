"""The Dockerfile, without an engine: its linter, its one RUN on the files that it copies, its health check."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from proxy import __version__
from proxy.demo.server import free_port
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OURS = {name for name in os.environ if name.startswith(("FANIN_", "FRESH", "MAKE", "MFLAGS"))}
OURS |= {"PYTHONPATH", "VIRTUAL_ENV"}
CLEAN = {name: value for name, value in os.environ.items() if name not in OURS}


def run(
    command: Sequence[str | Path], place: Path = ROOT, environment: Mapping[str, str] = CLEAN
) -> subprocess.CompletedProcess[str]:
    """A command, with what it says on both of its outputs."""
    return subprocess.run(
        command, cwd=place, env=environment, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


class Line(NamedTuple):
    """An instruction of the Dockerfile."""

    word: str
    rest: str


def lines() -> list[Line]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    instructions = text.replace("\\\n", " ").splitlines()
    return [Line(*instruction.split(None, 1)) for instruction in instructions if instruction]


def rests(word: str) -> list[str]:
    return [line.rest for line in lines() if line.word == word]


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a path of the work tree through; it knows `*`, `!path` and `**/name` only."""
    sent = True
    for pattern in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if pattern == "*":
            sent = False
        elif pattern.startswith("!") and (path == pattern[1:] or path.startswith(pattern[1:] + "/")):
            sent = True
        elif pattern.startswith("**/") and pattern[3:] in path.split("/"):
            sent = False
    return sent


def copy_as_docker_does(context: Path) -> None:
    """What the first stage copies, and nothing else: files into a folder, a folder's files under its new name."""
    for *sources, target in (rest.split() for rest in rests("COPY") if not rest.startswith("--from")):
        for source in sources:
            found = [path for path in (ROOT / source).rglob("*") if path.is_file()] or [ROOT / source]
            for path in found:
                if is_sent(str(path.relative_to(ROOT))):
                    inside = path.relative_to(ROOT / source) if path != ROOT / source else path.name
                    copied = context / target / inside
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copied)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the Dockerfile's RUN has installed fanin, run by make in a folder that has only what was copied."""
    context = tmp_path_factory.mktemp("context")
    copy_as_docker_does(context)
    home = tmp_path_factory.mktemp("opt") / "fanin"
    (command,) = rests("RUN")
    moved = shlex.split(command.replace("/opt/fanin", str(home)))
    environment = CLEAN | {"PIP_NO_COMPILE": "1"}  # takes the time that an image takes once
    made = run([*moved, f"PYTHON={sys.executable}"], context, environment)
    assert made.returncode == 0, made.stdout
    return home


def test_hadolint_has_nothing_to_say() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    checked = run([linter, "--no-color", "Dockerfile"])
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_image_is_slim_runs_the_python_that_built_it_and_is_not_root() -> None:
    build, base = rests("FROM")
    assert base == build.removesuffix(" AS build").replace("-", "-slim-", 1)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", rests("USER")[-1])
    assert [json.loads(rests(word)[0]) for word in ("ENTRYPOINT", "CMD")] == [["fanin"], ["serve"]]
    ports = re.findall(r"FANIN_\w+=0\.0\.0\.0:(\d+)", rests("ENV")[0])
    assert rests("EXPOSE") == [" ".join(ports)]


def test_its_one_step_is_a_documented_make_target_that_works_on_what_is_copied(prefix: Path) -> None:
    help_ = run(["make", "help"]).stdout
    (command,) = rests("RUN")
    assert f"make {command.split()[1]} " in help_
    assert run([prefix / "bin/fanin", "--version"]).stdout == f"fanin {__version__}\n"


def test_it_holds_what_serve_needs_and_no_more(prefix: Path) -> None:
    found = {path.name.partition("-")[0].lower() for path in prefix.glob("lib/python*/site-packages/*.dist-info")}
    locked = re.findall(r"^([\w-]+)==", (ROOT / "requirements/serve.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert found == {name.replace("-", "_") for name in (*locked, "fanin")}
    assert "asyncpg" in found  # for --db-uri


@pytest.mark.parametrize("port", ["FANIN_ADMIN", "FANIN_METRICS"])
def test_the_health_check_knows_a_fanin_that_serves_from_one_that_does_not(prefix: Path, port: str) -> None:
    check = json.loads(rests("HEALTHCHECK")[0].partition("CMD ")[2])
    listen, admin = free_port(), free_port()
    environment = {"PATH": str(prefix / "bin"), "FANIN_LISTEN": f"0.0.0.0:{listen}"}
    environment |= {"FANIN_ADMIN": "off", "FANIN_METRICS": "off"}
    environment[port] = f"0.0.0.0:{admin}"
    flags = ["--upstream", "http://127.0.0.1:1", "--mount", "/", "--profile", "postgrest"]
    command = [*json.loads(rests("ENTRYPOINT")[0]), *json.loads(rests("CMD")[0]), *flags]

    def is_healthy() -> bool:
        return run(check, environment=environment).returncode == 0

    assert not is_healthy()
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            assert next(line for line in server.stderr if "fanin " in line)
            assert is_healthy()
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert not is_healthy()
