"""A school: marks, timetables, report cards and imports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.corpus.asking import EXACT, data, given, key, together
from tests.corpus.python_scenarios import Scenarios, rows, trace

if TYPE_CHECKING:
    from postgrest import AsyncPostgrestClient, SyncPostgrestClient


def report_cards_written_pupil_by_pupil(db: SyncPostgrestClient) -> None:
    for pupil in rows(db.from_("pupils").select("id,name").eq("school_class_id", 4).order("name")):
        points = [mark["points"] for mark in rows(db.from_("marks").select("points").eq("pupil_id", pupil["id"]))]
        average = sum(points) // len(points)
        rows(db.from_("report_cards").insert({"pupil_id": pupil["id"], "term": "2026-1", "average": average}))


def report_cards_written_in_three_calls(db: SyncPostgrestClient) -> None:
    pupils = rows(db.from_("pupils").select("id,name").eq("school_class_id", 5).order("name"))
    marks = rows(db.from_("marks").select("pupil_id,points").in_("pupil_id", [one["id"] for one in pupils]))
    cards = [{"pupil_id": one["id"], "term": "2026-1", "average": len(marks)} for one in pupils]
    rows(db.from_("report_cards").upsert(cards, on_conflict="pupil_id,term"))


def averages_asked_for_pupil_by_pupil(db: SyncPostgrestClient) -> None:
    for pupil in rows(db.from_("pupils").select("id,name").eq("school_class_id", 6).order("name")):
        db.rpc("pupil_average", given(pupil=pupil["id"])).execute()


def pupils_of_a_file_looked_up_by_number(db: SyncPostgrestClient) -> None:
    for n in range(300, 316):
        rows(db.from_("pupils").select("id").eq("number", f"N{n}").limit(1))


def pupils_of_a_file_looked_up_by_a_list(db: SyncPostgrestClient) -> None:
    rows(db.from_("pupils").select("id,number").in_("number", [f"N{n}" for n in range(300, 316)]))


def pupil_of_a_number_sought_in_all_pupils(db: SyncPostgrestClient) -> None:
    pupils = rows(db.from_("pupils").select("id,number,name"))
    pupil = next(one for one in pupils if one["number"] == "N645")
    rows(db.from_("absences").select("day,is_excused").eq("pupil_id", pupil["id"]))


def teacher_of_an_address_sought_in_all_teachers(db: SyncPostgrestClient) -> None:
    teachers = rows(db.from_("teachers").select("id,name,email").order("name"))
    teacher = next(one for one in teachers if one["email"] == "teacher91@example.com")
    rows(db.from_("timetable_slots").select("weekday,hour,subject_code").eq("teacher_id", teacher["id"]))


def teacher_of_an_address(db: SyncPostgrestClient) -> None:
    teacher = rows(db.from_("teachers").select("id,name").eq("email", "teacher92@example.com").limit(1))[0]
    rows(db.from_("timetable_slots").select("weekday,hour,subject_code").eq("teacher_id", teacher["id"]))


def pupils_by_number_made_for_a_file_of_marks(db: SyncPostgrestClient) -> None:
    ids = {one["number"]: one["id"] for one in rows(db.from_("pupils").select("id,number").order("number"))}
    marks = [
        {"pupil_id": ids[f"N{n}"], "subject_code": "u3", "points": n % 16, "given_on": "2026-07-01"}
        for n in range(200, 240)
    ]
    rows(db.from_("marks").insert(marks))


def marks_of_a_class_test_saved_one_by_one(db: SyncPostgrestClient) -> None:
    for n in range(30, 54):
        mark = {"pupil_id": key(f"u{n}"), "subject_code": "u2", "points": n % 16, "given_on": "2026-07-02"}
        rows(db.from_("marks").insert(mark))


def absences_excused_one_by_one(db: SyncPostgrestClient) -> None:
    for absence in rows(db.from_("absences").select("id").eq("day", "2026-02-11").order("id")):
        rows(db.from_("absences").update({"is_excused": True}).eq("id", absence["id"]))


def absences_excused_by_their_day(db: SyncPostgrestClient) -> None:
    rows(db.from_("absences").update({"is_excused": True}).eq("day", "2026-02-12"))


def teacher_who_calls_the_roll(db: SyncPostgrestClient) -> None:
    for n in range(60, 67):
        rows(db.from_("absences").insert({"pupil_id": key(f"u{n}"), "day": "2026-07-03", "is_excused": False}))
        time.sleep(1.2 + n % 3 / 4)


def marks_of_the_year_averaged_in_python(db: SyncPostgrestClient) -> None:
    marks = rows(db.from_("marks").select("subject_code,points").gte("given_on", "2026-01-01"))
    sum(mark["points"] for mark in marks)


def marks_of_three_classes_by_their_pupils(db: SyncPostgrestClient) -> None:
    pupils = rows(db.from_("pupils").select("id").in_("school_class_id", [7, 8, 9]).order("id"))
    rows(db.from_("marks").select("pupil_id,points").in_("pupil_id", [one["id"] for one in pupils]))


def absences_in_pages_of_five_hundred(db: SyncPostgrestClient) -> None:
    start = 0
    query = db.from_("absences").select("id,day")
    while len(rows(query.order("id").range(start, start + 499))) == 500:
        start += 500
        query = db.from_("absences").select("id,day")


def timetable_of_the_school_for_the_printer(db: SyncPostgrestClient) -> None:
    rows(db.from_("timetable_slots").select("weekday,hour,subject_code,school_class_id").order("weekday"))


def pupils_listed_with_every_column(db: SyncPostgrestClient) -> None:
    rows(db.from_("pupils").select("*").order("name").limit(350))


def page_of_a_class_in_four_calls(db: SyncPostgrestClient) -> None:
    rows(db.from_("school_classes").select("name,grade").eq("id", 11))
    rows(db.from_("pupils").select("id,name").eq("school_class_id", 11).order("name"))
    rows(db.from_("timetable_slots").select("weekday,hour").eq("school_class_id", 11))
    rows(db.from_("school_events").select("title,held_on").order("held_on").limit(5))


def start_of_the_office_in_four_calls(db: SyncPostgrestClient) -> None:
    rows(db.from_("school_years").select("name").eq("is_current", value=True))
    rows(db.from_("subjects").select("code,name"))
    rows(db.from_("school_classes").select("id,name").order("name"))
    rows(db.from_("teachers").select("id,name").order("name").limit(40))


def year_then_what_is_in_it(db: SyncPostgrestClient) -> None:
    year = rows(db.from_("school_years").select("name").eq("is_current", value=True))[0]["name"]
    rows(db.from_("school_events").select("title").gte("held_on", f"{year}-01-01").order("held_on").limit(10))
    rows(db.from_("absences").select("day").gte("day", f"{year}-01-01").order("id").limit(10))


def class_then_teacher_then_lessons(db: SyncPostgrestClient) -> None:
    of_class = rows(db.from_("school_classes").select("id,teacher_id").eq("name", "Class 14"))[0]
    teacher = rows(db.from_("teachers").select("id,name").eq("id", of_class["teacher_id"]))[0]
    rows(db.from_("timetable_slots").select("weekday,hour").eq("teacher_id", teacher["id"]))


def year_asked_for_by_each_check(db: SyncPostgrestClient) -> None:
    for n in range(5):
        rows(db.from_("school_years").select("name").eq("is_current", value=True))
        rows(db.from_("pupils").select("name").eq("number", f"N{70 + n % 2}"))


def year_asked_for_before_each_mark(db: SyncPostgrestClient) -> None:
    for n in range(70, 80):
        rows(db.from_("school_years").select("name").eq("is_current", value=True))
        mark = {"pupil_id": key(f"u{n}"), "subject_code": "u4", "points": 9, "given_on": "2026-07-05"}
        rows(db.from_("marks").insert(mark))


def subjects_loaded_and_one_of_them_shown(db: SyncPostgrestClient) -> None:
    rows(db.from_("subjects").select("code,name").order("name"))
    rows(db.from_("marks").select("points,given_on").eq("subject_code", "u7").order("id").limit(30))


def marks_saved_and_counted_after_each(db: SyncPostgrestClient) -> None:
    for n in range(6):
        mark = {"pupil_id": key("u99"), "subject_code": "u5", "points": n, "given_on": "2026-07-06"}
        rows(db.from_("marks").insert(mark))
        points = [one["points"] for one in rows(db.from_("marks").select("points").eq("pupil_id", key("u99")))]
        card = {"pupil_id": key("u99"), "term": "2026-2", "average": sum(points) // len(points)}
        rows(db.from_("report_cards").upsert(card, on_conflict="pupil_id,term"))


def marks_table_at_its_last_page(db: SyncPostgrestClient) -> None:
    rows(db.from_("marks").select("id,points").order("id").range(13900, 13999))


def marks_table_with_its_total(db: SyncPostgrestClient) -> None:
    rows(db.from_("marks").select("id,points", count=EXACT).order("id").limit(50))


async def last_marks_of_each_pupil_gathered(db: AsyncPostgrestClient) -> None:
    pupils = await data(db.from_("pupils").select("id,name").eq("school_class_id", 20).order("name"))
    marks = [db.from_("marks").select("points").eq("pupil_id", one["id"]).order("id", desc=True) for one in pupils]
    await together(*[query.limit(3) for query in marks])


async def page_of_a_class_gathered(db: AsyncPostgrestClient) -> None:
    await together(
        db.from_("school_classes").select("name,grade").eq("id", 12),
        db.from_("pupils").select("id,name").eq("school_class_id", 12).order("name"),
        db.from_("timetable_slots").select("weekday,hour").eq("school_class_id", 12),
    )


async def timetable_of_each_weekday_and_hour(db: AsyncPostgrestClient) -> None:
    for hour in range(1, 9):
        slots = db.from_("timetable_slots").select("school_class_id,teacher_id").eq("weekday", 2)
        await data(slots.eq("hour", hour))


async def term_report_for_six_offices(db: AsyncPostgrestClient) -> None:
    for _ in range(6):
        with trace("py: term report for six offices"):
            await data(db.from_("term_report").select("subject_code,average"))


async def subjects_on_each_of_thirty_pages(db: AsyncPostgrestClient) -> None:
    for n in range(30):
        with trace("py: subjects on each of thirty pages"):
            await data(db.from_("subjects").select("code,name").order("name"))
            await data(db.from_("pupils").select("name").eq("number", f"N{n + 1}"))


SCENARIOS = Scenarios(
    jobs=(
        *(report_cards_written_pupil_by_pupil, report_cards_written_in_three_calls, averages_asked_for_pupil_by_pupil),
        *(pupils_of_a_file_looked_up_by_number, pupils_of_a_file_looked_up_by_a_list),
        *(pupil_of_a_number_sought_in_all_pupils, teacher_of_an_address_sought_in_all_teachers, teacher_of_an_address),
        *(pupils_by_number_made_for_a_file_of_marks, marks_of_a_class_test_saved_one_by_one),
        *(absences_excused_one_by_one, absences_excused_by_their_day, teacher_who_calls_the_roll),
        *(marks_of_the_year_averaged_in_python, marks_of_three_classes_by_their_pupils),
        *(absences_in_pages_of_five_hundred, timetable_of_the_school_for_the_printer),
        *(pupils_listed_with_every_column, page_of_a_class_in_four_calls, start_of_the_office_in_four_calls),
        *(year_then_what_is_in_it, class_then_teacher_then_lessons, year_asked_for_by_each_check),
        *(year_asked_for_before_each_mark, subjects_loaded_and_one_of_them_shown, marks_saved_and_counted_after_each),
        *(marks_table_at_its_last_page, marks_table_with_its_total),
    ),
    tasks=(last_marks_of_each_pupil_gathered, page_of_a_class_gathered, timetable_of_each_weekday_and_hour),
    bursts=(term_report_for_six_offices, subjects_on_each_of_thirty_pages),
)
