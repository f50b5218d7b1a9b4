"""A farm: weigh days, vets, milk, fields, and lists of animals."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.corpus.asking import EXACT, data, given, together
from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def weights_of_a_weigh_day_saved_animal_by_animal(db: SyncPostgrestClient) -> None:
    for animal in range(1, 16):
        rows(db.from_("animals").update({"weight": 300 + animal}).eq("id", animal))


def feedings_of_a_day_saved_in_one_insert(db: SyncPostgrestClient) -> None:
    fed = [{"animal_id": animal, "kg": 4, "fed_on": "2026-06-01"} for animal in range(1, 16)]
    rows(db.from_("feedings").insert(fed))


def feedings_of_a_day_saved_one_by_one(db: SyncPostgrestClient) -> None:
    for animal in range(20, 32):
        rows(db.from_("feedings").insert({"animal_id": animal, "kg": 4, "fed_on": "2026-06-02"}))


def scale_that_saves_a_weight_now_and_then(db: SyncPostgrestClient) -> None:
    for animal in range(40, 46):
        rows(db.from_("animals").update({"weight": 250}).eq("id", animal))
        time.sleep(0.35 + animal % 3 / 10)


def vet_found_by_mail_among_all(db: SyncPostgrestClient) -> None:
    vets = rows(db.from_("vets").select("id,email"))
    vet = next(one for one in vets if one["email"] == "vet66@example.com")
    rows(db.from_("treatments").select("id,drug").eq("vet_id", vet["id"]))


def vet_found_by_mail_with_a_filter(db: SyncPostgrestClient) -> None:
    vet = rows(db.from_("vets").select("id,email").eq("email", "vet67@example.com").limit(1))[0]
    rows(db.from_("treatments").select("id,drug").eq("vet_id", vet["id"]))


def animal_found_by_tag_among_all(db: SyncPostgrestClient) -> None:
    animals = rows(db.from_("animals").select("id,ear_tag").order("id"))
    animal = next(one for one in animals if one["ear_tag"] == "DE5444")
    rows(db.from_("feedings").select("kg,fed_on").eq("animal_id", animal["id"]))


def barn_found_by_name_among_forty(db: SyncPostgrestClient) -> None:
    barns = {one["name"]: one["id"] for one in rows(db.from_("barns").select("id,name"))}
    rows(db.from_("animals").select("ear_tag").eq("barn_id", barns["Barn 12"]).limit(50))


def strips_by_name_made_for_one_of_them(db: SyncPostgrestClient) -> None:
    strips = {one["name"]: one["id"] for one in rows(db.from_("field_strips").select("id,name"))}
    rows(db.from_("field_strips").update({"state": "sown"}).eq("id", strips["Strip 31"]))


def strips_by_name_made_for_a_file_of_eight(db: SyncPostgrestClient) -> None:
    strips = {one["name"]: one["id"] for one in rows(db.from_("field_strips").select("id,name"))}
    for n in range(50, 58):
        rows(db.from_("field_strips").update({"worth": n}).eq("id", strips[f"Strip {n}"]))


def milk_of_a_season_summed_up(db: SyncPostgrestClient) -> None:
    sum(one["litres"] for one in rows(db.from_("milk_yields").select("litres")))


def milk_in_pages_of_two_thousand_until_one_is_short(db: SyncPostgrestClient) -> None:
    start = 0
    while True:
        page = rows(db.from_("milk_yields").select("id,litres").order("id").range(start, start + 1999))
        start += 2000
        if len(page) < 2000:
            break


def milk_in_pages_that_begin_where_the_last_ended(db: SyncPostgrestClient) -> None:
    start = 0
    while page := rows(db.from_("milk_yields").select("id,litres").order("id").range(start, start + 1999)):
        start += len(page)


def milk_of_one_animal(db: SyncPostgrestClient) -> None:
    rows(db.from_("milk_yields").select("litres,measured_on").eq("animal_id", 17))


def treatments_listed_for_the_inspector(db: SyncPostgrestClient) -> None:
    rows(db.from_("treatments").select("id,drug,state").order("id"))


def treatments_listed_page_by_page(db: SyncPostgrestClient) -> None:
    for start in (0, 100, 200):
        rows(db.from_("treatments").select("id,drug,state").order("id").range(start, start + 99))


def feeding_book_opened_at_page_forty(db: SyncPostgrestClient) -> None:
    rows(db.from_("feedings").select("kg,fed_on").order("id").range(3900, 3999))


def feeding_book_with_its_total(db: SyncPostgrestClient) -> None:
    rows(db.from_("feedings").select("kg,fed_on", count=EXACT).order("id").limit(25))


def herd_listed_with_every_column(db: SyncPostgrestClient) -> None:
    rows(db.from_("animals").select("*").eq("kind", "cow").order("weight").limit(350))


def barn_page_in_three_calls(db: SyncPostgrestClient) -> None:
    rows(db.from_("barns").select("name,head_count").eq("id", 7))
    rows(db.from_("animals").select("ear_tag,weight").eq("barn_id", 7).limit(20))
    rows(db.from_("barn_inspections").select("held_on,passed").eq("barn_id", 7))


def overview_of_four_counts(db: SyncPostgrestClient) -> None:
    db.from_("animals").select("id", count=EXACT, head=True).eq("kind", "goat").execute()
    db.from_("treatments").select("id", count=EXACT, head=True).eq("state", "open").execute()
    db.from_("field_strips").select("id", count=EXACT, head=True).eq("state", "fallow").execute()
    db.from_("barn_inspections").select("id", count=EXACT, head=True).eq("passed", False).execute()


def animal_then_its_barn_then_its_farm(db: SyncPostgrestClient) -> None:
    animal = rows(db.from_("animals").select("barn_id,weight").eq("ear_tag", "DE5099"))[0]
    barn = rows(db.from_("barns").select("farm_id,name").eq("id", animal["barn_id"]))[0]
    rows(db.from_("farms").select("name").eq("id", barn["farm_id"]))


def yields_read_for_each_animal_of_a_barn(db: SyncPostgrestClient) -> None:
    for animal in rows(db.from_("animals").select("id,ear_tag").eq("barn_id", 9).order("id").limit(14)):
        rows(db.from_("milk_yields").select("litres").eq("animal_id", animal["id"]).limit(10))


def yields_read_for_two_animals(db: SyncPostgrestClient) -> None:
    for animal in (21, 22):
        rows(db.from_("milk_yields").select("litres").eq("animal_id", animal).limit(10))


def withdrawal_days_asked_for_each_animal(db: SyncPostgrestClient) -> None:
    for animal in range(60, 70):
        db.rpc("withdrawal_days", given(animal=animal)).execute()


def heads_counted_again_after_each_move(db: SyncPostgrestClient) -> None:
    for animal in (101, 102, 103, 104):
        rows(db.from_("animals").update({"barn_id": 30}).eq("id", animal))
        heads = rows(db.from_("animals").select("id").eq("barn_id", 30).order("id").limit(200))
        rows(db.from_("barns").update({"head_count": len(heads)}).eq("id", 30))


def prices_read_again_for_each_strip(db: SyncPostgrestClient) -> None:
    for strip in range(1, 7):
        prices = rows(db.from_("crop_prices").select("crop,cents"))
        rows(db.from_("field_strips").update({"worth": prices[0]["cents"]}).eq("id", strip))


def tags_looked_up_and_animals_added_one_by_one(db: SyncPostgrestClient) -> None:
    for n in range(8001, 8010):
        if not rows(db.from_("animals").select("id").eq("ear_tag", f"DE{n}")):
            rows(db.from_("animals").insert({"id": n, "ear_tag": f"DE{n}", "barn_id": 1, "kind": "goat", "weight": 4}))


def tags_looked_up_at_once_and_animals_added_at_once(db: SyncPostgrestClient) -> None:
    tags = [f"DE{n}" for n in range(8101, 8110)]
    rows(db.from_("animals").select("id").in_("ear_tag", tags))
    rows(
        db.from_("animals").insert(
            [{"id": int(tag[2:]), "ear_tag": tag, "barn_id": 1, "kind": "goat", "weight": 4} for tag in tags]
        )
    )


async def yields_of_each_animal_of_a_barn_gathered(db: AsyncPostgrestClient) -> None:
    animals = await data(db.from_("animals").select("id,ear_tag").eq("barn_id", 11).order("id").limit(14))
    await together(*[db.from_("milk_yields").select("litres").eq("animal_id", one["id"]).limit(10) for one in animals])


async def barn_page_gathered(db: AsyncPostgrestClient) -> None:
    await together(
        db.from_("barns").select("name,head_count").eq("id", 8),
        db.from_("animals").select("ear_tag,weight").eq("barn_id", 8).limit(20),
        db.from_("barn_inspections").select("held_on,passed").eq("barn_id", 8),
    )


async def last_inspection_of_each_barn_gathered(db: AsyncPostgrestClient) -> None:
    barns = await data(db.from_("barns").select("id,name").order("id").limit(20))
    await together(
        *[
            db.from_("barn_inspections").select("held_on").eq("barn_id", one["id"]).order("held_on", desc=True).limit(1)
            for one in barns
        ]
    )


async def herd_report_on_each_of_six_visits(db: AsyncPostgrestClient) -> None:
    for _ in range(6):
        with trace("py: herd report on each of six visits"):
            await data(db.from_("barn_report").select("kind,heads"))


async def herd_report_once(db: AsyncPostgrestClient) -> None:
    with trace("py: herd report once"):
        await data(db.from_("barn_report").select("kind,heads").order("kind"))


SCENARIOS = Scenarios(
    jobs=(
        *(weights_of_a_weigh_day_saved_animal_by_animal, feedings_of_a_day_saved_in_one_insert),
        *(feedings_of_a_day_saved_one_by_one, scale_that_saves_a_weight_now_and_then),
        *(vet_found_by_mail_among_all, vet_found_by_mail_with_a_filter, animal_found_by_tag_among_all),
        *(barn_found_by_name_among_forty, strips_by_name_made_for_one_of_them, strips_by_name_made_for_a_file_of_eight),
        *(milk_of_a_season_summed_up, milk_in_pages_of_two_thousand_until_one_is_short),
        *(milk_in_pages_that_begin_where_the_last_ended, milk_of_one_animal),
        *(treatments_listed_for_the_inspector, treatments_listed_page_by_page),
        *(feeding_book_opened_at_page_forty, feeding_book_with_its_total, herd_listed_with_every_column),
        *(barn_page_in_three_calls, overview_of_four_counts, animal_then_its_barn_then_its_farm),
        *(yields_read_for_each_animal_of_a_barn, yields_read_for_two_animals, withdrawal_days_asked_for_each_animal),
        *(heads_counted_again_after_each_move, prices_read_again_for_each_strip),
        *(tags_looked_up_and_animals_added_one_by_one, tags_looked_up_at_once_and_animals_added_at_once),
    ),
    tasks=(yields_of_each_animal_of_a_barn_gathered, barn_page_gathered, last_inspection_of_each_barn_gathered),
    bursts=(herd_report_on_each_of_six_visits, herd_report_once),
)
