"""A fleet of trucks: positions, trips, services, fuel and alarms."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.corpus.asking import EXACT, data, given, together
from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def last_position_read_truck_by_truck(db: SyncPostgrestClient) -> None:
    for truck in rows(db.from_("trucks").select("id,plate").eq("station_code", "f3").order("id").limit(20)):
        rows(db.from_("truck_positions").select("lat,lon").eq("truck_id", truck["id"]).order("at", desc=True).limit(1))


def trucks_with_their_drivers_embedded(db: SyncPostgrestClient) -> None:
    rows(db.from_("trucks").select("id,plate,truck_drivers(name)").eq("station_code", "f3").order("id"))


def drivers_of_trips_read_through_a_helper(db: SyncPostgrestClient) -> None:
    known: dict[int, str] = {}

    def name_of(driver: int) -> str:
        if driver not in known:
            known[driver] = rows(db.from_("truck_drivers").select("name").eq("id", driver))[0]["name"]
        return known[driver]

    for trip in rows(db.from_("trips").select("id,truck_driver_id").eq("state", "driving").order("id").limit(25)):
        name_of(trip["truck_driver_id"])


def reminder_mails_for_services_that_are_due(db: SyncPostgrestClient) -> None:
    services = rows(db.from_("truck_services").select("id,truck_id").eq("state", "open").order("due_on").limit(15))
    for service in services:
        truck = rows(db.from_("trucks").select("plate,truck_driver_id").eq("id", service["truck_id"]))[0]
        rows(db.from_("truck_drivers").select("name").eq("id", truck["truck_driver_id"]))
        time.sleep(0.05)  # the mail service


def position_of_one_truck_polled(db: SyncPostgrestClient) -> None:
    for _ in range(7):
        rows(db.from_("truck_positions").select("lat,lon").eq("truck_id", 5).order("at", desc=True).limit(1))
        time.sleep(0.9)


def positions_sent_by_a_truck_on_its_way(db: SyncPostgrestClient) -> None:
    for n in range(6):
        position = {"truck_id": 9, "lat": 53, "lon": n, "at": "2026-07-01T10:00:00+00:00"}
        rows(db.from_("truck_positions").insert(position))
        time.sleep(1.0)


def positions_of_a_batch_saved_one_by_one(db: SyncPostgrestClient) -> None:
    for n in range(30):
        position = {"truck_id": 1 + n, "lat": 53, "lon": n, "at": "2026-07-01T11:00:00+00:00"}
        rows(db.from_("truck_positions").insert(position))


def positions_of_a_batch_saved_at_once(db: SyncPostgrestClient) -> None:
    batch = [{"truck_id": 1 + n, "lat": 53, "lon": n, "at": "2026-07-01T11:00:00+00:00"} for n in range(30)]
    rows(db.from_("truck_positions").insert(batch))


def odometers_read_from_a_file_and_set(db: SyncPostgrestClient) -> None:
    for n in range(40, 58):
        rows(db.from_("trucks").update({"odometer": 1000 * n + 77}).eq("plate", f"HB-{n}"))


def odometers_looked_up_and_set(db: SyncPostgrestClient) -> None:
    for n in range(60, 72):
        truck = rows(db.from_("trucks").select("id,odometer").eq("plate", f"HB-{n}"))[0]
        rows(db.from_("trucks").update({"odometer": truck["odometer"] + 5}).eq("id", truck["id"]))


def state_of_each_truck_upserted_in_turn(db: SyncPostgrestClient) -> None:
    for truck in rows(db.from_("trucks").select("id,odometer").eq("station_code", "f5").order("id")):
        state = {"truck_id": truck["id"], "km": truck["odometer"]}
        rows(db.from_("truck_state").upsert(state, on_conflict="truck_id"))


def state_of_all_trucks_upserted_in_blocks(db: SyncPostgrestClient) -> None:
    trucks = rows(db.from_("trucks").select("id,odometer").order("id"))
    for start in (0, 120):
        block = [{"truck_id": one["id"], "km": one["odometer"]} for one in trucks[start : start + 120]]
        rows(db.from_("truck_state").upsert(block, on_conflict="truck_id"))


def old_alarms_closed_and_old_services_deleted(db: SyncPostgrestClient) -> None:
    rows(db.from_("truck_alarms").update({"is_open": False}).lt("id", 40))
    rows(db.from_("truck_services").delete().lt("id", 20).eq("state", "done"))


def alarms_closed_one_by_one(db: SyncPostgrestClient) -> None:
    for alarm in rows(db.from_("truck_alarms").select("id").eq("is_open", value=True).order("id").limit(18)):
        rows(db.from_("truck_alarms").update({"is_open": False}).eq("id", alarm["id"]))


def truck_of_a_plate_sought_in_all_trucks(db: SyncPostgrestClient) -> None:
    trucks = rows(db.from_("trucks").select("id,plate"))
    truck = next(one for one in trucks if one["plate"].lower() == "hb-199")
    rows(db.from_("fuel_receipts").select("litres,cents").eq("truck_id", truck["id"]))


def driver_of_a_licence_sought_in_all_drivers(db: SyncPostgrestClient) -> None:
    driver = {one["licence"]: one for one in rows(db.from_("truck_drivers").select("id,name,licence"))}["L222"]
    rows(db.from_("trips").select("km,started_on").eq("truck_driver_id", driver["id"]).limit(20))


def webhook_that_finds_its_truck_by_plate(db: SyncPostgrestClient) -> None:
    truck = rows(db.from_("trucks").select("id").eq("plate", "HB-201").limit(1))[0]
    rows(db.from_("truck_alarms").insert({"truck_id": truck["id"], "kind": "engine", "is_open": True}))


def fence_of_a_name_sought_in_the_few_there_are(db: SyncPostgrestClient) -> None:
    fences = rows(db.from_("geofences").select("id,name,radius").order("id").limit(10))
    fence = next(one for one in fences if one["name"] == "Fence 4")
    rows(db.from_("geofences").update({"radius": 400}).eq("id", fence["id"]))


def fuel_of_the_half_year_summed_up(db: SyncPostgrestClient) -> None:
    receipts = rows(db.from_("fuel_receipts").select("litres,cents").gte("bought_on", "2026-01-01").order("bought_on"))
    sum(one["cents"] for one in receipts)


def trips_of_the_half_year_with_a_large_limit(db: SyncPostgrestClient) -> None:
    rows(db.from_("trips").select("truck_id,km").eq("state", "over").limit(50_000))


def positions_from_a_function_that_returns_them_all(db: SyncPostgrestClient) -> None:
    db.rpc("all_positions", given()).execute()


def trips_read_until_a_page_is_empty(db: SyncPostgrestClient) -> None:
    start = 0
    while page := rows(db.from_("trips").select("id,km").order("id").range(start, start + 799)):
        start += len(page)


def open_alarms_for_the_wall_display(db: SyncPostgrestClient) -> None:
    rows(db.from_("truck_alarms").select("id,truck_id,kind").eq("is_open", value=True).order("id").limit(50))


def alarms_up_to_an_id_without_a_limit(db: SyncPostgrestClient) -> None:
    rows(db.from_("truck_alarms").select("id,truck_id,kind").lte("id", 900).order("id"))


def positions_listed_far_behind(db: SyncPostgrestClient) -> None:
    for start in (4500, 4550, 4600):
        rows(db.from_("truck_positions").select("id,lat,lon").order("id").range(4 * start, 4 * start + 49))


def positions_counted_for_a_label(db: SyncPostgrestClient) -> None:
    db.from_("truck_positions").select("id", count=EXACT, head=True).execute()
    rows(db.from_("truck_positions").select("id,lat", count=EXACT).order("id", desc=True).limit(20))


def morning_briefing_in_five_calls(db: SyncPostgrestClient) -> None:
    rows(db.from_("fleet_stations").select("code,name"))
    rows(db.from_("truck_alarms").select("kind,truck_id").eq("is_open", value=True).order("id", desc=True).limit(10))
    rows(db.from_("truck_services").select("due_on,kind").eq("state", "open").order("due_on").limit(10))
    rows(db.from_("trips").select("km,started_on").eq("state", "planned").order("started_on").limit(10))
    db.from_("trucks").select("id", count=EXACT, head=True).eq("is_active", value=True).execute()


def page_of_a_truck_in_five_calls(db: SyncPostgrestClient) -> None:
    rows(db.from_("trucks").select("plate,odometer").eq("id", 31))
    rows(db.from_("trips").select("km,state").eq("truck_id", 31).order("id", desc=True).limit(10))
    rows(db.from_("fuel_receipts").select("litres,cents").eq("truck_id", 31).order("id", desc=True).limit(10))
    rows(db.from_("truck_alarms").select("kind,is_open").eq("truck_id", 31))
    rows(db.from_("truck_services").select("kind,due_on").eq("truck_id", 31).order("due_on"))


def job_with_work_between_its_reads(db: SyncPostgrestClient) -> None:
    rows(db.from_("geofences").select("id,name").order("id").limit(20))
    time.sleep(1.5)  # a map is drawn
    rows(db.from_("fleet_stations").select("code,name"))
    time.sleep(1.5)
    rows(db.from_("truck_services").select("due_on,kind").order("due_on").limit(10))


def truck_then_driver_then_trips_of_the_driver(db: SyncPostgrestClient) -> None:
    truck = rows(db.from_("trucks").select("plate,truck_driver_id").eq("plate", "HB-77"))[0]
    driver = rows(db.from_("truck_drivers").select("id,licence").eq("id", truck["truck_driver_id"]))[0]
    rows(db.from_("trips").select("km").eq("truck_driver_id", driver["id"]).limit(5))


def stations_read_again_for_each_receipt(db: SyncPostgrestClient) -> None:
    for n in range(8):
        rows(db.from_("fleet_stations").select("code,name"))
        receipt = {"truck_id": 1 + n, "litres": 90, "cents": 12000, "bought_on": "2026-07-01", "card": f"card{n}"}
        rows(db.from_("fuel_receipts").insert(receipt))


def permission_of_the_driver_checked_before_each_step(db: SyncPostgrestClient) -> None:
    for table in ("trips", "truck_alarms", "fuel_receipts", "truck_services"):
        rows(db.from_("truck_drivers").select("name,licence").eq("id", 12))
        rows(db.from_(table).select("id").eq("truck_id", 12).limit(5))


def distance_asked_of_a_function_for_each_truck(db: SyncPostgrestClient) -> None:
    for truck in rows(db.from_("trucks").select("id").eq("station_code", "f2").order("id").limit(20)):
        db.rpc("distance_left", given(truck=truck["id"]), get=True).execute()


def alarms_added_and_open_ones_counted(db: SyncPostgrestClient) -> None:
    for n in range(5):
        rows(db.from_("truck_alarms").insert({"truck_id": 200, "kind": f"kind {n}", "is_open": True}))
        rows(db.from_("truck_alarms").select("id").eq("truck_id", 200).eq("is_open", value=True))


async def fuel_of_each_truck_gathered(db: AsyncPostgrestClient) -> None:
    trucks = await data(db.from_("trucks").select("id,plate").eq("station_code", "f4").order("id").limit(25))
    await together(*[db.from_("fuel_receipts").select("litres").eq("truck_id", one["id"]) for one in trucks])


async def board_of_the_dispatcher_gathered(db: AsyncPostgrestClient) -> None:
    await together(
        db.from_("fleet_stations").select("code,name"),
        db.from_("truck_alarms").select("kind,truck_id").eq("is_open", value=True).limit(10),
        db.from_("truck_services").select("due_on,kind").eq("state", "open").order("due_on").limit(10),
        db.from_("trips").select("km,started_on").eq("state", "planned").limit(10),
    )


async def stations_asked_for_by_six_coroutines(db: AsyncPostgrestClient) -> None:
    await together(*[db.from_("fleet_stations").select("code,name").order("code") for _ in range(6)])


async def stations_on_each_of_thirty_requests(db: AsyncPostgrestClient) -> None:
    for n in range(30):
        with trace("py: stations on each of thirty requests"):
            await data(db.from_("fleet_stations").select("code,name").order("name"))
            await data(db.from_("trucks").select("plate").eq("id", n + 1))


SCENARIOS = Scenarios(
    jobs=(
        *(last_position_read_truck_by_truck, trucks_with_their_drivers_embedded),
        *(drivers_of_trips_read_through_a_helper, reminder_mails_for_services_that_are_due),
        *(position_of_one_truck_polled, positions_sent_by_a_truck_on_its_way, positions_of_a_batch_saved_one_by_one),
        *(positions_of_a_batch_saved_at_once, odometers_read_from_a_file_and_set, odometers_looked_up_and_set),
        *(state_of_each_truck_upserted_in_turn, state_of_all_trucks_upserted_in_blocks),
        *(old_alarms_closed_and_old_services_deleted, alarms_closed_one_by_one),
        *(truck_of_a_plate_sought_in_all_trucks, driver_of_a_licence_sought_in_all_drivers),
        *(webhook_that_finds_its_truck_by_plate, fence_of_a_name_sought_in_the_few_there_are),
        *(fuel_of_the_half_year_summed_up, trips_of_the_half_year_with_a_large_limit),
        *(positions_from_a_function_that_returns_them_all, trips_read_until_a_page_is_empty),
        *(open_alarms_for_the_wall_display, alarms_up_to_an_id_without_a_limit, positions_listed_far_behind),
        *(positions_counted_for_a_label, morning_briefing_in_five_calls, page_of_a_truck_in_five_calls),
        *(job_with_work_between_its_reads, truck_then_driver_then_trips_of_the_driver),
        *(stations_read_again_for_each_receipt, permission_of_the_driver_checked_before_each_step),
        *(distance_asked_of_a_function_for_each_truck, alarms_added_and_open_ones_counted),
    ),
    tasks=(
        *(fuel_of_each_truck_gathered, board_of_the_dispatcher_gathered),
        stations_asked_for_by_six_coroutines,
    ),
    bursts=(stations_on_each_of_thirty_requests,),
)
