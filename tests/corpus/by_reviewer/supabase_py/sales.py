"""Sales: companies, contacts, deals, imports and campaigns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.corpus.asking import EXACT, data, given, key, together
from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def contacts_imported_with_a_look_up_of_the_company_each(db: SyncPostgrestClient) -> None:
    for n in range(100, 114):
        company = rows(db.from_("companies").select("id").eq("domain", f"firm{n}.example.com").limit(1))[0]
        contact = {"company_id": company["id"], "email": f"new{n}@example.com", "name": f"New {n}", "phone": "1"}
        rows(db.from_("contacts").insert(contact))


def contacts_imported_with_one_look_up_of_companies(db: SyncPostgrestClient) -> None:
    domains = [f"firm{n}.example.com" for n in range(120, 134)]
    ids = {one["domain"]: one["id"] for one in rows(db.from_("companies").select("id,domain").in_("domain", domains))}
    contacts = [
        {"company_id": ids[domain], "email": f"bulk@{domain}", "name": "New", "phone": "1"} for domain in domains
    ]
    rows(db.from_("contacts").upsert(contacts, on_conflict="email"))


def addresses_checked_for_duplicates_one_by_one(db: SyncPostgrestClient) -> None:
    for n in range(500, 520):
        db.from_("contacts").select("id", count=EXACT, head=True).eq("email", f"contact{n}@example.com").execute()


def deals_of_each_company_of_a_list(db: SyncPostgrestClient) -> None:
    for company in rows(db.from_("companies").select("id,name").eq("segment", "large").order("name").limit(16)):
        rows(db.from_("deals").select("cents,stage_code").eq("company_id", company["id"]))


def companies_with_their_deals_embedded(db: SyncPostgrestClient) -> None:
    rows(db.from_("companies").select("id,name,deals(cents,stage_code)").eq("segment", "large").order("name").limit(16))


def contacts_and_then_calls_of_each_of_them(db: SyncPostgrestClient) -> None:
    for company in rows(db.from_("companies").select("id").eq("segment", "small").order("name").limit(5)):
        for contact in rows(db.from_("contacts").select("id,name").eq("company_id", company["id"]).order("id")):
            rows(db.from_("phone_calls").select("minutes").eq("contact_id", contact["id"]))


def company_of_a_domain_sought_in_all_companies(db: SyncPostgrestClient) -> None:
    companies = rows(db.from_("companies").select("id,domain,name").order("name").limit(900))
    company = next(one for one in companies if one["domain"].startswith("firm112."))
    rows(db.from_("deals").select("cents,closes_on").eq("company_id", company["id"]))


def rep_of_a_name_sought_in_all_reps(db: SyncPostgrestClient) -> None:
    rep = next(one for one in rows(db.from_("sales_reps").select("id,name")) if one["name"] == "Rep 101")
    rows(db.from_("deals").select("id,cents").eq("sales_rep_id", rep["id"]).order("id"))


def rep_of_a_name(db: SyncPostgrestClient) -> None:
    rep = rows(db.from_("sales_reps").select("id,name").eq("name", "Rep 102"))[0]
    rows(db.from_("deals").select("id,cents").eq("sales_rep_id", rep["id"]).order("id"))


def largest_company_of_the_list_with_its_deals_embedded(db: SyncPostgrestClient) -> None:
    companies = rows(db.from_("companies").select("id,name,deals(cents)").eq("segment", "large").limit(600))
    largest = max(companies, key=lambda one: sum(deal["cents"] for deal in one["deals"]))
    rows(db.from_("contacts").select("name,phone").eq("company_id", largest["id"]))


def deal_moved_after_the_stages_were_read(db: SyncPostgrestClient) -> None:
    stages = rows(db.from_("deal_stages").select("code,label,place").order("place"))
    rows(db.from_("deals").update({"stage_code": stages[2]["code"]}).eq("id", 77))


def deals_moved_one_by_one(db: SyncPostgrestClient) -> None:
    for n in range(200, 216):
        rows(db.from_("deals").update({"stage_code": "d4"}).eq("id", n))


def deals_moved_by_a_list(db: SyncPostgrestClient) -> None:
    rows(db.from_("deals").update({"stage_code": "d4"}).in_("id", list(range(220, 236))))


def campaign_that_sends_and_marks_mail_after_mail(db: SyncPostgrestClient) -> None:
    for mail in rows(db.from_("campaign_mails").select("id,contact_id").eq("state", "queued").order("id").limit(15)):
        rows(db.from_("contacts").select("email,name").eq("id", mail["contact_id"]))
        time.sleep(0.08)  # the mail service
        rows(db.from_("campaign_mails").update({"state": "sent"}).eq("id", mail["id"]))


def campaign_queued_contact_by_contact(db: SyncPostgrestClient) -> None:
    for contact in rows(db.from_("contacts").select("id").order("id").limit(20)):
        rows(db.from_("campaign_mails").insert({"contact_id": contact["id"], "subject": "Fair", "state": "queued"}))


def campaign_queued_at_once(db: SyncPostgrestClient) -> None:
    contacts = rows(db.from_("contacts").select("id").order("id").limit(20))
    mails = [{"contact_id": one["id"], "subject": "Fair", "state": "queued"} for one in contacts]
    rows(db.from_("campaign_mails").insert(mails))


def duplicates_deleted_one_by_one(db: SyncPostgrestClient) -> None:
    for mail in rows(db.from_("campaign_mails").select("id").order("id", desc=True).limit(12)):
        rows(db.from_("campaign_mails").delete().eq("id", mail["id"]))


def forecast_of_the_year_summed_up(db: SyncPostgrestClient) -> None:
    sum(one["cents"] for one in rows(db.from_("deals").select("cents").gte("closes_on", "2026-01-01")))


def contacts_written_to_a_file(db: SyncPostgrestClient) -> None:
    db.from_("contacts").select("email,name,phone").order("id").csv().execute()


def companies_for_a_map_of_ids(db: SyncPostgrestClient) -> None:
    ids = {one["domain"]: one["id"] for one in rows(db.from_("companies").select("id,domain").limit(5000))}
    contacts = [{"company_id": ids.get(f"firm{n}.example.com"), "email": f"m{n}@example.com"} for n in range(3, 6)]
    rows(db.from_("contacts").upsert([{**one, "name": "M", "phone": "1"} for one in contacts], on_conflict="email"))


def companies_for_a_map_of_ids_page_by_page(db: SyncPostgrestClient) -> None:
    first = rows(db.from_("companies").select("id,domain").order("domain").limit(1000))
    rows(db.from_("companies").select("id,domain").order("domain").gt("domain", first[-1]["domain"]).limit(1000))


def queued_mails_from_a_function(db: SyncPostgrestClient) -> None:
    db.rpc("mails_of_state", given(wanted="queued")).execute()


def mails_of_the_campaign_without_a_limit(db: SyncPostgrestClient) -> None:
    rows(db.from_("campaign_mails").select("id,contact_id,state").eq("subject", "News of spring").order("id"))


def contacts_of_the_newest_with_every_column(db: SyncPostgrestClient) -> None:
    rows(db.from_("contacts").select("*").order("id", desc=True).limit(300))


def one_contact_with_every_column(db: SyncPostgrestClient) -> None:
    rows(db.from_("contacts").select("*").eq("id", 44))


def calls_listed_far_behind(db: SyncPostgrestClient) -> None:
    rows(db.from_("phone_calls").select("id,minutes").order("id").range(11_000, 11_049))


def calls_listed_with_their_total(db: SyncPostgrestClient) -> None:
    rows(db.from_("phone_calls").select("id,minutes", count=EXACT).order("id", desc=True).limit(25))


def start_page_of_a_rep_in_four_calls(db: SyncPostgrestClient) -> None:
    rows(db.from_("sales_goals").select("month,cents").eq("sales_rep_id", 20))
    rows(db.from_("deals").select("id,cents").eq("sales_rep_id", 20).eq("stage_code", "d3"))
    rows(db.from_("companies").select("id,name").eq("sales_rep_id", 20).order("name"))
    rows(db.from_("deal_stages").select("code,label").order("place"))


def admin_page_with_counts_in_turn(db: SyncPostgrestClient) -> None:
    for table in ("companies", "deals", "sales_reps", "campaign_mails"):
        db.from_(table).select("*", count=EXACT, head=True).execute()


def stages_of_the_board_counted_in_turn(db: SyncPostgrestClient) -> None:
    for stage in rows(db.from_("deal_stages").select("code").order("place")):
        db.from_("deals").select("id", count=EXACT, head=True).eq("stage_code", stage["code"]).execute()


def company_then_its_rep_then_the_goal(db: SyncPostgrestClient) -> None:
    company = rows(db.from_("companies").select("id,sales_rep_id").eq("domain", "firm40.example.com"))[0]
    rep = rows(db.from_("sales_reps").select("id,region").eq("id", company["sales_rep_id"]))[0]
    rows(db.from_("sales_goals").select("cents").eq("sales_rep_id", rep["id"]))


def stages_read_again_by_each_rule_of_the_pipeline(db: SyncPostgrestClient) -> None:
    for n in range(6):
        rows(db.from_("deal_stages").select("code,label").order("place"))
        rows(db.from_("deals").select("id").eq("id", 300 + n // 3))


def stages_read_again_for_each_mail(db: SyncPostgrestClient) -> None:
    for n in range(9):
        rows(db.from_("deal_stages").select("code,label"))
        rows(db.from_("campaign_mails").insert({"contact_id": 50 + n, "subject": "Stage", "state": "queued"}))


def goal_written_and_read_back(db: SyncPostgrestClient) -> None:
    for cents in (5000, 6000, 7000, 8000):
        rows(db.from_("sales_goals").update({"cents": cents}).eq("sales_rep_id", 30).eq("month", "2026-06"))
        rows(db.from_("sales_goals").select("cents").eq("sales_rep_id", 30).eq("month", "2026-06"))


def deals_added_and_counted_after_each(db: SyncPostgrestClient) -> None:
    company = key("c500")
    for n in range(5):
        deal = {"company_id": company, "stage_code": "d1", "sales_rep_id": 3, "cents": n, "closes_on": "2026-12-01"}
        rows(db.from_("deals").insert(deal))
        deals = rows(db.from_("deals").select("id").eq("company_id", company))
        rows(db.from_("companies").update({"deal_count": len(deals)}).eq("id", company))


def scores_asked_for_contact_by_contact(db: SyncPostgrestClient) -> None:
    for contact in rows(db.from_("contacts").select("id").order("name").limit(18)):
        db.rpc("contact_score", given(contact=contact["id"])).execute()


def contacts_of_the_whole_list_of_companies(db: SyncPostgrestClient) -> None:
    companies = [key(f"c{n}") for n in range(1, 651)]
    db.from_("contacts").select("id,name").in_("company_id", companies).limit(10).execute()


def rows_of_a_table_that_an_admin_opens(db: SyncPostgrestClient) -> None:
    rows(db.from_("companies").select("id,name,segment").order("name").range(0, 49))
    time.sleep(1.8)
    rows(db.from_("contacts").select("name,phone").eq("company_id", key("c10")))
    time.sleep(1.4)
    rows(db.from_("contacts").select("name,phone").eq("company_id", key("c100")))


async def company_and_last_call_of_each_contact(db: AsyncPostgrestClient) -> None:
    contacts = await data(db.from_("contacts").select("id,company_id").order("name").limit(15))
    await together(
        *[db.from_("companies").select("name").eq("id", one["company_id"]) for one in contacts],
        *[
            db.from_("phone_calls").select("called_on").eq("contact_id", one["id"]).order("id", desc=True).limit(1)
            for one in contacts
        ],
    )


async def company_page_gathered(db: AsyncPostgrestClient) -> None:
    await together(
        db.from_("companies").select("name,segment").eq("id", key("c60")),
        db.from_("contacts").select("name,phone").eq("company_id", key("c60")),
        db.from_("deals").select("cents,stage_code").eq("company_id", key("c60")),
    )


async def contacts_reached_by_either_of_two_addresses(db: AsyncPostgrestClient) -> None:
    for n in range(700, 712):
        one = f"email.eq.contact{n}@example.com,phone.eq.{n}"
        await data(db.from_("contacts").select("id,name").or_(one))


async def sales_report_for_six_managers(db: AsyncPostgrestClient) -> None:
    for _ in range(6):
        with trace("py: sales report for six managers"):
            await data(db.from_("sales_report").select("stage_code,cents"))


async def stages_on_each_of_thirty_boards(db: AsyncPostgrestClient) -> None:
    for n in range(30):
        with trace("py: stages on each of thirty boards"):
            await data(db.from_("deal_stages").select("code,label").order("place"))
            await data(db.from_("deals").select("cents").eq("id", n + 1))


SCENARIOS = Scenarios(
    jobs=(
        *(contacts_imported_with_a_look_up_of_the_company_each, contacts_imported_with_one_look_up_of_companies),
        *(addresses_checked_for_duplicates_one_by_one, deals_of_each_company_of_a_list),
        *(companies_with_their_deals_embedded, contacts_and_then_calls_of_each_of_them),
        *(company_of_a_domain_sought_in_all_companies, rep_of_a_name_sought_in_all_reps, rep_of_a_name),
        *(largest_company_of_the_list_with_its_deals_embedded, deal_moved_after_the_stages_were_read),
        *(deals_moved_one_by_one, deals_moved_by_a_list, campaign_that_sends_and_marks_mail_after_mail),
        *(campaign_queued_contact_by_contact, campaign_queued_at_once, duplicates_deleted_one_by_one),
        *(forecast_of_the_year_summed_up, contacts_written_to_a_file, companies_for_a_map_of_ids),
        *(companies_for_a_map_of_ids_page_by_page, queued_mails_from_a_function),
        *(mails_of_the_campaign_without_a_limit, contacts_of_the_newest_with_every_column),
        *(one_contact_with_every_column, calls_listed_far_behind, calls_listed_with_their_total),
        *(start_page_of_a_rep_in_four_calls, admin_page_with_counts_in_turn, stages_of_the_board_counted_in_turn),
        *(company_then_its_rep_then_the_goal, stages_read_again_by_each_rule_of_the_pipeline),
        *(stages_read_again_for_each_mail, goal_written_and_read_back, deals_added_and_counted_after_each),
        *(scores_asked_for_contact_by_contact, contacts_of_the_whole_list_of_companies),
        rows_of_a_table_that_an_admin_opens,
    ),
    tasks=(
        *(company_and_last_call_of_each_contact, company_page_gathered),
        contacts_reached_by_either_of_two_addresses,
    ),
    bursts=(sales_report_for_six_managers, stages_on_each_of_thirty_boards),
)
