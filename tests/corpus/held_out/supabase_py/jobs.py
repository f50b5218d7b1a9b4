"""Imports, syncs and exports in Python, with supabase-py's client of PostgREST or httpx alone."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    import httpx
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def stock(n: int) -> dict[str, object]:
    return {"sku": f"SKU-{n}", "name": f"Product {n}", "price": 3, "stock": n, "description": "New."}


def import_that_looks_each_article_up(db: SyncPostgrestClient) -> None:
    known = {n: rows(db.from_("products").select("id").eq("sku", f"SKU-{n}")) for n in range(100, 130)}
    rows(db.from_("audit_log").insert([{"what": f"{n}: {len(found)}"} for n, found in known.items()]))


def import_that_looks_all_articles_up(db: SyncPostgrestClient) -> None:
    known = rows(db.from_("products").select("id,sku").in_("sku", [f"SKU-{n}" for n in range(100, 130)]))
    rows(db.from_("audit_log").insert([{"what": row["sku"]} for row in known]))


def sync_that_upserts_each_row(db: SyncPostgrestClient) -> None:
    for n in range(1, 41):
        rows(db.from_("products").upsert(stock(n), on_conflict="sku"))


def sync_that_upserts_by_the_hundred(db: SyncPostgrestClient) -> None:
    for at in range(0, 600, 100):
        rows(db.from_("products").upsert([stock(n) for n in range(at + 1, at + 101)], on_conflict="sku"))


def sync_by_the_hundred_with_httpx_alone(db: SyncPostgrestClient) -> None:
    session: httpx.Client = db.session
    wanted = {"Prefer": "resolution=merge-duplicates,return=minimal", **db.headers}
    for at in range(0, 600, 100):
        made = [stock(n) for n in range(at + 1, at + 101)]
        url = f"{db.base_url}/products"
        session.post(url, params={"on_conflict": "sku"}, json=made, headers=wanted).raise_for_status()


def export_by_keyset_of_five_hundred(db: SyncPostgrestClient) -> None:
    last = 0
    while page := rows(db.from_("orders").select("id,total,placed_at").gt("id", last).order("id").limit(500)):
        last = page[-1]["id"]


def export_by_offset_of_five_hundred(db: SyncPostgrestClient) -> None:
    for at in range(0, 3000, 500):
        rows(db.from_("orders").select("id,total,placed_at").order("id").range(at, at + 499))


def three_tables_exported_in_threads(db: SyncPostgrestClient) -> None:
    def export(table: str) -> None:
        last = 0
        while page := rows(db.from_(table).select("id").gt("id", last).order("id").limit(400)):
            last = page[-1]["id"]

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(copy_context().run, export, table) for table in ("orders", "messages", "customers")]:
            future.result()


def backup_in_one_call(db: SyncPostgrestClient) -> None:
    rows(db.from_("order_items").select("order_id,product_id,quantity"))


def reminders_in_threads(db: SyncPostgrestClient) -> None:
    def orders_of(key: int) -> Any:
        return db.from_("orders").select("id,total").eq("customer_id", key).eq("status", "placed")

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(copy_context().run, rows, orders_of(key)) for key in range(1, 31)]:
            future.result()


def comments_inserted_and_counted(db: SyncPostgrestClient) -> None:
    for n in range(8):
        rows(db.from_("ticket_comments").insert({"ticket_id": 7, "author_id": 1 + n, "body": "Seen."}))
        rows(db.from_("ticket_comments").select("id").eq("ticket_id", 7))


def report_head_in_four_awaits(db: SyncPostgrestClient) -> None:
    rows(db.from_("staff").select("id,name"))
    rows(db.from_("categories").select("id,name"))
    rows(db.from_("orders").select("id,total").eq("status", "returned").order("id").limit(20))
    rows(db.from_("tickets").select("id,subject").eq("status", "open").order("id").limit(20))


def nightly_sync_of_one_source(db: SyncPostgrestClient) -> None:
    state = rows(db.from_("sync_state").select("cursor").eq("source", "bank"))[0]
    found = rows(db.from_("orders").select("id,total").gt("id", int(state["cursor"])).order("id").limit(200))
    rows(db.from_("audit_log").insert([{"what": f"booked {row['id']}"} for row in found]))
    rows(db.from_("sync_state").update({"cursor": str(found[-1]["id"])}).eq("source", "bank"))


def settings_asked_for_in_every_step(db: SyncPostgrestClient) -> None:
    for table in ("orders", "tickets", "messages", "customers"):
        rows(db.from_("feature_flags").select("name,enabled").eq("name", "flag_2"))
        rows(db.from_(table).select("id").order("id").limit(5))


def queue_with_a_slow_step(db: SyncPostgrestClient) -> None:
    for row in rows(db.from_("outbox").select("id").order("id").limit(6)):
        rows(db.from_("outbox").select("address").eq("id", row["id"]))
        time.sleep(0.8)
        rows(db.from_("outbox").update({"status": "seen"}).eq("id", row["id"]))


async def customers_eight_at_a_time(db: AsyncPostgrestClient) -> None:
    gate = asyncio.Semaphore(8)

    async def one(key: int) -> None:
        async with gate:
            await db.from_("customers").select("name,email").eq("id", key).execute()

    await asyncio.gather(*[one(key) for key in range(1, 49)])


async def tags_searched_for_at_once(db: AsyncPostgrestClient) -> None:
    queries = [db.from_("products").select("id").ilike("name", f"%{n}7%").limit(5) for n in range(1, 11)]
    await asyncio.gather(*[query.execute() for query in queries])


async def rows_inserted_at_once(db: AsyncPostgrestClient) -> None:
    await asyncio.gather(*[db.from_("audit_log").insert({"what": f"step {n}"}).execute() for n in range(12)])


async def last_week_day_by_day(db: AsyncPostgrestClient) -> None:
    def day(n: int) -> Any:
        found = db.from_("orders").select("id,total").gte("placed_at", f"2024-07-0{n}")
        return found.lt("placed_at", f"2024-07-0{n + 1}").order("id").execute()

    await asyncio.gather(*[day(n) for n in range(1, 8)])


async def logins_in_the_morning(db: AsyncPostgrestClient) -> None:
    async def login(n: int) -> None:
        with trace("py: logins in the morning"):
            who = db.from_("customers").select("id,name,segment").eq("email", f"customer_{n}@example.com")
            found: Any = (await who.execute()).data
            queries = [
                db.from_(table).select("id").eq("customer_id", found[0]["id"]) for table in ("orders", "notifications")
            ]
            await asyncio.gather(*[query.limit(10).execute() for query in queries])

    await asyncio.gather(*[login(n) for n in range(1, 26)])


SCENARIOS = Scenarios(
    jobs=(
        *(import_that_looks_each_article_up, import_that_looks_all_articles_up, sync_that_upserts_each_row),
        *(sync_that_upserts_by_the_hundred, sync_by_the_hundred_with_httpx_alone, export_by_keyset_of_five_hundred),
        *(export_by_offset_of_five_hundred, three_tables_exported_in_threads, backup_in_one_call, reminders_in_threads),
        *(comments_inserted_and_counted, report_head_in_four_awaits, nightly_sync_of_one_source),
        *(settings_asked_for_in_every_step, queue_with_a_slow_step),
    ),
    tasks=(customers_eight_at_a_time, tags_searched_for_at_once, rows_inserted_at_once, last_week_day_by_day),
    bursts=(logins_in_the_morning,),
)
