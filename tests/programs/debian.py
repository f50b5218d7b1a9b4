"""Debian's packages: which ones a program takes, downloaded and unpacked into a folder.

The packages that the machine has installed are not asked about: a machine with none of them gets the same files. Only
the C library is the machine's own, since it belongs to the loader that starts every program.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.programs.launcher import write_launchers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.catalog import Program

LIBRARIES = ("lib", "zlib")
LEFT_OUT = re.compile(
    r"libc6|libc-.*"  # belongs to the machine's loader
    r"|libperl.*|.*-perl"  # only for maintainers' scripts, which are not run
    r"|libllvm.*|libgl1-mesa-dri"  # Postgres compiles no queries here, and Chromium draws by itself
    r"|libjs-.*"
)
UNREAD = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/lintian")
OFFLINE = 60  # seconds that apt waits for a server


class UnavailableError(RuntimeError):
    """A package cannot be had on this machine; the message says why."""


def needed(simulated: str, program: Program) -> list[str]:
    """The packages to download, of those that `apt-get --simulate install` names."""
    names = re.findall(r"^Inst (\S+)", simulated, re.MULTILINE)
    wanted = [name for name in names if name in program.packages or name.startswith((*program.more, *LIBRARIES))]
    return [name for name in wanted if name in program.packages or not LEFT_OUT.fullmatch(name)]


def unpack(program: Program, home: Path) -> None:
    """Fill ``home`` with the program's tree and launchers; nothing is left there when it fails.

    Raises UnavailableError when apt cannot get the packages.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise UnavailableError("this machine has no apt-get and dpkg-deb")
    shutil.rmtree(home, ignore_errors=True)
    try:
        packages = home / "packages"
        packages.mkdir(parents=True)
        _download(program, packages)
        for archive in sorted(packages.glob("*.deb")):
            _extract(archive, home / "root")
        shutil.rmtree(packages)
        if program.prepare is not None:
            program.prepare(home)
        write_launchers(program, home)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _download(program: Program, packages: Path) -> None:
    index = packages.parent.parent / ".index"
    apt = _apt(index)
    failed = None
    try:
        _run([*apt, "update"], packages)
    except UnavailableError as error:  # of one source perhaps, which need not be the one that has the program
        failed = error
    try:
        simulated = _simulated([*apt, "--simulate", "--no-install-recommends", "install"], program, packages)
        _run([*apt, "download", *needed(simulated, program)], packages)
    except UnavailableError as error:
        raise failed or error from error


def _simulated(install: list[str], program: Program, folder: Path) -> str:
    """What apt would install: the program, and each of its extras that this release has."""
    names = list(program.packages)
    simulated = _run([*install, *names], folder)
    for extra in program.extras:
        try:
            simulated = _run([*install, *names, extra], folder)
        except UnavailableError:
            continue
        names.append(extra)
    return simulated


def _apt(index: Path) -> list[str]:
    """apt-get with state of its own, in which no package is installed."""
    (index / "lists/partial").mkdir(parents=True, exist_ok=True)
    (index / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    (index / "status").touch()
    options = {
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
        "Dir::Cache": str(index / "cache"),
        "Dir::State::Lists": str(index / "lists"),
        "Dir::State::status": str(index / "status"),
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": str(OFFLINE),
    }
    return ["apt-get", "-qq", *(word for item in options.items() for word in ("-o", "=".join(item)))]


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()[-1:]
        raise UnavailableError("apt-get: " + " ".join(line.removeprefix("E:").strip() for line in said))
    return done.stdout


def _extract(archive: Path, root: Path) -> None:
    """With the rights and the owner of files that an ordinary user makes: no program gets root's rights."""
    root.mkdir(exist_ok=True)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as source:
        excluded = [f"--exclude={path}" for path in UNREAD]
        command = ["tar", "-x", "-C", str(root), "--no-same-owner", "--no-same-permissions", *excluded]
        subprocess.run(command, stdin=source.stdout, check=True)
    if source.returncode != 0:
        raise UnavailableError(f"dpkg-deb cannot read {archive.name}")
