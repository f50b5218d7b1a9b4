"""Handlers over supabase-py's client of PostgREST whose calls deploy/clients names, several in flight at once.

Prints what they got, as JSON: python -m tests.e2e.support.applications.traced_handlers URL TOKEN
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from typing import TYPE_CHECKING, Any

import httpx
from postgrest import AsyncPostgrestClient, SyncPostgrestClient

from tests.test_imports import ROOT

if TYPE_CHECKING:
    from types import ModuleType

MONTHS = ("2025-05", "2025-06")


def copied(name: str) -> ModuleType:
    """A file of deploy/clients, as an application that copied it has it."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "deploy" / "clients" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fanin_trace = copied("fanin_trace")


async def profile_of(db: AsyncPostgrestClient, key: str) -> str:
    query = db.from_("creator_payout_profiles").select("creator_id").eq("creator_id", key)
    return str((await query.execute()).data[0]["creator_id"])  # type: ignore[index,call-overload] # the fan-out


async def export(db: AsyncPostgrestClient, month: str) -> list[str]:
    with fanin_trace.trace("job: payout export"):
        query = db.from_("monthly_tracking").select("creator_id").eq("month", month).order("creator_id").limit(8)
        ids: list[Any] = [row["creator_id"] for row in (await query.execute()).data]  # type: ignore[index,call-overload]
        return list(await asyncio.gather(*[profile_of(db, key) for key in ids]))


async def tasks_alone(db: AsyncPostgrestClient) -> int:
    """Calls of which nothing but the client is on the stack; in debug mode it is known where they were made."""
    asyncio.get_running_loop().set_debug(True)
    await asyncio.sleep(0)  # it holds from the next turn on
    with fanin_trace.trace("tasks"):
        queries = [db.from_("video_rates").select("video_type").limit(n).execute() for n in (1, 2)]  # made here
        return len(await asyncio.gather(*queries))


def at_once(url: str, headers: dict[str, str]) -> int:
    with httpx.Client(verify=False) as session, fanin_trace.trace("größe\nsync"):  # no TLS here
        fanin_trace.traced(session, url, callers=True)
        db = SyncPostgrestClient(url + "/rest/v1", headers=headers, http_client=session)
        return len(db.from_("video_rates").select("video_type").limit(1).execute().data)  # asked here


async def run(url: str, token: str) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(verify=False) as session:
        fanin_trace.traced(session, url, callers=True)
        db = AsyncPostgrestClient(url + "/rest/v1", headers=headers, http_client=session)
        jobs = await asyncio.gather(*[export(db, month) for month in MONTHS])
        return {"jobs": jobs, "tasks": await tasks_alone(db), "sync": await asyncio.to_thread(at_once, url, headers)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(*sys.argv[1:]))))
