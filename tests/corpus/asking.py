"""What scenarios in Python share."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Any

from postgrest import CountMethod

EXACT = CountMethod.exact


def key(text: str) -> str:
    """The UUID that tables.sql gives the row of this name."""
    return str(uuid.UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()))


async def data(query: Any) -> list[dict[str, Any]]:
    return list((await query.execute()).data)


async def together(*queries: Any) -> list[Any]:
    return [answer.data for answer in await asyncio.gather(*[query.execute() for query in queries])]


def given(**values: Any) -> dict[str, Any]:
    """The parameters of a function."""
    return values
