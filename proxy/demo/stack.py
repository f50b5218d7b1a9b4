"""The real servers of the demo and the tests: Postgres from PyPI and PostgREST from npm.

Both are plain context managers, for asyncio code and for fixtures; start them in the main thread.
They run in the foreground as child processes, store all files in one temporary directory each,
and remove everything at the end, also after an exception or a Ctrl-C at any moment. After a
SIGKILL of this process, on Linux, the servers end too and only the directories remain.

    with Postgres() as postgres:
        await load(postgres.dsn, creators=100)
        with PostgREST(postgres.dsn_as("authenticator"), secret=secret) as postgrest:
            ...
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from proxy.demo.postgres import Postgres
from proxy.demo.postgrest import PostgREST, find_postgrest
from proxy.demo.process import StackError
from proxy.demo.server import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

__all__ = [
    "PostgREST",
    "Postgres",
    "StackError",
    "find_postgrest",
    "free_port",
    "reset",
    "service_token",
    "statements",
]


def service_token(secret: str, claims: Mapping[str, object] = MappingProxyType({})) -> str:
    """Return an HS256 JWT with role `service_role`; `claims` are added, or replace it."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"role": "service_role", **claims})
    signed = b".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return b".".join((signed, _base64(mac))).decode()


async def statements(connection: asyncpg.Connection[Any]) -> int:
    """Return how many statements PostgREST ran for requests since the last reset."""
    count = await connection.fetchval(
        "select coalesce(sum(calls), 0)::bigint from extensions.pg_stat_statements"
        " where query like 'WITH pgrst_source%'"
    )
    return int(count)


async def reset(connection: asyncpg.Connection[Any]) -> None:
    """Set the counters that `statements` reads to zero."""
    await connection.execute("select extensions.pg_stat_statements_reset()")


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
