"""A law office: dockets, hearings, time, invoices, reminders and checks of conflicts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.corpus.asking import EXACT, data, given, key, together
from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def lawyer_found_by_mail_among_all(db: SyncPostgrestClient) -> None:
    lawyers = rows(db.from_("lawyers").select("id,email"))
    me = next(one for one in lawyers if one["email"] == "lawyer9@example.com")
    rows(db.from_("matters").select("docket,state").eq("lawyer_id", me["id"]))


def client_found_by_reference_among_four_hundred(db: SyncPostgrestClient) -> None:
    clients = rows(db.from_("law_clients").select("id,reference,name").order("reference").limit(400))
    client = next(one for one in clients if one["reference"] == "REF123")
    rows(db.from_("matters").select("docket,state").eq("law_client_id", client["id"]))


def oldest_open_matter_taken_from_the_list(db: SyncPostgrestClient) -> None:
    matters = rows(db.from_("matters").select("id,docket,opened_on").eq("state", "open").order("opened_on"))
    rows(db.from_("hearings").select("held_on,state").eq("matter_id", matters[0]["id"]))


def oldest_open_matter_asked_for(db: SyncPostgrestClient) -> None:
    matters = rows(db.from_("matters").select("id,docket").eq("state", "open").order("opened_on").limit(1))
    rows(db.from_("hearings").select("held_on,state").eq("matter_id", matters[0]["id"]))


def matter_opened_after_reading_the_list(db: SyncPostgrestClient) -> None:
    matters = rows(db.from_("matters").select("id,docket").eq("state", "settled").order("docket"))
    time.sleep(1.1)
    rows(db.from_("filings").select("title,filed_on").eq("matter_id", matters[30]["id"]))


def client_then_matters_then_their_hearings(db: SyncPostgrestClient) -> None:
    client = rows(db.from_("law_clients").select("id,name").eq("reference", "REF30"))[0]
    matters = rows(db.from_("matters").select("id,docket").eq("law_client_id", client["id"]))
    rows(db.from_("hearings").select("held_on").in_("matter_id", [one["id"] for one in matters]))


def docket_page_in_four_calls_of_one_matter(db: SyncPostgrestClient) -> None:
    rows(db.from_("matters").select("docket,state").eq("id", 55))
    rows(db.from_("hearings").select("held_on,state").eq("matter_id", 55))
    rows(db.from_("filings").select("title,filed_on").eq("matter_id", 55))
    rows(db.from_("invoices").select("cents,state").eq("matter_id", 55))


def form_that_loads_three_lists_in_turn(db: SyncPostgrestClient) -> None:
    rows(db.from_("office_settings").select("key,value"))
    rows(db.from_("courts").select("code,name"))
    rows(db.from_("lawyers").select("id,name").order("name").limit(40))


def day_sheet_in_three_calls(db: SyncPostgrestClient) -> None:
    rows(db.from_("hearings").select("id,held_on").gte("held_on", "2026-05-04").order("held_on").limit(15))
    rows(db.from_("filings").select("id,title").gte("filed_on", "2026-04-27").order("filed_on").limit(15))
    rows(db.from_("invoices").select("id,cents").eq("state", "due").order("id").limit(15))


def matter_then_its_client_and_its_lawyer(db: SyncPostgrestClient) -> None:
    matter = rows(db.from_("matters").select("law_client_id,lawyer_id").eq("id", 71))[0]
    rows(db.from_("law_clients").select("name,email").eq("id", matter["law_client_id"]))
    rows(db.from_("lawyers").select("name").eq("id", matter["lawyer_id"]))


def docket_read_entered_and_read(db: SyncPostgrestClient) -> None:
    rows(db.from_("matters").select("docket,state").eq("id", 56))
    rows(db.from_("filings").insert({"id": 9001, "matter_id": 56, "title": "Reply", "filed_on": "2026-06-01"}))
    rows(db.from_("hearings").select("held_on").eq("matter_id", 56))
    rows(db.from_("filings").select("title").eq("matter_id", 56))


def unbilled_time_summed_up(db: SyncPostgrestClient) -> None:
    sum(one["minutes"] for one in rows(db.from_("time_entries").select("minutes").eq("billed", False)))


def time_of_ten_days_with_a_high_limit(db: SyncPostgrestClient) -> None:
    query = (
        db.from_("time_entries")
        .select("matter_id,minutes")
        .gte("worked_on", "2026-02-01")
        .lt("worked_on", "2026-02-11")
    )
    rows(query.limit(3000))


def time_of_five_days_with_a_high_limit(db: SyncPostgrestClient) -> None:
    query = (
        db.from_("time_entries")
        .select("matter_id,minutes")
        .gte("worked_on", "2026-02-11")
        .lt("worked_on", "2026-02-16")
    )
    rows(query.limit(3000))


def unbilled_time_by_key(db: SyncPostgrestClient) -> None:
    query = db.from_("time_entries").select("id,minutes").eq("billed", False).order("id").limit(1000)
    while page := rows(query):
        query = db.from_("time_entries").select("id,minutes").eq("billed", False).gt("id", page[-1]["id"])
        query = query.order("id").limit(1000)


def time_of_one_matter(db: SyncPostgrestClient) -> None:
    rows(db.from_("time_entries").select("minutes,worked_on").eq("matter_id", 60))


def invoices_of_all_states(db: SyncPostgrestClient) -> None:
    rows(db.from_("invoices").select("id,cents,state"))


def due_invoices(db: SyncPostgrestClient) -> None:
    rows(db.from_("invoices").select("id,cents").eq("state", "due"))


def filings_exported_by_a_range_up_to_4999(db: SyncPostgrestClient) -> None:
    rows(db.from_("filings").select("id,title").order("id").range(0, 4999))


def hearing_reminders_that_read_each_matter(db: SyncPostgrestClient) -> None:
    for hearing in rows(db.from_("hearings").select("id,matter_id,held_on").order("held_on").order("id").limit(12)):
        rows(db.from_("matters").select("docket,lawyer_id").eq("id", hearing["matter_id"]))
        time.sleep(0.1)  # the mail
        rows(db.from_("hearings").update({"state": "told"}).eq("id", hearing["id"]))


def guard_menu_and_page_each_read_the_lawyer(db: SyncPostgrestClient) -> None:
    for _ in ("guard", "menu", "page"):
        rows(db.from_("lawyers").select("id,name").eq("email", "lawyer5@example.com"))


def guard_and_page_read_the_lawyer(db: SyncPostgrestClient) -> None:
    for _ in ("guard", "page"):
        rows(db.from_("lawyers").select("id,name").eq("email", "lawyer6@example.com"))


def matters_listed_with_every_column(db: SyncPostgrestClient) -> None:
    rows(db.from_("matters").select("*").eq("state", "won").order("id").limit(200))


def letters_to_a_list_of_470_clients(db: SyncPostgrestClient) -> None:
    rows(db.from_("law_clients").select("name,email").in_("id", [key(f"lc{n}") for n in range(1, 471)]))


def letters_to_five_lists_of_ninety_clients(db: SyncPostgrestClient) -> None:
    for start in range(1, 451, 90):
        rows(db.from_("law_clients").select("name,email").in_("id", [key(f"lc{n}") for n in range(start, start + 90)]))


def time_entries_from_the_twelve_thousandth_on(db: SyncPostgrestClient) -> None:
    rows(db.from_("time_entries").select("id,minutes").order("id").range(12000, 12049))


def hearings_paged_with_the_total_in_each_page(db: SyncPostgrestClient) -> None:
    for start in range(0, 250, 50):
        rows(db.from_("hearings").select("id,held_on", count=EXACT).order("id").range(start, start + 49))


def hearings_paged_with_the_total_in_the_first_page(db: SyncPostgrestClient) -> None:
    rows(db.from_("hearings").select("id,held_on", count=EXACT).order("id").range(0, 49))
    for start in (50, 100, 150):
        rows(db.from_("hearings").select("id,held_on").order("id").range(start, start + 49))


def bill_of_a_matter_added_up_after_each_invoice(db: SyncPostgrestClient) -> None:
    for cents in (1000, 2500, 400):
        rows(db.from_("invoices").insert({"matter_id": 90, "cents": cents, "state": "due"}))
        bill = rows(db.from_("invoices").select("cents").eq("matter_id", 90))
        rows(db.from_("matters").update({"cents": sum(one["cents"] for one in bill)}).eq("id", 90))


def names_checked_for_a_conflict_as_they_are_typed(db: SyncPostgrestClient) -> None:
    for typed in range(2, 9):
        rows(db.from_("law_clients").select("id,name").ilike("name", f"%{'Client 31'[:typed]}%").limit(5))
        time.sleep(0.16)


def closed_matters_deleted_time_by_time(db: SyncPostgrestClient) -> None:
    for entry in range(14001, 14009):
        rows(db.from_("time_entries").delete().eq("id", entry))


async def names_of_a_deed_checked_for_a_conflict(db: AsyncPostgrestClient) -> None:
    await together(*[db.from_("law_clients").select("id,name").ilike("name", f"%{n}4%").limit(5) for n in range(1, 11)])


async def day_sheet_gathered(db: AsyncPostgrestClient) -> None:
    await together(
        db.from_("hearings").select("id,held_on").gte("held_on", "2026-05-05").order("held_on").limit(15),
        db.from_("filings").select("id,title").gte("filed_on", "2026-04-28").order("filed_on").limit(15),
        db.from_("invoices").select("id,cents").eq("state", "due").order("id").limit(15),
    )


async def matters_given_to_a_colleague_by_gathered_calls(db: AsyncPostgrestClient) -> None:
    await together(*[db.from_("matters").update({"lawyer_id": key("l3")}).eq("id", n) for n in range(400, 412)])


async def right_asked_for_each_matter_of_a_list(db: AsyncPostgrestClient) -> None:
    matters = await data(db.from_("matters").select("id,docket").order("id").limit(9))
    await asyncio.gather(*[db.rpc("can_open", given(matter=one["id"]), get=True).execute() for one in matters])


async def right_asked_for_one_matter_and_its_twin(db: AsyncPostgrestClient) -> None:
    for matter in (4, 5):
        await db.rpc("can_open", given(matter=matter), get=True).execute()


async def lawyer_of_each_hearing_of_a_day_gathered(db: AsyncPostgrestClient) -> None:
    hearings = await data(db.from_("hearings").select("id,matters(docket,lawyer_id)").order("id").limit(15))
    await together(*[db.from_("lawyers").select("name").eq("id", one["matters"]["lawyer_id"]) for one in hearings])


async def requests_that_each_read_the_office_settings(db: AsyncPostgrestClient) -> None:
    for n in range(1, 25):
        with trace("py: requests that each read the office settings"):
            await data(db.from_("office_settings").select("key,value"))
            await data(db.from_("matters").select("docket").eq("id", n))


async def requests_that_each_read_their_own_matter(db: AsyncPostgrestClient) -> None:
    for n in range(1, 25):
        with trace("py: requests that each read their own matter"):
            await data(db.from_("matters").select("docket,state").eq("docket", f"D-{n}"))


SCENARIOS = Scenarios(
    jobs=(
        *(lawyer_found_by_mail_among_all, client_found_by_reference_among_four_hundred),
        *(oldest_open_matter_taken_from_the_list, oldest_open_matter_asked_for, matter_opened_after_reading_the_list),
        *(client_then_matters_then_their_hearings, docket_page_in_four_calls_of_one_matter),
        *(form_that_loads_three_lists_in_turn, day_sheet_in_three_calls, matter_then_its_client_and_its_lawyer),
        *(docket_read_entered_and_read, unbilled_time_summed_up, time_of_ten_days_with_a_high_limit),
        *(time_of_five_days_with_a_high_limit, unbilled_time_by_key, time_of_one_matter, invoices_of_all_states),
        *(due_invoices, filings_exported_by_a_range_up_to_4999, hearing_reminders_that_read_each_matter),
        *(guard_menu_and_page_each_read_the_lawyer, guard_and_page_read_the_lawyer, matters_listed_with_every_column),
        *(letters_to_a_list_of_470_clients, letters_to_five_lists_of_ninety_clients),
        *(time_entries_from_the_twelve_thousandth_on, hearings_paged_with_the_total_in_each_page),
        *(hearings_paged_with_the_total_in_the_first_page, bill_of_a_matter_added_up_after_each_invoice),
        *(names_checked_for_a_conflict_as_they_are_typed, closed_matters_deleted_time_by_time),
    ),
    tasks=(
        *(names_of_a_deed_checked_for_a_conflict, day_sheet_gathered, matters_given_to_a_colleague_by_gathered_calls),
        *(right_asked_for_each_matter_of_a_list, right_asked_for_one_matter_and_its_twin),
        lawyer_of_each_hearing_of_a_day_gathered,
    ),
    bursts=(requests_that_each_read_the_office_settings, requests_that_each_read_their_own_matter),
)
