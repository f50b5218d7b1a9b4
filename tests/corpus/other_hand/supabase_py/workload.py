"""What only many requests, long lists, or headers show: APIs with a trace for each request, and a few loaded pages."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from tests.corpus.asking import EXACT, data, given, key, together
from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def overdue_check_with_a_list_that_is_refused(db: SyncPostgrestClient) -> None:
    given = [key(f"b{n}") for n in range(1, 1451)]
    ids = "(" + ",".join(given) + ")"
    try:
        rows(db.from_("borrowers").select("id").filter("id", "in", ids))
    except Exception as refused:  # the job writes it to its log and goes on
        str(refused)


def campaign_with_a_list_of_eight_hundred(db: SyncPostgrestClient) -> None:
    rows(db.from_("borrowers").select("id,email").in_("id", [key(f"b{n}") for n in range(1, 801)]))


def campaign_with_a_list_of_eighty(db: SyncPostgrestClient) -> None:
    rows(db.from_("borrowers").select("id,email").in_("id", [key(f"b{n}") for n in range(1, 81)]))


def campaign_with_lists_of_a_hundred(db: SyncPostgrestClient) -> None:
    for start in (1, 101, 201):
        rows(db.from_("borrowers").select("id,email").in_("id", [key(f"b{n}") for n in range(start, start + 100)]))


async def back_office_start_page(db: AsyncPostgrestClient) -> None:
    for n in (3, 5, 7):
        await together(
            db.from_("orgs").select("name").eq("id", n),
            db.from_("usage_events").select("kind").eq("org_id", n).limit(5),
            db.from_("gym_classes").select("name").eq("coach_id", n).limit(5),
            db.from_("bookings").select("guest").eq("class_id", n).limit(5),
            db.from_("landlords").select("name").eq("id", n),
            db.from_("homes").select("street").eq("landlord_id", n).limit(5),
            db.from_("chat_rooms").select("topic").eq("landlord_id", n).limit(5),
            db.from_("chat_lines").select("body").eq("room_id", n).limit(5),
            db.from_("books").select("title").eq("id", n),
            db.from_("holds").select("place").eq("book_id", n).limit(5),
            db.from_("fines").select("cents").eq("loan_id", n),
            db.from_("coaches").select("bio").eq("id", n),
        )


async def front_desk_start_page(db: AsyncPostgrestClient) -> None:
    await together(
        db.from_("gym_classes").select("id,name").order("id").limit(10),
        db.from_("bookings").select("id,guest").order("id", desc=True).limit(10),
        db.from_("coaches").select("id,name").order("name").limit(25),
        db.from_("app_settings").select("key,value").eq("key", "key2"),
        db.from_("orgs").select("id,name").eq("slug", "org-2"),
        db.from_("chat_rooms").select("id,topic").order("id", desc=True).limit(5),
    )


async def kiosk_with_many_small_reads(db: AsyncPostgrestClient) -> None:
    tables = ("branches", "genres", "coaches", "orgs", "landlords", "folders", "app_settings", "import_rows")
    for size in (1, 2, 3, 4):
        await together(*[db.from_(table).select("*").limit(size) for table in tables])
    await together(db.from_("fines").select("id").limit(2), db.from_("holds").select("id").limit(2))
    await together(db.from_("bookings").select("id").limit(2), db.from_("viewings").select("id").limit(2))


async def reads_with_a_nonce_of_each_call(db: AsyncPostgrestClient) -> None:
    asked: list[Any] = []
    for n in range(1, 71):
        query = db.from_("gym_classes").select("name,room").eq("id", n)
        query.request.headers["X-Client-Nonce"] = uuid.uuid4().hex
        asked.append(query)
    await together(*asked)


async def reads_with_a_traceparent_of_each_call(db: AsyncPostgrestClient) -> None:
    asked: list[Any] = []
    for n in range(1, 41):
        query = db.from_("gym_classes").select("name,booked").eq("id", n)
        query.request.headers["traceparent"] = f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"
        asked.append(query)
    await together(*asked)


async def pages_that_each_read_the_branches(db: AsyncPostgrestClient) -> None:
    for n in range(1, 26):
        with trace("py: pages that each read the branches"):
            await together(
                db.from_("branches").select("id,name,city").order("name"),
                db.from_("books").select("id,title").eq("id", n),
            )


async def handlers_that_each_begin_with_the_settings(db: AsyncPostgrestClient) -> None:
    for n in range(1, 25):
        with trace("py: handlers that each begin with the settings"):
            await data(db.from_("app_settings").select("key,value"))
            await data(db.from_("bookings").select("guest").eq("class_id", n).limit(10))


async def a_few_pages_that_read_the_genres(db: AsyncPostgrestClient) -> None:
    for n in range(1, 7):
        with trace("py: a few pages that read the genres"):
            await together(db.from_("genres").select("code,label"), db.from_("books").select("title").eq("id", n))


async def handlers_that_each_read_their_own_org(db: AsyncPostgrestClient) -> None:
    for n in range(1, 26):
        with trace("py: handlers that each read their own org"):
            await data(db.from_("orgs").select("id,name").eq("slug", f"org-{n}"))


async def handlers_that_read_a_list_that_they_write(db: AsyncPostgrestClient) -> None:
    for n in range(1, 25):
        with trace("py: handlers that read a list that they write"):
            await data(db.from_("chat_rooms").select("id,topic,unread").order("id").limit(60))
            await data(db.from_("chat_rooms").update({"unread": 1}).eq("id", n))


async def detail_pages_opened_by_many_visitors(db: AsyncPostgrestClient) -> None:
    async def page(n: int) -> None:
        with trace("py: detail pages opened by many visitors"):
            await data(db.from_("homes").select("street,rent").eq("slug", f"home-{n}").single())

    await asyncio.gather(*[page(n) for n in range(1, 21)])


async def likes_saved_by_many_visitors(db: AsyncPostgrestClient) -> None:
    async def like(n: int) -> None:
        with trace("py: likes saved by many visitors"):
            await data(db.from_("homes").update({"views": n}).eq("slug", f"home-{n}"))

    await asyncio.gather(*[like(n) for n in range(100, 115)])


async def permission_asked_once_by_each_request(db: AsyncPostgrestClient) -> None:
    for n in range(1, 16):
        with trace("py: permission asked once by each request"):
            await db.rpc("may_edit", given(org=n), get=True).execute()


async def permission_asked_for_each_row_of_a_table(db: AsyncPostgrestClient) -> None:
    with trace("py: permission asked for each row of a table"):
        for org in await data(db.from_("orgs").select("id,name").order("id").limit(15)):
            await db.rpc("may_edit", {"org": org["id"]}, get=True).execute()


async def usage_report_on_every_visit(db: AsyncPostgrestClient) -> None:
    for _ in range(6):
        with trace("py: usage report on every visit"):
            await data(db.from_("org_usage").select("org_id,events").order("org_id").limit(40))


async def usage_report_once(db: AsyncPostgrestClient) -> None:
    with trace("py: usage report once"):
        await data(db.from_("org_usage").select("org_id,events").order("events", desc=True).limit(40))


async def event_total_on_every_visit(db: AsyncPostgrestClient) -> None:
    for _ in range(3):
        with trace("py: event total on every visit"):
            await db.from_("usage_events").select("id", count=EXACT, head=True).eq("kind", "save").execute()
            await db.from_("usage_events").select("id", count=EXACT, head=True).neq("kind", "save").execute()


SCENARIOS = Scenarios(
    jobs=(
        *(overdue_check_with_a_list_that_is_refused, campaign_with_a_list_of_eight_hundred),
        *(campaign_with_a_list_of_eighty, campaign_with_lists_of_a_hundred),
    ),
    tasks=(
        *(back_office_start_page, front_desk_start_page, kiosk_with_many_small_reads),
        *(reads_with_a_nonce_of_each_call, reads_with_a_traceparent_of_each_call),
    ),
    bursts=(
        *(pages_that_each_read_the_branches, handlers_that_each_begin_with_the_settings),
        *(a_few_pages_that_read_the_genres, handlers_that_each_read_their_own_org),
        *(
            handlers_that_read_a_list_that_they_write,
            detail_pages_opened_by_many_visitors,
            likes_saved_by_many_visitors,
        ),
        *(permission_asked_once_by_each_request, permission_asked_for_each_row_of_a_table),
        *(usage_report_on_every_visit, usage_report_once, event_total_on_every_visit),
    ),
)
