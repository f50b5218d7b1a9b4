"""Creates the RetroMuscle schema, with its faults, and the same rows each time, in an empty Postgres."""

from __future__ import annotations

from importlib import resources
from urllib.parse import unquote, urlsplit

import asyncpg

_FILES = resources.files("proxy.demo")


async def load(dsn: str, creators: int) -> None:
    """Create the schema and fill it for `creators` creators (100 in tests, 2,000 in the demo).

    `dsn` belongs to a superuser and an empty database; the role `authenticator` gets its password.
    A creator has 6 months of trackings; a tracking has 5 videos and 1 rush. Raises asyncpg's errors;
    the load is one transaction.
    """
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(_read("schema.sql"))
            await connection.execute(_read("data.sql").replace(":creators", str(creators)))
            password = unquote(urlsplit(dsn).password or "")
            command = await connection.fetchval(
                "select format('alter role authenticator password %L', $1::text)", password
            )
            await connection.execute(command)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")
