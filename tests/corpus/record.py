"""Records the corpus again: `python -m tests.corpus.record [NAME…]`, all of it or these files, as
`recorded/harder`.

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
from tests.e2e.harness import program
from tests.e2e.scripts import MODULES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

HERE = Path(__file__).parent
SHOP = HERE / "heldout" / "shop.sql"
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
async def far(port: int) -> AsyncIterator[str]:
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


async def record(upstream: str, name: str, *player: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "traces.jsonl")
        flags = ("--record", str(file), "--mount", "/rest/v1", "--set", "detect.row_keys=on")
        async with program(upstream, *flags, "--set", "merge.max_rows=1000") as running:
            arguments = [word.replace("URL", f"http://127.0.0.1:{running.port}") for word in player]
            process = await asyncio.create_subprocess_exec(*arguments, cwd=HERE.parents[1])
            assert await process.wait() == 0, name
        keep(name, file)


def keep(name: str, file: Path) -> None:
    kept = HERE / f"{name}.jsonl.gz"
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))


async def main(wanted: Sequence[str]) -> None:
    with Postgres() as postgres:
        await load(postgres.dsn, CREATORS)
        connection = await asyncpg.connect(postgres.dsn)
        await connection.execute(MORE + SHOP.read_text())
        await connection.close()
        settings = {"db-max-rows": "1000"}
        with PostgREST(postgres.dsn_as("authenticator"), secret=SECRET, settings=settings) as postgrest:
            token = service_token(SECRET)
            async with far(postgrest.port) as upstream:
                node = ("node", str(HERE / "play.mjs"), str(MODULES), "URL", token)
                python = (sys.executable, "-m")
                players = {
                    "recorded/supabase-js": (*node, "named"),
                    "recorded/unnamed": (*node, "unnamed"),
                    "recorded/harder": (*node, "harder"),
                    "recorded/supabase-py": (*python, "tests.corpus.play", "URL", token),
                    "heldout/recorded/supabase-js": (*node, "heldout"),
                    "heldout/recorded/supabase-py": (*python, "tests.corpus.heldout.jobs", "URL", token),
                }
                for name in wanted or players:
                    await record(upstream, name, *players[name])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
