"""The servers that the rows of the benchmark load, all up at once: Postgres, PostgREST, nginx, and several fanins."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from proxy.demo.data import load
from proxy.demo.process import Child
from proxy.demo.server import free_port
from proxy.demo.sidecar import Fanin
from proxy.demo.stack import Postgres, PostgREST, service_token
from rules import RULES

if TYPE_CHECKING:
    from contextlib import ExitStack

SECRET = "the benchmark's own secret, of no use elsewhere"
NGINX = r"""
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; keepalive_requests 1000000;
  upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
  server {{
    listen 127.0.0.1:{constant};
    default_type "application/json; charset=utf-8";
    location / {{
      add_header Content-Range 0-0/*;
      return 200 '[{{"creator_id":7,"method":"iban","iban":"DE00 0000 0000 0000","paypal_email":null}}]';
    }}
  }}
}}
"""
SLOW = """
create or replace function slow_answer(n int) returns int language sql stable
    as $$ select n from (select pg_sleep(0.4)) waited $$;
grant execute on function slow_answer to service_role;
"""
OBSERVE = {"mode": "observe", "profile": "postgrest", "mount": "/"}
RULES_OFF = {f"rules.{rule.code.lower()}": "off" for rule in RULES}


class Side(NamedTuple):
    """A server that is loaded. ``admin`` is the URL of a fanin's admin port, or empty."""

    name: str
    url: str
    admin: str = ""


class Servers:
    """Starts them when they are first asked for; ``processes`` has the pids of all that run, by name."""

    def __init__(self, stack: ExitStack, revision: str = "") -> None:
        self._stack = stack
        self._revision = revision
        self.token = service_token(SECRET)
        postgres = self._postgres = stack.enter_context(Postgres())
        asyncio.run(load(postgres.dsn, 2000))
        self.ids: list[str] = asyncio.run(_ids(postgres.dsn))
        self._api = stack.enter_context(PostgREST(postgres.dsn_as("authenticator"), secret=SECRET))
        self.direct = Side("direct", self._api.url)
        self.processes = {"Postgres": postgres.pid, "PostgREST": self._api.pid}

    @cached_property
    def _nginx(self) -> tuple[Side, Side]:
        program = shutil.which("nginx")
        if program is None:
            raise SystemExit("nginx is neither unpacked nor on PATH (Debian: apt-get install nginx)")
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        port, constant = free_port(), free_port()
        config = directory / "nginx.conf"
        config.write_text(NGINX.format(dir=directory, upstream=self._api.port, port=port, constant=constant))
        arguments = [program, "-c", str(config), "-e", str(directory / "error.log")]
        child = Child(arguments, log=directory / "out.log", env=dict(os.environ), stop=signal.SIGQUIT)
        self._stack.enter_context(child)
        child.wait_until((directory / "nginx.pid").exists, timeout=10)
        self.processes["nginx"] = child.pid
        return Side("nginx", f"http://127.0.0.1:{port}"), Side("constant", f"http://127.0.0.1:{constant}")

    @property
    def nginx(self) -> Side:
        """In front of PostgREST."""
        return self._nginx[0]

    @property
    def constant(self) -> Side:
        """An nginx that answers each request with the same row at once."""
        return self._nginx[1]

    @cached_property
    def fanin(self) -> Side:
        """In front of PostgREST, with the default settings."""
        return self._started("fanin", Fanin(self._api.url))

    @cached_property
    def against(self) -> list[Side]:
        """The fanin of another revision, where one is named."""
        return [self._other()] if self._revision else []

    @cached_property
    def slow(self) -> Side:
        """A PostgREST with ten connections to the database, and a function that takes 0.4 s: 25 calls per second."""
        asyncio.run(_execute(self._postgres.dsn, SLOW))
        settings = {"db-pool": "10"}
        dsn = self._postgres.dsn_as("authenticator")
        return Side("slow", self._stack.enter_context(PostgREST(dsn, secret=SECRET, settings=settings)).url)

    def before_slow(self, name: str, settings: dict[str, str]) -> Side:
        """A fanin in front of ``slow``."""
        return self._started(name, Fanin(self.slow.url, settings={**settings, "mount": "/rest/v1"}))

    def before_constant(self, name: str, settings: dict[str, str]) -> Side:
        """A fanin in front of the constant answers."""
        return self._started(name, Fanin(self.constant.url, settings=settings))

    def _started(self, name: str, fanin: Fanin) -> Side:
        started = self._stack.enter_context(fanin)
        self.processes[name] = started.pid
        return Side(name, started.url, started.admin_url)

    def _other(self) -> Side:
        """The fanin of another revision, with this environment's packages."""
        stack, revision = self._stack, self._revision
        tree = Path(stack.enter_context(tempfile.TemporaryDirectory()), "tree")
        subprocess.run(["git", "worktree", "add", "--detach", str(tree), revision], check=True, capture_output=True)
        stack.callback(subprocess.run, ["git", "worktree", "remove", "--force", str(tree)], check=True)
        ours = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = str(tree)
        try:
            asked = [sys.executable, "-c", "import proxy; print(proxy.__file__)"]
            found = subprocess.run(asked, cwd=tree.parent, capture_output=True, text=True, check=True).stdout
            if not found.startswith(str(tree)):
                raise SystemExit(f"{revision} would be measured with the code of {found.strip()}")
            return self._started(revision, Fanin(self._api.url))
        finally:
            os.environ.pop("PYTHONPATH")
            if ours is not None:
                os.environ["PYTHONPATH"] = ours


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _ids(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("select creator_id from creator_payout_profiles order by 1")
    finally:
        await connection.close()
    return [str(row[0]) for row in rows]
