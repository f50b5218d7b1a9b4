"""A library: nightly jobs, imports, exports and pages that a server makes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.corpus.asking import EXACT, key
from tests.corpus.python_scenarios import Scenarios, rows

if TYPE_CHECKING:
    from postgrest import SyncPostgrestClient


def reminder_job_looks_up_each_reader(db: SyncPostgrestClient) -> None:
    for loan in rows(db.from_("loans").select("id,borrower_id").eq("due_on", "2026-02-02").order("id").limit(18)):
        rows(db.from_("borrowers").select("email,name").eq("id", loan["borrower_id"]).limit(1))


def reminder_job_with_embedded_readers(db: SyncPostgrestClient) -> None:
    rows(db.from_("loans").select("id,due_on,borrowers(email,name)").eq("due_on", "2026-02-02").order("id").limit(18))


def branch_report_counts_books_per_branch(db: SyncPostgrestClient) -> None:
    for branch in rows(db.from_("branches").select("id,name").order("id")):
        db.from_("books").select("id", count=EXACT, head=True).eq("branch_id", branch["id"]).execute()


def state_report_from_a_view(db: SyncPostgrestClient) -> None:
    rows(db.from_("loan_totals").select("state,loans").order("state").limit(10))


def shelf_list_with_holds_of_each_book(db: SyncPostgrestClient) -> None:
    books = rows(db.from_("books").select("id,title").eq("branch_id", 3).order("id").limit(12))
    for book in books:
        holds = rows(db.from_("holds").select("place,borrower_id").eq("book_id", book["id"]).order("place").limit(10))
        book["holds"] = len(holds)


def shelf_list_with_holds_of_all_books(db: SyncPostgrestClient) -> None:
    books = rows(db.from_("books").select("id,title").eq("branch_id", 3).order("id").limit(12))
    rows(db.from_("holds").select("book_id,place,borrower_id").in_("book_id", [book["id"] for book in books]))


def loan_slip_reads_the_book_and_the_reader(db: SyncPostgrestClient) -> None:
    loan = rows(db.from_("loans").select("id,book_id,borrower_id").eq("id", 412))[0]
    rows(db.from_("books").select("title").eq("id", loan["book_id"]))
    rows(db.from_("borrowers").select("name").eq("id", loan["borrower_id"]))


def catalogue_import_checks_each_isbn_and_updates(db: SyncPostgrestClient) -> None:
    for n in range(101, 113):
        found = rows(db.from_("books").select("id").eq("isbn", f"978{n}"))
        rows(db.from_("books").update({"title": f"Book {n}, 2nd"}).eq("id", found[0]["id"]))


def catalogue_import_upserts_a_list(db: SyncPostgrestClient) -> None:
    given = [
        {"id": n, "isbn": f"978{n}", "title": f"Book {n}", "branch_id": 1, "blurb": "-", "is_archived": False}
        for n in range(201, 241)
    ]
    rows(db.from_("books").upsert(given, on_conflict="id"))


def mails_queued_one_insert_each(db: SyncPostgrestClient) -> None:
    for n in range(1, 16):
        rows(db.from_("reader_mails").insert({"borrower_id": key(f"b{n}"), "subject": "Due soon"}))


def mails_queued_with_one_insert(db: SyncPostgrestClient) -> None:
    rows(
        db.from_("reader_mails").insert(
            [{"borrower_id": key(f"b{n}"), "subject": "Due soon"} for n in range(1, 16)], default_to_null=False
        )
    )


def late_loans_marked_one_by_one(db: SyncPostgrestClient) -> None:
    for loan in rows(
        db.from_("loans").select("id").eq("state", "open").eq("due_on", "2026-01-05").order("id").limit(9)
    ):
        rows(db.from_("loans").update({"state": "late"}).eq("id", loan["id"]))


def late_loans_marked_by_a_filter(db: SyncPostgrestClient) -> None:
    rows(db.from_("loans").update({"state": "late"}).eq("state", "open").eq("due_on", "2026-01-09"))


def old_holds_removed_one_by_one(db: SyncPostgrestClient) -> None:
    for hold in rows(db.from_("holds").select("id").eq("place", 3).order("id").limit(8)):
        rows(db.from_("holds").delete().eq("id", hold["id"]))


def old_holds_removed_at_once(db: SyncPostgrestClient) -> None:
    ids = [hold["id"] for hold in rows(db.from_("holds").select("id").eq("place", 2).order("id").limit(8))]
    rows(db.from_("holds").delete().in_("id", ids))


def three_copies_returned_at_the_desk(db: SyncPostgrestClient) -> None:
    for loan in (31, 35, 39):
        rows(db.from_("loans").update({"state": "returned"}).eq("id", loan))


def returns_scanned_by_hand(db: SyncPostgrestClient) -> None:
    for loan in (51, 55, 59, 63, 67, 71):
        rows(db.from_("loans").update({"state": "returned"}).eq("id", loan))
        time.sleep(0.35)


def fines_paid_with_the_rest_listed_each_time(db: SyncPostgrestClient) -> None:
    for fine in (10, 12, 14, 16):
        rows(db.from_("fines").update({"state": "paid"}).eq("id", fine))
        left = rows(db.from_("fines").select("id,cents").eq("state", "due").order("id").limit(100))
        rows(db.from_("app_settings").update({"value": str(len(left))}).eq("key", "key3"))


def fines_paid_and_listed_once(db: SyncPostgrestClient) -> None:
    rows(db.from_("fines").update({"state": "paid"}).in_("id", [20, 22, 24]))
    rows(db.from_("fines").select("id,cents").eq("state", "due").order("id").limit(100))


def fine_written_and_shown(db: SyncPostgrestClient) -> None:
    for fine in (30, 32, 34):
        rows(db.from_("fines").update({"cents": 5}).eq("id", fine))
        rows(db.from_("fines").select("id,cents,state").eq("id", fine))


def all_fines_added_up_in_the_program(db: SyncPostgrestClient) -> None:
    sum(fine["cents"] for fine in rows(db.from_("fines").select("cents,state")))


def fines_of_one_reader(db: SyncPostgrestClient) -> None:
    rows(db.from_("fines").select("cents,state").eq("borrower_id", key("b9")))


def open_loans_exported(db: SyncPostgrestClient) -> None:
    rows(db.from_("loans").select("id,book_id,due_on").eq("state", "open").order("id"))


def loans_exported_by_key(db: SyncPostgrestClient) -> None:
    last = 0
    while page := rows(db.from_("loans").select("id,due_on").gt("id", last).order("id").limit(1000)):
        last = page[-1]["id"]


def titles_for_a_search_index(db: SyncPostgrestClient) -> None:
    rows(db.from_("books").select("id,title"))


def titles_for_a_search_index_in_two_parts(db: SyncPostgrestClient) -> None:
    for start in (0, 700):
        rows(db.from_("books").select("id,title").order("id").range(start, start + 699))


def loans_exported_with_a_generous_limit(db: SyncPostgrestClient) -> None:
    rows(db.from_("loans").select("id,book_id").neq("state", "lost").order("id").limit(5000))


def last_page_of_the_loans_table(db: SyncPostgrestClient) -> None:
    rows(db.from_("loans").select("id,state,due_on").order("due_on", desc=True).range(5950, 5974))


def second_page_of_the_loans_table(db: SyncPostgrestClient) -> None:
    rows(db.from_("loans").select("id,state,due_on").order("due_on", desc=True).range(25, 49))


def random_book_of_the_day(db: SyncPostgrestClient) -> None:
    rows(db.from_("books").select("id,title").order("id").offset(1207).limit(1))


def reader_found_by_mail_in_the_program(db: SyncPostgrestClient) -> None:
    readers = rows(db.from_("borrowers").select("id,email").order("email"))
    mine = next(reader for reader in readers if reader["email"] == "reader77@example.com")
    rows(db.from_("loans").select("book_id,due_on").eq("borrower_id", mine["id"]).eq("state", "open").limit(50))


def reader_found_by_mail_in_the_database(db: SyncPostgrestClient) -> None:
    mine = rows(db.from_("borrowers").select("id").eq("email", "reader77@example.com"))[0]
    rows(db.from_("loans").select("book_id,due_on").eq("borrower_id", mine["id"]).eq("state", "open").limit(50))


def book_found_by_isbn_in_its_branch(db: SyncPostgrestClient) -> None:
    shelf = rows(db.from_("books").select("id,isbn").eq("branch_id", 2))
    book = next(one for one in shelf if one["isbn"] == "978601")
    rows(db.from_("holds").select("place,borrower_id").eq("book_id", book["id"]))


def branch_found_in_a_short_list(db: SyncPostgrestClient) -> None:
    branches = rows(db.from_("branches").select("id,name"))
    branch = next(one for one in branches if one["name"] == "Branch 4")
    rows(db.from_("books").select("id,title").eq("branch_id", branch["id"]).order("id").limit(20))


def whole_shelf_with_blurbs(db: SyncPostgrestClient) -> None:
    rows(db.from_("books").select("*").eq("branch_id", 5).order("title").limit(200))


def whole_shelf_with_titles(db: SyncPostgrestClient) -> None:
    rows(db.from_("books").select("id,title").eq("branch_id", 5).order("title").limit(200))


def one_book_with_all_columns(db: SyncPostgrestClient) -> None:
    rows(db.from_("books").select("*").eq("id", 88))


def fee_asked_for_each_late_loan(db: SyncPostgrestClient) -> None:
    for loan in rows(db.from_("loans").select("id").eq("state", "late").order("id").limit(14)):
        db.rpc("late_fee", {"loan": loan["id"]}).execute()


def fee_asked_for_one_loan(db: SyncPostgrestClient) -> None:
    loan = rows(db.from_("loans").select("id").eq("state", "late").order("id").limit(1))[0]
    db.rpc("late_fee", {"loan": loan["id"]}).execute()


def rules_read_again_for_each_mail(db: SyncPostgrestClient) -> None:
    for n in range(30, 34):
        rows(db.from_("app_settings").select("value").eq("key", "key1"))
        rows(db.from_("reader_mails").insert({"borrower_id": key(f"b{n}"), "subject": "Welcome"}))


def rules_read_once_before_the_mails(db: SyncPostgrestClient) -> None:
    rows(db.from_("app_settings").select("value").eq("key", "key1"))
    rows(db.from_("reader_mails").insert([{"borrower_id": key(f"b{n}"), "subject": "Hello"} for n in range(30, 36)]))


def start_page_of_the_catalogue(db: SyncPostgrestClient) -> None:
    rows(db.from_("branches").select("id,name,city").order("name"))
    rows(db.from_("genres").select("code,label").order("label"))
    rows(db.from_("books").select("id,title").order("id", desc=True).limit(10))
    rows(db.from_("app_settings").select("key,value").order("key").limit(12))


def my_loans_page_of_a_signed_in_reader(db: SyncPostgrestClient) -> None:
    me = key("b12")
    rows(db.from_("loans").select("id,book_id,due_on").eq("borrower_id", me).order("due_on").limit(20))
    rows(db.from_("fines").select("cents,state").eq("borrower_id", me).order("id").limit(20))
    rows(db.from_("holds").select("book_id,place").eq("borrower_id", me).order("id").limit(20))


SCENARIOS = Scenarios(
    jobs=(
        *(reminder_job_looks_up_each_reader, reminder_job_with_embedded_readers, branch_report_counts_books_per_branch),
        *(state_report_from_a_view, shelf_list_with_holds_of_each_book, shelf_list_with_holds_of_all_books),
        *(loan_slip_reads_the_book_and_the_reader, catalogue_import_checks_each_isbn_and_updates),
        *(catalogue_import_upserts_a_list, mails_queued_one_insert_each, mails_queued_with_one_insert),
        *(late_loans_marked_one_by_one, late_loans_marked_by_a_filter, old_holds_removed_one_by_one),
        *(old_holds_removed_at_once, three_copies_returned_at_the_desk, returns_scanned_by_hand),
        *(fines_paid_with_the_rest_listed_each_time, fines_paid_and_listed_once, fine_written_and_shown),
        *(all_fines_added_up_in_the_program, fines_of_one_reader, open_loans_exported, loans_exported_by_key),
        *(titles_for_a_search_index, titles_for_a_search_index_in_two_parts, loans_exported_with_a_generous_limit),
        *(last_page_of_the_loans_table, second_page_of_the_loans_table, random_book_of_the_day),
        *(reader_found_by_mail_in_the_program, reader_found_by_mail_in_the_database, book_found_by_isbn_in_its_branch),
        *(branch_found_in_a_short_list, whole_shelf_with_blurbs, whole_shelf_with_titles, one_book_with_all_columns),
        *(fee_asked_for_each_late_loan, fee_asked_for_one_loan, rules_read_again_for_each_mail),
        *(rules_read_once_before_the_mails, start_page_of_the_catalogue, my_loans_page_of_a_signed_in_reader),
    ),
    tasks=(),
    bursts=(),
)
