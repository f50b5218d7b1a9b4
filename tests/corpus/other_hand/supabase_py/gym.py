"""A gym and the back office of a service: layouts, guards, dashboards, imports and workers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.corpus.asking import EXACT, data, given, key, together
from tests.corpus.python_scenarios import Scenarios, rows

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def guard_layout_and_page_each_read_the_org(db: SyncPostgrestClient) -> None:
    for _ in ("guard", "layout", "page"):
        rows(db.from_("orgs").select("id,slug,name").eq("slug", "org-7"))
    rows(db.from_("usage_events").select("kind,at").eq("org_id", 7).order("id", desc=True).limit(10))


def guard_and_page_read_the_org(db: SyncPostgrestClient) -> None:
    for _ in ("guard", "page"):
        rows(db.from_("orgs").select("id,slug,name").eq("slug", "org-8"))


def org_read_with_other_columns_by_each_part(db: SyncPostgrestClient) -> None:
    for columns in ("id,slug", "name", "seats_used"):
        rows(db.from_("orgs").select(columns).eq("id", 9))


def settings_read_inside_a_loop_over_classes(db: SyncPostgrestClient) -> None:
    for n in range(1, 9):
        rows(db.from_("app_settings").select("key,value").eq("key", "key4"))
        rows(db.from_("gym_classes").update({"room": "Hall"}).eq("id", n))


def setting_changed_and_read_back(db: SyncPostgrestClient) -> None:
    for value in ("a", "b", "c"):
        rows(db.from_("app_settings").update({"value": value}).eq("key", "key5"))
        rows(db.from_("app_settings").select("value").eq("key", "key5"))


def worker_that_waits_for_an_import(db: SyncPostgrestClient) -> None:
    for _ in range(7):
        rows(db.from_("import_rows").select("state").eq("id", 190))
        time.sleep(0.3)


def import_lines_marked_done_and_the_rest_read(db: SyncPostgrestClient) -> None:
    for n in (1, 5, 9, 13, 17, 21, 25):
        rows(db.from_("import_rows").update({"state": "done"}).eq("id", n))
        rows(db.from_("import_rows").select("id").eq("batch", "b1").eq("state", "new").limit(100))


def import_lines_taken_in_chunks(db: SyncPostgrestClient) -> None:
    for _ in range(3):
        chunk = rows(
            db.from_("import_rows").select("id,line").eq("batch", "b2").eq("state", "new").order("id").limit(15)
        )
        rows(db.from_("import_rows").update({"state": "done"}).in_("id", [one["id"] for one in chunk]))


def seats_recounted_after_each_booking(db: SyncPostgrestClient) -> None:
    for guest in ("ann", "bob", "cem", "dee"):
        rows(db.from_("bookings").insert({"class_id": 33, "guest": guest, "state": "held"}))
        booked = rows(db.from_("bookings").select("id").eq("class_id", 33).order("id").limit(60))
        rows(db.from_("gym_classes").update({"booked": len(booked)}).eq("id", 33))


def seats_counted_after_a_group_booking(db: SyncPostgrestClient) -> None:
    rows(db.from_("bookings").insert([{"class_id": 34, "guest": guest, "state": "held"} for guest in ("ann", "bob")]))
    booked = rows(db.from_("bookings").select("id").eq("class_id", 34).order("id").limit(60))
    rows(db.from_("gym_classes").update({"booked": len(booked)}).eq("id", 34))


def folder_path_walked_to_its_root(db: SyncPostgrestClient) -> None:
    at = 12
    while at:
        at = rows(db.from_("folders").select("id,name,parent_id").eq("id", at))[0]["parent_id"]


def coach_of_each_class_looked_up(db: SyncPostgrestClient) -> None:
    for one in rows(db.from_("gym_classes").select("id,name,coach_id").eq("room", "Room 2").order("id").limit(16)):
        rows(db.from_("coaches").select("name").eq("id", one["coach_id"]))


def coaches_kept_in_a_dict(db: SyncPostgrestClient) -> None:
    names = {one["id"]: one["name"] for one in rows(db.from_("coaches").select("id,name"))}
    classes = rows(db.from_("gym_classes").select("id,name,coach_id").eq("room", "Room 2").order("id").limit(16))
    [names[one["coach_id"]] for one in classes]


def usage_summed_org_by_org(db: SyncPostgrestClient) -> None:
    for org in rows(db.from_("orgs").select("id").order("id").limit(12)):
        recent = db.from_("usage_events").select("kind").eq("org_id", org["id"]).gte("at", "2026-01-18T00:00:00Z")
        rows(recent.limit(200))


def paid_bookings_for_the_ledger(db: SyncPostgrestClient) -> None:
    rows(db.from_("bookings").select("id,class_id,guest").eq("state", "paid"))


def paid_bookings_of_a_class(db: SyncPostgrestClient) -> None:
    rows(db.from_("bookings").select("id,guest").eq("state", "paid").eq("class_id", 4))


def logins_of_the_year_for_a_chart(db: SyncPostgrestClient) -> None:
    rows(db.from_("usage_events").select("at").eq("kind", "login").order("at"))


def logins_of_a_day_for_a_chart(db: SyncPostgrestClient) -> None:
    logins = db.from_("usage_events").select("at").eq("kind", "login").gte("at", "2026-01-10T00:00:00Z")
    rows(logins.lt("at", "2026-01-11T00:00:00Z").order("at").limit(500))


def events_synced_by_range(db: SyncPostgrestClient) -> None:
    for start in range(0, 3000, 1000):
        rows(db.from_("usage_events").select("kind,at").order("id").range(start, start + 999))


def events_synced_from_a_checkpoint(db: SyncPostgrestClient) -> None:
    last = 3000
    for _ in range(5):
        page = rows(db.from_("usage_events").select("id,kind").gt("id", last).order("id").limit(500))
        last = page[-1]["id"]


def admin_table_at_page_one_hundred(db: SyncPostgrestClient) -> None:
    rows(db.from_("usage_events").select("id,kind,at").order("at", desc=True).limit(50).offset(5000))


def admin_table_at_page_one_with_its_total(db: SyncPostgrestClient) -> None:
    rows(db.from_("usage_events").select("id,kind,at", count=EXACT).order("at", desc=True).limit(50))


def admin_table_of_classes_with_its_total(db: SyncPostgrestClient) -> None:
    rows(db.from_("gym_classes").select("id,name,room", count=EXACT).order("id").limit(50))


def pages_of_paid_bookings_that_each_count(db: SyncPostgrestClient) -> None:
    for page in range(3):
        paid = db.from_("bookings").select("id,guest", count=EXACT).eq("state", "paid").order("id")
        rows(paid.range(page * 10, page * 10 + 9))


def class_found_by_name_among_all(db: SyncPostgrestClient) -> None:
    classes = rows(db.from_("gym_classes").select("id,name"))
    spin = next(one for one in classes if one["name"] == "Class 77")
    rows(db.from_("bookings").select("guest,state").eq("class_id", spin["id"]).limit(60))


def reader_picked_by_name_from_a_long_page(db: SyncPostgrestClient) -> None:
    readers = rows(db.from_("borrowers").select("id,name,tier").order("name").limit(300))
    pro = next(one for one in readers if one["name"] == "Reader 256")
    rows(db.from_("holds").select("book_id,place").eq("borrower_id", pro["id"]).limit(20))


def all_orgs_read_for_a_menu_and_one_opened(db: SyncPostgrestClient) -> None:
    orgs = rows(db.from_("orgs").select("id,name").order("name").limit(40))
    rows(db.from_("usage_events").select("kind,at").eq("org_id", orgs[3]["id"]).order("id", desc=True).limit(10))


def places_asked_for_each_class(db: SyncPostgrestClient) -> None:
    for n in range(1, 16):
        db.rpc("places_left", given(lesson=n)).execute()


def overview_from_one_function(db: SyncPostgrestClient) -> None:
    db.rpc("gym_overview", {}).execute()


def homes_exported_with_all_columns(db: SyncPostgrestClient) -> None:
    rows(db.from_("homes").select().order("id").limit(240))


def guests_of_a_class_with_all_columns(db: SyncPostgrestClient) -> None:
    rows(db.from_("bookings").select("*").eq("class_id", 12))


def customers_page_with_total_and_documents(db: SyncPostgrestClient) -> None:
    rows(db.from_("borrowers").select("id,name,tier").order("name").limit(50))
    db.from_("borrowers").select("id", count=EXACT, head=True).execute()
    rows(db.from_("fines").select("id,borrower_id"))


def tiles_counted_one_after_another(db: SyncPostgrestClient) -> None:
    for table in ("gym_classes", "coaches", "orgs", "landlords", "branches"):
        db.from_(table).select("*", count=EXACT, head=True).execute()


def form_options_loaded_one_after_another(db: SyncPostgrestClient) -> None:
    rows(db.from_("coaches").select("id,name").order("name"))
    rows(db.from_("app_settings").select("key,value").eq("key", "rooms"))
    rows(db.from_("genres").select("code,label").order("label"))


def booking_that_follows_its_own_answers(db: SyncPostgrestClient) -> None:
    booking = rows(db.from_("bookings").select("id,class_id").eq("id", 505))[0]
    gym_class = rows(db.from_("gym_classes").select("id,coach_id").eq("id", booking["class_id"]))[0]
    rows(db.from_("coaches").select("name").eq("id", gym_class["coach_id"]))


async def tiles_counted_together(db: AsyncPostgrestClient) -> None:
    tables = ("gym_classes", "coaches", "orgs", "landlords", "branches")
    await asyncio.gather(*[db.from_(table).select("*", count=EXACT, head=True).execute() for table in tables])


async def form_options_loaded_together(db: AsyncPostgrestClient) -> None:
    coaches, genres = db.from_("coaches").select("id,name"), db.from_("genres").select("code,label")
    await together(coaches.order("name"), genres.order("label"), db.from_("branches").select("id,name"))


async def profile_page_of_a_reader_step_by_step(db: AsyncPostgrestClient) -> None:
    me = key("b44")
    await data(db.from_("borrowers").select("name,tier").eq("id", me).single())
    await data(db.from_("loans").select("book_id,due_on").eq("borrower_id", me).limit(20))
    await data(db.from_("fines").select("cents").eq("borrower_id", me).limit(20))
    await data(db.from_("reader_mails").select("subject").eq("borrower_id", me).limit(20))


async def widgets_that_each_read_the_settings(db: AsyncPostgrestClient) -> None:
    await together(*[db.from_("app_settings").select("key,value").order("key") for _ in range(5)])


async def avatars_of_a_thread_that_each_fetch_the_reader(db: AsyncPostgrestClient) -> None:
    authors = [3, 3, 4, 3, 4, 4, 3, 4]
    await together(*[db.from_("borrowers").select("name").eq("id", key(f"b{n}")) for n in authors])


SCENARIOS = Scenarios(
    jobs=(
        *(
            guard_layout_and_page_each_read_the_org,
            guard_and_page_read_the_org,
            org_read_with_other_columns_by_each_part,
        ),
        *(settings_read_inside_a_loop_over_classes, setting_changed_and_read_back, worker_that_waits_for_an_import),
        *(import_lines_marked_done_and_the_rest_read, import_lines_taken_in_chunks, seats_recounted_after_each_booking),
        *(seats_counted_after_a_group_booking, folder_path_walked_to_its_root, coach_of_each_class_looked_up),
        *(coaches_kept_in_a_dict, usage_summed_org_by_org, paid_bookings_for_the_ledger, paid_bookings_of_a_class),
        *(logins_of_the_year_for_a_chart, logins_of_a_day_for_a_chart, events_synced_by_range),
        *(events_synced_from_a_checkpoint, admin_table_at_page_one_hundred, admin_table_at_page_one_with_its_total),
        *(admin_table_of_classes_with_its_total, pages_of_paid_bookings_that_each_count),
        *(
            class_found_by_name_among_all,
            reader_picked_by_name_from_a_long_page,
            all_orgs_read_for_a_menu_and_one_opened,
        ),
        *(places_asked_for_each_class, overview_from_one_function, homes_exported_with_all_columns),
        *(guests_of_a_class_with_all_columns, customers_page_with_total_and_documents, tiles_counted_one_after_another),
        *(form_options_loaded_one_after_another, booking_that_follows_its_own_answers),
    ),
    tasks=(
        *(tiles_counted_together, form_options_loaded_together, profile_page_of_a_reader_step_by_step),
        *(widgets_that_each_read_the_settings, avatars_of_a_thread_that_each_fetch_the_reader),
    ),
    bursts=(),
)
