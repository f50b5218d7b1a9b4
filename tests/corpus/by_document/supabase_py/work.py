"""Work of the applications in Python: loads, exports, syncs, reports and an API."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def values_loaded_row_by_row(db: SyncPostgrestClient) -> None:
    for n in range(25):
        rows(db.from_("measurements").insert({"sensor_id": 1 + n % 60, "value": n}))


def values_loaded_as_a_list(db: SyncPostgrestClient) -> None:
    rows(db.from_("measurements").insert([{"sensor_id": 1 + n % 60, "value": n} for n in range(25)]))


def alerts_read_sensor_by_sensor(db: SyncPostgrestClient) -> None:
    for one in rows(db.from_("sensors").select("id").order("id").limit(20)):
        rows(db.from_("alerts").select("level").eq("sensor_id", one["id"]))


def alerts_read_for_a_list(db: SyncPostgrestClient) -> None:
    ids = [one["id"] for one in rows(db.from_("sensors").select("id").order("id").limit(20))]
    rows(db.from_("alerts").select("sensor_id,level").in_("sensor_id", ids))


def activities_into_a_frame(db: SyncPostgrestClient) -> None:
    rows(db.from_("activities").select("lead_id,kind"))


def activities_by_the_last_key(db: SyncPostgrestClient) -> None:
    last = 0
    for _ in range(5):
        page = rows(db.from_("activities").select("id,kind").gt("id", last).order("id").limit(1000))
        last = page[-1]["id"] if page else last


def activities_by_offset(db: SyncPostgrestClient) -> None:
    for at in range(0, 4000, 500):
        rows(db.from_("activities").select("id,kind").order("id").range(at, at + 499))


def leads_scored_with_a_call_each(db: SyncPostgrestClient) -> None:
    for n in range(12):
        db.rpc("lead_score", {"company": f"Company {n}"}).execute()


def head_of_the_nightly_report(db: SyncPostgrestClient) -> None:
    rows(db.from_("pipelines").select("key,label").order("position"))
    rows(db.from_("quotes").select("id,total").eq("state", "open").order("id").limit(20))
    rows(db.from_("job_runs").select("name,progress").order("name").limit(20))
    rows(db.from_("sites").select("code,name").order("code").limit(8))


def run_watched_until_it_ends(db: SyncPostgrestClient) -> None:
    for _ in range(6):
        rows(db.from_("job_runs").select("state").eq("id", 7))
        time.sleep(0.4)


def progress_of_one_run_written(db: SyncPostgrestClient) -> None:
    for n in range(10):
        rows(db.from_("job_runs").update({"progress": 10 * n}).eq("id", 9))


def old_ratings_deleted_one_by_one(db: SyncPostgrestClient) -> None:
    for one in rows(db.from_("ratings").select("id").eq("stars", 1).order("id").limit(7)):
        rows(db.from_("ratings").delete().eq("id", one["id"]))


def old_ratings_deleted_by_a_list(db: SyncPostgrestClient) -> None:
    ids = [one["id"] for one in rows(db.from_("ratings").select("id").eq("stars", 2).order("id").limit(7))]
    rows(db.from_("ratings").delete().in_("id", ids))


def settings_read_by_each_helper(db: SyncPostgrestClient) -> None:
    for _ in range(4):
        rows(db.from_("limits").select("low,high").eq("sensor_kind", "light"))


def whole_recipes_into_a_frame(db: SyncPostgrestClient) -> None:
    rows(db.from_("recipes").select("*"))


def titles_into_a_frame(db: SyncPostgrestClient) -> None:
    rows(db.from_("recipes").select("id,title,cuisine"))


def webhook_of_a_signed_quote(db: SyncPostgrestClient) -> None:
    quote = rows(db.from_("quotes").select("id,lead_id").eq("id", 77))[0]
    rows(db.from_("quotes").update({"state": "signed"}).eq("id", quote["id"]))
    rows(db.from_("contracts").insert({"lead_id": quote["lead_id"], "signed_on": "2026-03-01"}))


def seats_counted_before_each_chunk(db: SyncPostgrestClient) -> None:
    for n in range(4):
        sold = db.from_("seats").select("id", count="exact").eq("state", "sold")  # type: ignore[arg-type]
        sold.order("id").range(50 * n, 50 * n + 49).execute()


def four_thousand_seats_counted_with_one_page(db: SyncPostgrestClient) -> None:
    db.from_("seats").select("id", count="exact").order("id").limit(20).execute()  # type: ignore[arg-type]


def one_cook_picked_from_all(db: SyncPostgrestClient) -> None:
    (one,) = [cook for cook in rows(db.from_("cooks").select("id,handle")) if cook["handle"] == "cook66"]
    rows(db.from_("recipes").select("id,title").eq("cook_id", one["id"]))


def one_cook_asked_for(db: SyncPostgrestClient) -> None:
    one = rows(db.from_("cooks").select("id").eq("handle", "cook66"))[0]
    rows(db.from_("recipes").select("id,title").eq("cook_id", one["id"]))


def quotes_and_leads_updated_in_turn(db: SyncPostgrestClient) -> None:
    for one in rows(db.from_("quotes").select("id,lead_id").eq("state", "open").order("id").limit(8)):
        rows(db.from_("quotes").update({"state": "signed"}).eq("id", one["id"]))
        rows(db.from_("leads").update({"stage": "won"}).eq("id", one["lead_id"]))


def values_of_a_week_in_one_answer(db: SyncPostgrestClient) -> None:
    rows(db.from_("measurements").select("at,value").gte("at", "2026-02-05T00:00:00Z").lt("at", "2026-02-08T00:00:00Z"))


async def cooks_gathered(db: AsyncPostgrestClient) -> None:
    await asyncio.gather(*[db.from_("cooks").select("handle,bio").eq("id", key).execute() for key in range(1, 21)])


async def cooks_gathered_three_at_a_time(db: AsyncPostgrestClient) -> None:
    gate = asyncio.Semaphore(3)

    async def one(key: int) -> None:
        async with gate:
            await db.from_("cooks").select("handle").eq("id", key).execute()

    await asyncio.gather(*[one(key) for key in range(30, 54)])


async def five_tables_gathered(db: AsyncPostgrestClient) -> None:
    tables = ("venues", "units", "pipelines", "sites", "limits")
    await asyncio.gather(*[db.from_(table).select("*").limit(10).execute() for table in tables])


async def quotes_signed_at_once(db: AsyncPostgrestClient) -> None:
    await asyncio.gather(
        *[db.from_("quotes").update({"state": "signed"}).eq("id", key).execute() for key in range(300, 312)]
    )


async def requests_of_an_api_that_read_the_stages(db: AsyncPostgrestClient) -> None:
    for n in range(1, 25):
        with trace("py: requests of an api that read the stages"):
            queries: list[Any] = [
                db.from_("pipelines").select("key,label,position"),
                db.from_("contracts").select("signed_on").eq("id", n),
            ]
            await asyncio.gather(*[query.execute() for query in queries])


async def requests_of_an_api_with_a_row_each(db: AsyncPostgrestClient) -> None:
    async def request(n: int) -> None:
        with trace("py: requests of an api with a row each"):
            await db.from_("sensors").select("label,kind").eq("id", n).single().execute()

    await asyncio.gather(*[request(n) for n in range(1, 25)])


SCENARIOS = Scenarios(
    jobs=(
        *(values_loaded_row_by_row, values_loaded_as_a_list, alerts_read_sensor_by_sensor, alerts_read_for_a_list),
        *(activities_into_a_frame, activities_by_the_last_key, activities_by_offset, leads_scored_with_a_call_each),
        *(head_of_the_nightly_report, run_watched_until_it_ends, progress_of_one_run_written),
        *(old_ratings_deleted_one_by_one, old_ratings_deleted_by_a_list, settings_read_by_each_helper),
        *(whole_recipes_into_a_frame, titles_into_a_frame, webhook_of_a_signed_quote, seats_counted_before_each_chunk),
        *(four_thousand_seats_counted_with_one_page, one_cook_picked_from_all, one_cook_asked_for),
        *(quotes_and_leads_updated_in_turn, values_of_a_week_in_one_answer),
    ),
    tasks=(cooks_gathered, cooks_gathered_three_at_a_time, five_tables_gathered, quotes_signed_at_once),
    bursts=(requests_of_an_api_that_read_the_stages, requests_of_an_api_with_a_row_each),
)
