"""Records the corpus again: `python -m tests.corpus.record [GROUP…]`, all of it or these folders, as
`tests/corpus/in_sample/harder`.

The scenarios are played by supabase-js and supabase-py's client against a real PostgREST, as far away as a data centre
of the same country, through `fanin serve --record`.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from proxy.demo.data import load
from proxy.demo.stack import Postgres, PostgREST, service_token
from tests.corpus.play import scenarios_of
from tests.corpus.scoring import HERE, SETS, groups, recording
from tests.e2e.support.harness import fanin_program
from tests.e2e.support.script_runner import MODULES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

ROOT = HERE.parents[1]
CREATORS = 400
FAR = 0.012
"""Seconds that an answer is on its way."""
SECRET = "a secret that only the corpus knows, long enough"
MORE = """
create view slow_report as select handle, package_tier from creators, (select pg_sleep(0.6)) slept;
grant select on slow_report to service_role;
create function twice(n int) returns int language sql stable return 2 * n; notify pgrst, 'reload schema';
"""


@asynccontextmanager
async def slow_upstream(port: int) -> AsyncIterator[str]:
    """The address of something that passes on what goes to ``port``, and what comes back later."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
        while data := await reader.read(1 << 16):
            await asyncio.sleep(delay)
            writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, to_upstream = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, to_upstream, 0), pass_on(upstream, writer, FAR))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def play_and_record(upstream: str, group: Path, token: str) -> bytes:
    """The recording of the scenarios of a group."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "traces.jsonl")
        flags = ("--record", str(file), "--mount", "/rest/v1", "--set", "detect.row_keys=on")
        async with fanin_program(upstream, *flags, "--set", "merge.max_rows=1000") as running:
            for player in players(group):
                arguments = (*player, f"http://127.0.0.1:{running.port}", token, str(group))
                process = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT)
                assert await process.wait() == 0, group
        return await asyncio.to_thread(file.read_bytes)


async def record(upstream: str, group: Path, token: str) -> None:
    """Write the recording of a group; the same traces make the same bytes."""
    recorded = await play_and_record(upstream, group, token)
    recording(group).write_bytes(gzip.compress(recorded, 9, mtime=0))


def players(group: Path) -> Iterator[tuple[str, ...]]:
    """The commands that play the scenarios of a group."""
    if any(group.glob("*.mjs")):
        yield "node", str(HERE / "play.mjs"), str(MODULES)
    if scenarios_of(group):
        yield sys.executable, "-m", "tests.corpus.play"


@asynccontextmanager
async def corpus_upstream() -> AsyncIterator[tuple[str, str]]:
    """The address of PostgREST with the corpus' tables, far away, and a token for it."""
    async with corpus_database() as postgres, upstream_of(postgres) as upstream:
        yield upstream


@asynccontextmanager
async def corpus_database() -> AsyncIterator[Postgres]:
    """Postgres with the corpus' tables."""
    with Postgres() as postgres:
        await load(postgres.dsn, CREATORS)
        await _execute(postgres, MORE + "".join(file.read_text() for file in sorted(HERE.rglob("*.sql"))))
        yield postgres


@asynccontextmanager
async def upstream_of(postgres: Postgres, database: str = "postgres") -> AsyncIterator[tuple[str, str]]:
    """The address of PostgREST in front of a database, far away, and a token for it."""
    settings = {"db-max-rows": "1000"}
    dsn = postgres.dsn_as("authenticator").removesuffix("postgres") + database
    with PostgREST(dsn, secret=SECRET, settings=settings) as postgrest:
        async with slow_upstream(postgrest.port) as upstream:
            yield upstream, service_token(SECRET)


@asynccontextmanager
async def fresh_upstream(postgres: Postgres) -> AsyncIterator[tuple[str, str]]:
    """The same, with a copy of the database, so that no scenario finds what another run of it has written."""
    await _execute(postgres, "create database fresh template postgres", "template1")
    try:
        async with upstream_of(postgres, "fresh") as upstream:
            yield upstream
    finally:
        await _execute(postgres, "drop database fresh with (force)", "template1")


async def _execute(postgres: Postgres, sql: str, database: str = "postgres") -> None:
    connection = await asyncpg.connect(postgres.dsn.removesuffix("postgres") + database)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def main(wanted: Sequence[Path]) -> None:
    async with corpus_upstream() as (upstream, token):
        every = [group for scenarios in SETS for group in groups(scenarios)]
        for group in wanted or every:
            await record(upstream, group, token)


if __name__ == "__main__":
    asyncio.run(main([Path(name).resolve() for name in sys.argv[1:]]))
