"""Creators of RetroMuscle who are as new for every run, and gone at its end."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from tests.e2e.support.literals import uuid_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack


CLEAR = """
delete from rushes where creator_id = any($1); delete from videos where creator_id = any($1);
delete from creator_payout_profiles where creator_id = any($1);
delete from monthly_tracking where creator_id = any($1); delete from creators where id = any($1)
"""


FILL = (
    "insert into creators (id, user_id, handle, email, package_tier, default_mix) "
    "select id, id, 'new', 'new@example.com', 10, 'VOLUME' from unnest($1::uuid[]) id",
    "insert into monthly_tracking "
    "select md5('old:' || id)::uuid, '2030-01', id, 10, 10, 'VOLUME', '{}', '{}', '2030-01-31' "
    "from unnest($1::uuid[]) id",
    "insert into videos (id, monthly_tracking_id, creator_id, video_type, file_url, created_at) "
    "select md5(id::text || n)::uuid, md5('old:' || id)::uuid, id, 'OOTD', 'u', date '2030-01-01' + n * interval '1h' "
    "from unnest($1::uuid[]) id, generate_series(1, 10) n",
)


CREATORS = [uuid_of(f"new creator {n}") for n in range(4)]


def tracking(creator: str, month: str) -> dict[str, object]:
    return {
        "id": uuid_of("old:" + creator) if month == "2030-01" else uuid_of(month + creator),
        "month": month,
        "creator_id": creator,
        "package_tier": 20,
        "quota_total": 20,
        "mix_name": "VOLUME",
        "quotas": {"OOTD": 20},
        "delivered": {},
        "deadline": "2030-02-28",
    }


async def clear(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    for statement in CLEAR.split(";"):
        await connection.execute(statement, CREATORS)


@asynccontextmanager
async def new_creators(stack: Stack) -> AsyncIterator[None]:
    """Creators who are as new for every run, and gone at the end."""
    connection = await asyncpg.connect(stack.dsn)
    try:
        await clear(connection)
        for statement in FILL:
            await connection.execute(statement, CREATORS)
        yield
    finally:
        await clear(connection)
        await connection.close()
