"""Reports, exports, imports and workers in Python, with supabase-py's client of PostgREST."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from postgrest import CountMethod

from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient

FIRST = str(UUID(int=0))


def application(n: int) -> dict[str, object]:
    return {
        "user_id": str(uuid4()),
        "status": "draft",
        "handle": f"py_{n}",
        "email": f"py_{n}@example.com",
        "package_tier": 10,
        "mix_name": "VOLUME",
    }


def creators(db: SyncPostgrestClient, count: int) -> list[str]:
    return [row["id"] for row in rows(db.from_("creators").select("id").order("id").limit(count))]


def trackings_of(db: Any, key: str) -> Any:
    return db.from_("monthly_tracking").select("month,quota_total").eq("creator_id", key)


def report_in_a_loop(db: SyncPostgrestClient) -> None:
    for key in creators(db, 12):
        rows(trackings_of(db, key))


def report_batched(db: SyncPostgrestClient) -> None:
    rows(db.from_("monthly_tracking").select("creator_id,month,quota_total").in_("creator_id", creators(db, 12)))


def report_in_threads(db: SyncPostgrestClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(copy_context().run, rows, trackings_of(db, key)) for key in creators(db, 16)]:
            future.result()


def export_by_keyset(db: SyncPostgrestClient) -> None:
    last = FIRST
    for _ in range(5):
        last = rows(db.from_("videos").select("id,status").gt("id", last).order("id").limit(50))[-1]["id"]


def export_by_offset(db: SyncPostgrestClient) -> None:
    for at in range(950, 1250, 50):
        rows(db.from_("videos").select("id,status").order("id").range(at, at + 49))


def dump_of_creators(db: SyncPostgrestClient) -> None:
    rows(db.from_("creators").select("*").order("id"))


def dump_of_some_columns(db: SyncPostgrestClient) -> None:
    rows(db.from_("creators").select("id,handle").order("id"))


def applications_in_a_loop(db: SyncPostgrestClient) -> None:
    for n in range(6):
        rows(db.from_("creator_applications").insert(application(n)))


def applications_in_bulk(db: SyncPostgrestClient) -> None:
    rows(db.from_("creator_applications").insert([application(n) for n in range(6)]))


def applications_in_chunks(db: SyncPostgrestClient) -> None:
    for _ in range(6):
        rows(db.from_("creator_applications").insert([application(n) for n in range(10)]))


def updates_in_a_loop(db: SyncPostgrestClient) -> None:
    for key in creators(db, 6):
        rows(db.from_("creators").update({"notes": "py"}).eq("id", key))


def one_update_for_all(db: SyncPostgrestClient) -> None:
    rows(db.from_("creators").update({"notes": "py"}).in_("id", creators(db, 6)))


def looked_up_then_inserted(db: SyncPostgrestClient) -> None:
    for n in range(6):
        if not rows(db.from_("creator_applications").select("id").eq("handle", f"never {n}").limit(1)):
            rows(db.from_("creator_applications").insert(application(n)))


def nightly_with_work_between(db: SyncPostgrestClient) -> None:
    for key in creators(db, 6):
        rows(trackings_of(db, key))
        time.sleep(0.7)


def queue_polled(db: SyncPostgrestClient) -> None:
    for _ in range(6):
        rows(db.from_("creator_applications").select("id").eq("status", "pending_review").order("id").limit(5))
        time.sleep(0.6)


def three_tables_in_a_row(db: SyncPostgrestClient) -> None:
    for table in ("video_rates", "package_definitions", "mix_definitions"):
        rows(db.from_(table).select("*"))


def counts_by_status(db: SyncPostgrestClient) -> None:
    for status in ("uploaded", "pending_review", "approved", "rejected"):
        db.from_("videos").select("*", count=CountMethod.exact, head=True).eq("status", status).execute()


def settings_read_everywhere(db: SyncPostgrestClient) -> None:
    key = creators(db, 1)[0]
    for _ in range(5):
        rows(db.from_("creator_payout_profiles").select("method").eq("creator_id", key))


async def gathered(db: AsyncPostgrestClient) -> None:
    found: Any = (await db.from_("creators").select("id").order("id").limit(20).execute()).data
    await asyncio.gather(*[trackings_of(db, row["id"]).execute() for row in found])


async def gathered_two_at_a_time(db: AsyncPostgrestClient) -> None:
    found: Any = (await db.from_("creators").select("id").order("id").limit(12).execute()).data
    gate = asyncio.Semaphore(2)

    async def one(key: str) -> None:
        async with gate:
            await trackings_of(db, key).execute()

    await asyncio.gather(*[one(row["id"]) for row in found])


async def batched(db: AsyncPostgrestClient) -> None:
    found: Any = (await db.from_("creators").select("id").order("id").limit(20).execute()).data
    keys = [row["id"] for row in found]
    await db.from_("monthly_tracking").select("creator_id,month").in_("creator_id", keys).execute()


async def logins(db: AsyncPostgrestClient) -> None:
    async def login(n: int) -> None:
        with trace("py: logins"):
            found: Any = (await db.from_("creators").select("id").eq("handle", f"creator_{n}").execute()).data
            await db.from_("creator_payout_profiles").select("method").eq("creator_id", found[0]["id"]).execute()

    await asyncio.gather(*[login(n) for n in range(1, 9)])


SCENARIOS = Scenarios(
    jobs=(
        *(report_in_a_loop, report_batched, report_in_threads, export_by_keyset, export_by_offset, dump_of_creators),
        *(
            dump_of_some_columns,
            applications_in_a_loop,
            applications_in_bulk,
            applications_in_chunks,
            updates_in_a_loop,
        ),
        *(one_update_for_all, looked_up_then_inserted, nightly_with_work_between, queue_polled, three_tables_in_a_row),
        *(counts_by_status, settings_read_everywhere),
    ),
    tasks=(gathered, gathered_two_at_a_time, batched),
    bursts=(logins,),
)
