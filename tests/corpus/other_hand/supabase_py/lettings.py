"""Lettings with a chat: server components, resolvers, hooks and admin tables, most of them asynchronous."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from postgrest.types import ReturnMethod

from tests.corpus.asking import EXACT, data, given, key, together
from tests.corpus.python_scenarios import Scenarios

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient


async def cards_that_each_fetch_their_cover(db: AsyncPostgrestClient) -> None:
    homes = await data(db.from_("homes").select("id,street,rent").order("rent").limit(24))
    covers = [
        db.from_("home_photos").select("url").eq("home_id", home["id"]).order("position").limit(1) for home in homes
    ]
    await together(*covers)


async def cards_with_embedded_covers(db: AsyncPostgrestClient) -> None:
    await data(db.from_("homes").select("id,street,rent,home_photos(url)").order("rent").limit(24))


async def resolver_of_the_landlord_of_each_home(db: AsyncPostgrestClient) -> None:
    homes = await data(db.from_("homes").select("id,landlord_id").order("id").limit(20))
    await together(
        *[db.from_("landlords").select("name,phone").eq("id", home["landlord_id"]).single() for home in homes]
    )


async def resolver_with_a_loader_of_landlords(db: AsyncPostgrestClient) -> None:
    homes = await data(db.from_("homes").select("id,landlord_id").order("id").limit(20))
    ids = sorted({home["landlord_id"] for home in homes})
    await data(db.from_("landlords").select("id,name,phone").in_("id", ids))


async def unread_badge_of_each_room(db: AsyncPostgrestClient) -> None:
    rooms = await data(db.from_("chat_rooms").select("id,topic").order("id").limit(15))
    await together(
        *[
            db.from_("chat_lines").select("id", count=EXACT, head=True).eq("room_id", room["id"]).is_("seen", "false")
            for room in rooms
        ]
    )


async def last_line_of_each_room(db: AsyncPostgrestClient) -> None:
    rooms = await data(db.from_("chat_rooms").select("id,topic").order("id").limit(18))
    lines = [
        db.from_("chat_lines").select("author,body").eq("room_id", room["id"]).order("id", desc=True) for room in rooms
    ]
    await together(*[line.limit(1) for line in lines])


async def rooms_with_the_last_line_embedded(db: AsyncPostgrestClient) -> None:
    rooms = db.from_("chat_rooms").select("id,topic,chat_lines(author,body)").order("id").limit(18)
    await data(rooms.order("id", desc=True, foreign_table="chat_lines").limit(1, foreign_table="chat_lines"))


async def unread_function_called_for_each_room(db: AsyncPostgrestClient) -> None:
    rooms = await data(db.from_("chat_rooms").select("id,topic").order("id").limit(20))
    await together(*[db.rpc("unread_lines", {"room": room["id"]}) for room in rooms])


async def scores_called_with_get_for_each_home(db: AsyncPostgrestClient) -> None:
    await together(*[db.rpc("home_score", {"home": key(f"h{n}")}, get=True) for n in range(1, 13)])


async def scores_of_all_homes_in_one_call(db: AsyncPostgrestClient) -> None:
    await data(db.rpc("home_scores", given(homes=[key(f"h{n}") for n in range(1, 13)])))


async def scores_of_two_homes_compared(db: AsyncPostgrestClient) -> None:
    await together(*[db.rpc("home_score", {"home": key(f"h{n}")}) for n in (3, 4)])


async def favourites_from_local_storage_fetched_by_slug(db: AsyncPostgrestClient) -> None:
    await together(*[db.from_("homes").select("id,street").eq("slug", f"home-{n}").single() for n in range(40, 52)])


async def favourites_from_local_storage_fetched_by_a_list(db: AsyncPostgrestClient) -> None:
    await data(db.from_("homes").select("id,slug,street").in_("slug", [f"home-{n}" for n in range(40, 52)]))


async def three_homes_compared_side_by_side(db: AsyncPostgrestClient) -> None:
    await together(*[db.from_("homes").select("street,rent").eq("slug", f"home-{n}").single() for n in (7, 70, 140)])


async def viewings_fetched_in_batches_of_five(db: AsyncPostgrestClient) -> None:
    for start in range(1, 21, 5):
        await together(
            *[db.from_("viewings").select("at,outcome").eq("home_id", key(f"h{start + n}")).limit(20) for n in range(5)]
        )


async def viewings_awaited_in_a_for_loop(db: AsyncPostgrestClient) -> None:
    for home in await data(db.from_("homes").select("id,street").eq("landlord_id", 5).order("id")):
        await data(db.from_("viewings").select("at,outcome").eq("home_id", home["id"]).order("at").limit(20))


async def landlord_with_homes_and_viewings_embedded(db: AsyncPostgrestClient) -> None:
    await data(db.from_("landlords").select("name,homes(street,viewings(at,outcome))").eq("id", 5))


async def photos_saved_in_their_new_order(db: AsyncPostgrestClient) -> None:
    await together(*[db.from_("home_photos").update({"position": n}).eq("id", 700 - n) for n in range(10)])


async def lines_of_a_room_marked_as_seen_in_a_loop(db: AsyncPostgrestClient) -> None:
    for line in await data(db.from_("chat_lines").select("id").eq("room_id", 8).order("id", desc=True).limit(12)):
        await data(db.from_("chat_lines").update({"seen": True}).eq("id", line["id"]))


async def lines_of_a_room_marked_as_seen_at_once(db: AsyncPostgrestClient) -> None:
    await data(db.from_("chat_lines").update({"seen": True}, returning=ReturnMethod.minimal).eq("room_id", 9))


async def lines_sent_and_the_room_read_again(db: AsyncPostgrestClient) -> None:
    for n in range(4):
        await data(db.from_("chat_lines").insert({"room_id": 14, "author": "me", "body": f"Part {n}"}))
        await data(db.from_("chat_lines").select("id,author,body").eq("room_id", 14).order("id", desc=True).limit(50))


async def line_sent_and_the_room_read_again(db: AsyncPostgrestClient) -> None:
    await data(db.from_("chat_lines").insert({"room_id": 15, "author": "me", "body": "Hello"}))
    await data(db.from_("chat_lines").select("id,author,body").eq("room_id", 15).order("id", desc=True).limit(50))


async def photos_deleted_with_the_rest_listed_each_time(db: AsyncPostgrestClient) -> None:
    for photo in (241, 481, 1):
        await data(db.from_("home_photos").delete().eq("id", photo))
        left = await data(db.from_("home_photos").select("id,position").eq("home_id", key("h2")).order("position"))
        await data(db.from_("homes").update({"views": len(left)}).eq("id", key("h2")))


async def map_of_all_viewings(db: AsyncPostgrestClient) -> None:
    await data(db.from_("viewings").select("home_id,outcome"))


async def map_of_the_viewings_of_a_day(db: AsyncPostgrestClient) -> None:
    day = db.from_("viewings").select("home_id,outcome").gte("at", "2026-03-05T00:00:00Z")
    await data(day.lt("at", "2026-03-06T00:00:00Z"))


async def all_photos_to_check_for_dead_links(db: AsyncPostgrestClient) -> None:
    await data(db.from_("home_photos").select("id,url").order("id"))


async def all_lines_to_count_authors(db: AsyncPostgrestClient) -> None:
    len({line["author"] for line in await data(db.from_("chat_lines").select("author"))})


async def home_found_by_slug_among_all(db: AsyncPostgrestClient) -> None:
    homes = await data(db.from_("homes").select("id,slug,street"))
    home = next(one for one in homes if one["slug"] == "home-133")
    await data(db.from_("viewings").select("at,outcome").eq("home_id", home["id"]).order("at").limit(10))


async def list_of_homes_with_the_first_one_open(db: AsyncPostgrestClient) -> None:
    homes = await data(db.from_("homes").select("id,slug,street").order("rent").limit(30))
    await data(db.from_("viewings").select("at,outcome").eq("home_id", homes[0]["id"]).order("at").limit(10))


async def list_of_homes_and_later_a_click(db: AsyncPostgrestClient) -> None:
    homes = await data(db.from_("homes").select("id,slug,street").order("slug"))
    await asyncio.sleep(0.8)
    await data(db.from_("viewings").select("at,outcome").eq("home_id", homes[17]["id"]).order("at").limit(10))


async def listing_page_with_every_column(db: AsyncPostgrestClient) -> None:
    await data(db.from_("homes").select("*").order("rent").limit(100))


async def listing_page_with_its_columns(db: AsyncPostgrestClient) -> None:
    await data(db.from_("homes").select("id,slug,street,rent").order("rent").limit(100))


async def admin_table_of_homes_with_landlords(db: AsyncPostgrestClient) -> None:
    await data(db.from_("homes").select("*,landlords(*)").order("street").limit(150))


async def search_results_with_every_column(db: AsyncPostgrestClient) -> None:
    await data(db.from_("homes").select("*").gte("rent", 600).ilike("street", "%long%").order("rent").limit(120))


async def landlords_with_every_column(db: AsyncPostgrestClient) -> None:
    await data(db.from_("landlords").select("*").order("name").limit(30))


async def inbox_with_an_exact_total(db: AsyncPostgrestClient) -> None:
    await data(db.from_("chat_lines").select("id,author,body", count=EXACT).order("id", desc=True).limit(25))


async def total_of_lines_on_a_tile(db: AsyncPostgrestClient) -> None:
    await db.from_("chat_lines").select("*", count=EXACT, head=True).execute()


async def total_of_viewings_on_a_tile(db: AsyncPostgrestClient) -> None:
    await db.from_("viewings").select("*", count=EXACT, head=True).execute()


async def pager_of_viewings_that_counts_each_time(db: AsyncPostgrestClient) -> None:
    for start in range(0, 100, 20):
        await data(db.from_("viewings").select("id,at", count=EXACT).order("id").range(start, start + 19))


async def pager_of_viewings_that_counts_once(db: AsyncPostgrestClient) -> None:
    await data(db.from_("viewings").select("id,at", count=EXACT).order("id").range(0, 19))
    for start in range(20, 100, 20):
        await data(db.from_("viewings").select("id,at").order("id").range(start, start + 19))


async def oldest_lines_by_a_jump(db: AsyncPostgrestClient) -> None:
    await data(db.from_("chat_lines").select("id,body").order("sent_at", desc=True).range(11900, 11949))


async def older_lines_by_the_last_time(db: AsyncPostgrestClient) -> None:
    lines = db.from_("chat_lines").select("id,body,sent_at").eq("room_id", 20).order("sent_at", desc=True).limit(50)
    last = (await data(lines))[-1]["sent_at"]
    older = db.from_("chat_lines").select("id,body,sent_at").eq("room_id", 20).lt("sent_at", last)
    await data(older.order("sent_at", desc=True).limit(50))


TASKS = (
    *(cards_that_each_fetch_their_cover, cards_with_embedded_covers, resolver_of_the_landlord_of_each_home),
    *(resolver_with_a_loader_of_landlords, unread_badge_of_each_room, last_line_of_each_room),
    *(rooms_with_the_last_line_embedded, unread_function_called_for_each_room, scores_called_with_get_for_each_home),
    *(scores_of_all_homes_in_one_call, scores_of_two_homes_compared, favourites_from_local_storage_fetched_by_slug),
    *(favourites_from_local_storage_fetched_by_a_list, three_homes_compared_side_by_side),
    *(viewings_fetched_in_batches_of_five, viewings_awaited_in_a_for_loop, landlord_with_homes_and_viewings_embedded),
    *(photos_saved_in_their_new_order, lines_of_a_room_marked_as_seen_in_a_loop),
    *(lines_of_a_room_marked_as_seen_at_once, lines_sent_and_the_room_read_again, line_sent_and_the_room_read_again),
    *(photos_deleted_with_the_rest_listed_each_time, map_of_all_viewings, map_of_the_viewings_of_a_day),
    *(all_photos_to_check_for_dead_links, all_lines_to_count_authors, home_found_by_slug_among_all),
    *(list_of_homes_with_the_first_one_open, list_of_homes_and_later_a_click, listing_page_with_every_column),
    *(
        listing_page_with_its_columns,
        admin_table_of_homes_with_landlords,
        search_results_with_every_column,
        landlords_with_every_column,
    ),
    *(inbox_with_an_exact_total, total_of_lines_on_a_tile, total_of_viewings_on_a_tile),
    *(pager_of_viewings_that_counts_each_time, pager_of_viewings_that_counts_once, oldest_lines_by_a_jump),
    *(older_lines_by_the_last_time,),
)
SCENARIOS = Scenarios(jobs=(), tasks=TASKS, bursts=())
