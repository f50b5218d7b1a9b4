"""The unit, by systemd's own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.commands.main import UNABLE, USAGE
from proxy.settings.loading import load
from tests.deploy.manifests import DEPLOY

UNIT = DEPLOY / "systemd/fanin.service"
EXPOSURE = 15  # of 100; what systemd calls OK ends at 40


def option(name: str) -> str:
    found = re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with the paths of the fanin and the kill that are here."""
    kill = shutil.which("kill")
    if shutil.which("systemd-analyze") is None or kill is None:
        pytest.skip("no systemd-analyze here, or no kill: neither Debian's (`make test` fetches them) nor on PATH")
    placed = tmp_path / UNIT.name
    fanin = str(Path(sys.executable).with_name("fanin"))
    text = UNIT.read_text(encoding="utf-8").replace("/opt/fanin/bin/fanin", fanin).replace("/bin/kill", kill)
    placed.write_text(text, encoding="utf-8")
    return placed


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def test_systemd_has_nothing_to_say_against_the_unit(unit: Path) -> None:
    checked = analyze("verify", unit)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_unit_is_exposed_to_little(unit: Path) -> None:
    checked = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", unit)
    assert checked.returncode == 0, checked.stdout


def test_it_has_time_to_drain_and_is_not_started_again_with_wrong_settings() -> None:
    drain = load({}, DEPLOY / "fanin.toml").settings.drain
    assert int(option("TimeoutStopSec")) > drain.delay + drain.timeout
    assert option("RestartPreventExitStatus") == str(USAGE)
    assert option("ExecStart") == "/opt/fanin/bin/fanin serve --config /etc/fanin/fanin.toml"


def test_a_reload_has_the_settings_read_again() -> None:
    """tests/e2e/operations/test_reload.py proves what SIGHUP does."""
    assert option("ExecReload") == "/bin/kill -HUP $MAINPID"


def test_a_start_is_tried_again_for_as_long_as_the_port_is_in_use() -> None:
    """tests/e2e/operations/test_serve.py proves the exit code. An absent upstream ends no fanin."""
    assert option("Restart") == "on-failure"
    assert option("StartLimitIntervalSec") == "0"
    assert str(UNABLE) not in option("RestartPreventExitStatus")


def test_there_are_directories_for_recordings_and_for_a_socket() -> None:
    assert option("StateDirectory") == option("RuntimeDirectory") == "fanin"
