"""Jobs of a school and a haulier in Python: imports, gradings, exports, mail, syncs and analyses."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def grades_read_learner_by_learner(db: SyncPostgrestClient) -> None:
    for one in rows(db.from_("learners").select("id").order("id").limit(25)):
        rows(db.from_("submissions").select("score").eq("learner_id", one["id"]).eq("state", "graded"))


def grades_read_for_a_class(db: SyncPostgrestClient) -> None:
    ids = [one["id"] for one in rows(db.from_("learners").select("id").order("id").limit(25))]
    rows(db.from_("submissions").select("learner_id,score").in_("learner_id", ids).limit(500))


def learners_checked_for_before_they_are_made(db: SyncPostgrestClient) -> None:
    for n in range(390, 415):
        email = f"learner{n}@example.edu"
        if not rows(db.from_("learners").select("id").eq("email", email)):
            rows(db.from_("learners").insert({"email": email, "name": "New"}))


def learners_upserted_in_one_call(db: SyncPostgrestClient) -> None:
    made = [{"email": f"learner{n}@example.edu", "name": "Known"} for n in range(380, 400)]
    rows(db.from_("learners").upsert(made, on_conflict="email"))


def data_frame_inserted_row_by_row(db: SyncPostgrestClient) -> None:
    for n in range(30):
        rows(db.from_("submissions").insert({"lesson_id": 3, "learner_id": 1 + n, "state": "open"}))


def data_frame_inserted_as_a_list(db: SyncPostgrestClient) -> None:
    rows(db.from_("submissions").insert([{"lesson_id": 4, "learner_id": 1 + n, "state": "open"} for n in range(30)]))


def scores_written_back_one_by_one(db: SyncPostgrestClient) -> None:
    for one in rows(db.from_("submissions").select("id,score").eq("lesson_id", 9).order("id").limit(12)):
        rows(db.from_("submissions").update({"score": one["score"] + 1, "state": "graded"}).eq("id", one["id"]))


def final_scores_one_call_each(db: SyncPostgrestClient) -> None:
    for learner in range(1, 21):
        db.rpc("final_score", {"learner": str(learner)}).execute()


def final_score_of_one_learner(db: SyncPostgrestClient) -> None:
    db.rpc("final_score", {"learner": "8"}).execute()


def mail_with_a_template_read_each_time(db: SyncPostgrestClient) -> None:
    for one in rows(db.from_("email_queue").select("id,recipient").order("id").limit(9)):
        rows(db.from_("courses").select("title,summary").eq("slug", "course-3"))
        time.sleep(0.03)
        rows(db.from_("email_queue").update({"state": "sent"}).eq("id", one["id"]))


def mail_in_batches(db: SyncPostgrestClient) -> None:
    template = rows(db.from_("courses").select("title").eq("slug", "course-4"))[0]
    queued = rows(db.from_("email_queue").select("id,recipient").eq("state", "queued").order("id").limit(50))
    assert template
    rows(db.from_("email_queue").update({"state": "sent"}).in_("id", [one["id"] for one in queued]))


def scraper_that_saves_what_it_finds(db: SyncPostgrestClient) -> None:
    for n in range(6):
        time.sleep(0.7)
        rows(db.from_("posts").insert({"author_id": 1, "title": f"Found {n}", "body": "It was far away."}))


def lessons_copied_with_every_column(db: SyncPostgrestClient) -> None:
    rows(db.from_("lessons").select("*").order("id"))


def titles_of_lessons_for_an_index(db: SyncPostgrestClient) -> None:
    rows(db.from_("lessons").select("id,title").eq("course_id", 4).order("position").limit(50))


def submissions_into_a_data_frame(db: SyncPostgrestClient) -> None:
    rows(db.from_("submissions").select("id,learner_id,score"))


def graded_submissions_into_a_data_frame(db: SyncPostgrestClient) -> None:
    rows(db.from_("submissions").select("learner_id,score").eq("state", "graded").lt("lesson_id", 100))


def submissions_by_the_last_id(db: SyncPostgrestClient) -> None:
    last = 0
    while page := rows(db.from_("submissions").select("id,score").gt("id", last).order("id").limit(600)):
        last = page[-1]["id"]


def submissions_by_offset(db: SyncPostgrestClient) -> None:
    for at in range(0, 3000, 250):
        rows(db.from_("submissions").select("id,score").order("id").range(at, at + 249))


def parcels_by_offset_to_the_end(db: SyncPostgrestClient) -> None:
    for at in range(0, 5400, 900):
        rows(db.from_("parcels").select("id,state").order("id").range(at, at + 899))


def one_learner_picked_from_all(db: SyncPostgrestClient) -> None:
    everyone = rows(db.from_("learners").select("id,email,name"))
    me = next(one for one in everyone if one["email"] == "learner250@example.edu")
    rows(db.from_("submissions").select("id,score").eq("learner_id", me["id"]).limit(20))


def one_learner_asked_for(db: SyncPostgrestClient) -> None:
    me = rows(db.from_("learners").select("id").eq("email", "learner251@example.edu").limit(1))[0]
    rows(db.from_("submissions").select("id,score").eq("learner_id", me["id"]).limit(20))


def reports_that_wait_for_the_cohort(db: SyncPostgrestClient) -> None:
    for state in ("graded", "open", "graded", "open", "graded"):
        rows(db.from_("cohort_report").select("mean").eq("state", state))
        rows(db.from_("courses").select("id").limit(3))


def cohort_report_of_the_month(db: SyncPostgrestClient) -> None:
    rows(db.from_("cohort_report").select("state,mean"))


def head_of_a_report_in_five_steps(db: SyncPostgrestClient) -> None:
    rows(db.from_("courses").select("id,title").order("id").limit(10))
    rows(db.from_("learners").select("id,name").order("id").limit(10))
    rows(db.from_("depots").select("code,name").order("code").limit(10))
    rows(db.from_("clinics").select("id,name").order("id").limit(10))
    rows(db.from_("projects").select("id,name").order("id").limit(10))


def course_then_lessons_then_submissions(db: SyncPostgrestClient) -> None:
    course = rows(db.from_("courses").select("id").eq("slug", "course-12"))[0]
    lessons = rows(db.from_("lessons").select("id").eq("course_id", course["id"]))
    rows(db.from_("submissions").select("id,score").in_("lesson_id", [one["id"] for one in lessons]).limit(200))


def configuration_read_in_each_function(db: SyncPostgrestClient) -> None:
    for table in ("courses", "learners", "lessons", "submissions", "email_queue"):
        rows(db.from_("plans").select("key,seats").eq("key", "big"))
        rows(db.from_(table).select("id").order("id").limit(3))


def enrolled_and_the_class_counted_after_each(db: SyncPostgrestClient) -> None:
    for learner in (2, 3, 4, 5, 6, 8, 9, 10):
        rows(db.from_("enrollments").upsert({"learner_id": learner, "course_id": 7, "progress": 1}))
        rows(db.from_("enrollments").select("learner_id").eq("course_id", 7))


def drafts_graded_and_the_rest_counted(db: SyncPostgrestClient) -> None:
    for one in rows(db.from_("submissions").select("id").eq("lesson_id", 30).order("id").limit(7)):
        rows(db.from_("submissions").update({"state": "graded"}).eq("id", one["id"]))
        db.from_("submissions").select("id", count="exact").eq("lesson_id", 30).eq("state", "open").execute()  # type: ignore[arg-type]


def sizes_of_tables_counted_each_minute(db: SyncPostgrestClient) -> None:
    for n in range(5):
        db.from_("scans").select("id", count="exact").gt("id", n).order("id").limit(1).execute()  # type: ignore[arg-type]


async def vectors_of_lessons_gathered(db: AsyncPostgrestClient) -> None:
    await asyncio.gather(
        *[db.from_("lessons").select("title,content").eq("id", key).single().execute() for key in range(1, 31)]
    )


async def six_tables_gathered(db: AsyncPostgrestClient) -> None:
    tables = ("courses", "learners", "lessons", "submissions", "email_queue", "posts")
    await asyncio.gather(*[db.from_(table).select("id").order("id").limit(10).execute() for table in tables])


async def shipments_four_at_a_time(db: AsyncPostgrestClient) -> None:
    gate = asyncio.Semaphore(4)

    async def one(key: int) -> None:
        async with gate:
            await db.from_("shipments").select("status").eq("reference", f"REF{key:06}").single().execute()

    await asyncio.gather(*[one(key) for key in range(1, 33)])


async def states_written_at_once(db: AsyncPostgrestClient) -> None:
    await asyncio.gather(
        *[db.from_("email_queue").update({"state": "read"}).eq("id", key).execute() for key in range(100, 120)]
    )


async def async_loop_over_depots(db: AsyncPostgrestClient) -> None:
    for n in range(1, 13):
        await db.from_("vehicles").select("id,plate").eq("depot_code", f"D{n}").execute()


async def requests_of_an_api_with_a_guard(db: AsyncPostgrestClient) -> None:
    async def request(n: int) -> None:
        with trace("py: requests of an api with a guard"):
            await db.from_("members").select("id,role").eq("email", f"member{n}@example.net").single().execute()
            await db.from_("tasks").select("id,title").eq("project_id", n).order("id").limit(10).execute()

    await asyncio.gather(*[request(n) for n in range(1, 16)])


async def requests_of_an_api_that_read_the_depots(db: AsyncPostgrestClient) -> None:
    async def request(n: int) -> None:
        with trace("py: requests of an api that read the depots"):
            queries: list[Any] = [
                db.from_("depots").select("code,name,region"),
                db.from_("shipments").select("reference").eq("id", n),
            ]
            await asyncio.gather(*[query.execute() for query in queries])

    for n in range(1, 29):
        await request(n)


SCENARIOS = Scenarios(
    jobs=(
        *(grades_read_learner_by_learner, grades_read_for_a_class, learners_checked_for_before_they_are_made),
        *(learners_upserted_in_one_call, data_frame_inserted_row_by_row, data_frame_inserted_as_a_list),
        *(scores_written_back_one_by_one, final_scores_one_call_each, final_score_of_one_learner),
        *(mail_with_a_template_read_each_time, mail_in_batches, scraper_that_saves_what_it_finds),
        *(lessons_copied_with_every_column, titles_of_lessons_for_an_index, submissions_into_a_data_frame),
        *(graded_submissions_into_a_data_frame, submissions_by_the_last_id, submissions_by_offset),
        *(parcels_by_offset_to_the_end, one_learner_picked_from_all, one_learner_asked_for),
        *(reports_that_wait_for_the_cohort, cohort_report_of_the_month, head_of_a_report_in_five_steps),
        *(course_then_lessons_then_submissions, configuration_read_in_each_function),
        *(enrolled_and_the_class_counted_after_each, drafts_graded_and_the_rest_counted),
        *(sizes_of_tables_counted_each_minute,),
    ),
    tasks=(
        *(vectors_of_lessons_gathered, six_tables_gathered, shipments_four_at_a_time, states_written_at_once),
        *(async_loop_over_depots,),
    ),
    bursts=(requests_of_an_api_with_a_guard, requests_of_an_api_that_read_the_depots),
)
