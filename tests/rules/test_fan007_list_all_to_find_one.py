"""FAN007 tells a list of which one row is used from lists that are shown, joined, paged or narrow already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules.fan007_list_all_to_find_one import RULE, ListToFindOne, detect
from tests.factories import declared
from tests.rules.traces import told

if TYPE_CHECKING:
    from proxy.findings.model import Finding
    from proxy.model import Trace

LIST = "GET /creators?select=*&order=created_at → {}, ids 1;…;60, user_ids 201;…;260"
ALL = LIST.format("60 rows, 25 kB")
ONE = "then GET /monthly_tracking?select=*&creator_id=eq.7"
UUID = "00000000-0000-4000-8000-0000000000{:02d}"


def findings(*lines: str, settings: RuleSettings | None = None, **changes: bool) -> list[Finding]:
    (seen,) = told(lines)
    return judged(replace(seen, **changes), settings)


def judged(seen: Trace, settings: RuleSettings | None = None) -> list[Finding]:
    return list(detect(seen, (settings or RuleSettings()).of(RULE)))


def test_a_list_of_which_one_row_is_used_is_found_with_what_it_cost() -> None:
    (finding,) = findings(ALL, ONE, "then GET /rushes?creator_id=eq.7")
    assert finding.title == "All 60 rows of creators, probably to find one"
    assert finding.evidence[0] == "59 rows and 25 kB were read, probably without use"
    assert (finding.impact, finding.confidence) == ("MEDIUM", "medium")
    assert finding.expected == "getCreatorById(…): 1 row instead of 60; 59 rows and 25 kB less."


@pytest.mark.parametrize(
    ("answer", "impact"),
    [
        ("199 rows, 9 kB", "MEDIUM"),
        ("60 rows, 60 kB", "HIGH"),
        ("201 rows, 9 kB", "HIGH"),
        ("60 rows, 210 kB", "CRITICAL"),
        ("501 rows, 9 kB", "CRITICAL"),
    ],
)
def test_the_impact_is_what_was_read_for_nothing(answer: str, impact: str) -> None:
    assert findings(LIST.format(answer), ONE)[0].impact == impact


def test_what_was_known_before_is_what_to_ask_by() -> None:
    (finding,) = findings("GET /creator_applications?user_id=eq.207", f"then {ALL}", ONE)
    assert finding.evidence[-1] == "its user_id was known before: an earlier request filters by it"
    assert "async function getCreatorByUserId(userId) {" in finding.fix.supabase_js
    assert finding.fix.sql == "select *\nfrom creators\nwhere user_id = $1;"
    (other,) = findings("GET /creator_applications?user_id=eq.208", f"then {ALL}", ONE)
    assert "getCreatorById(id)" in other.fix.supabase_js


def test_a_column_that_many_rows_share_does_not_find_one() -> None:
    listed = f"GET /videos → 60 rows, ids 1;…;60, creator_ids {';'.join(['9'] * 60)}"
    (finding,) = findings("GET /creators?id=eq.9", f"then {listed}", "then PATCH /videos?id=eq.4")
    assert "getVideoById(id)" in finding.fix.supabase_js


@pytest.mark.parametrize(
    "later",
    [
        (),
        (ONE, "then GET /monthly_tracking?creator_id=eq.8"),
        ("then GET /monthly_tracking?creator_id=in.(1,2,3)",),
        (ONE, "then GET /users?id=in.(201,202)"),
        ("then GET /monthly_tracking?creator_id=eq.700",),
        ("then GET /packages?id=eq.7",),
        ("then GET /videos?month_id=eq.7",),
        ("then GET /monthly_tracking?month=eq.7",),
    ],
)
def test_lists_that_are_shown_or_of_which_several_rows_are_used_are_not(later: tuple[str, ...]) -> None:
    assert not findings(ALL, *later)


def test_what_was_asked_before_the_list_had_ended_does_not_come_from_it() -> None:
    assert not findings(ALL, ONE.removeprefix("then "))


@pytest.mark.parametrize(
    "line",
    [
        "GET /creators?limit=60",
        "GET /creators?offset=0",
        "GET /creators?user_id=eq.1",
        "GET /creators?team_id=in.(1,2)",
        "HEAD /creators",
        "GET /rpc/creators",
    ],
)
def test_pages_and_narrow_reads_are_not(line: str) -> None:
    answer = "60 rows, ids 1;…;60"
    assert not findings(f"{line} → {answer}", ONE)
    assert findings(f"GET /creators?status=eq.active → {answer}", ONE)


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (("GET /creators?limit=250 → 250 rows, ids 1;…;250", ONE), 1),
        (("GET /creators?limit=250&offset=0 → 250 rows, ids 1;…;250", ONE), 1),
        (("GET /creators?limit=199 → 199 rows, ids 1;…;199", ONE), 0),
        (("GET /creators?limit=250&offset=250 → 250 rows, ids 1;…;250", ONE), 0),
        (("GET /creators?id=gt.0&order=id&limit=250 → 250 rows, ids 1;…;250", ONE), 0),
        (("GET /creators?limit=250 → 250 rows", ONE), 0),
        (("GET /creators?limit=250 → 250 rows, ids 1;…;250", ONE, "then GET /monthly_tracking?creator_id=eq.8"), 0),
    ],
    ids=[
        "a list",
        "from its start",
        "short",
        "a later page",
        "a page by the last key",
        "unknown keys",
        "two rows used",
    ],
)
def test_a_limit_that_no_person_reads_to_does_not_make_a_list_a_page(lines: tuple[str, ...], count: int) -> None:
    assert len(findings(*lines)) == count


def test_pages_of_one_list_are_not_however_long() -> None:
    pages = [f"then GET /creators?limit=250&offset={n} → 250 rows, ids 1;…;250" for n in (0, 250, 500)]
    assert not findings(*pages, ONE)


def test_the_fix_of_a_list_with_a_limit_has_none() -> None:
    (finding,) = findings("GET /creators?select=id&order=id&limit=250 → 250 rows, ids 1;…;250", ONE)
    assert finding.title == "The first 250 rows of creators, probably to find one"
    assert "limit" not in finding.fix.sql
    assert ".limit(limit)" not in finding.fix.supabase_js


def test_a_list_between_the_writes_of_a_loop_did_not_find_the_next_row() -> None:
    patches = [f"then PATCH /creators?id=eq.{n}" for n in (5, 6, 7)]
    assert not findings(patches[0].removeprefix("then "), f"then {ALL}", patches[1], f"then {ALL}")
    assert findings(f"{ALL}", patches[1], f"then {ALL}"), "but the row that the loop begins with may be found so"
    assert findings(patches[0].removeprefix("then "), f"then {ALL}", patches[1], "then GET /rushes?creator_id=eq.6")


def test_short_lists_are_not() -> None:
    assert not findings(LIST.format("49 rows"), ONE)
    assert findings(LIST.format("49 rows"), ONE, settings=RuleSettings(list_to_find_one=ListToFindOne(min_rows=49)))


@pytest.mark.parametrize("listed", [ALL, "GET /creators → 2000 rows, 800 kB"], ids=["with keys", "without"])
def test_lists_that_a_person_picks_from_are_not(listed: str) -> None:
    def later(pause: float) -> Trace:
        (seen,) = told([listed, ONE])
        first, used = seen.spans
        return replace(seen, spans=(first, replace(used, start=first.end + pause, end=first.end + pause + 0.01)))

    assert judged(later(0.4))
    assert not judged(later(0.6))
    assert judged(later(0.6), RuleSettings(list_to_find_one=ListToFindOne(max_pause=1.0)))


def test_uuids_are_known_again_whatever_the_columns_are_called() -> None:
    ids = ";".join(UUID.format(n) for n in range(60))
    used = f"then GET /posts?author_id=eq.{UUID.format(7)}"
    assert findings(f"GET /users → 60 rows, ids {ids}", used)
    assert not findings("GET /users → 60 rows, ids 0;…;59", "then GET /posts?author_id=eq.7")


def test_a_uuid_is_a_key_in_a_column_of_any_name() -> None:
    ids = [UUID.format(n) for n in range(60)]
    listed = f"GET /users → 60 rows, ids {';'.join(ids)}"
    assert findings(listed, f"then GET /tasks?assignee=eq.{ids[7]}")
    assert not findings(listed, f"then GET /tasks?assignee=eq.{ids[7]}", f"then GET /tasks?assignee=eq.{ids[8]}")
    used = f"then GET /tasks?assignee=eq.{ids[7]}", f"then GET /tasks?owner=in.({ids[8]},{ids[9]})"
    assert not findings(listed, *used)
    assert not findings("GET /users → 60 rows, ids 0;…;59", "then GET /tasks?assignee=eq.7")


def test_keys_of_other_relations_are_known_by_the_references_to_them() -> None:
    (finding,) = findings("GET /trackings → 60 rows, creator_ids 1;…;60", "then GET /creators?id=eq.7")
    assert "getTrackingByCreatorId(creatorId)" in finding.fix.supabase_js


def test_without_keys_one_new_value_named_after_the_list_is_a_hint() -> None:
    lines = ("GET /creators → 2000 rows, 800 kB", ONE, "then GET /rushes?creator_id=eq.7")
    (finding,) = findings(*lines)
    assert (finding.impact, finding.confidence) == ("CRITICAL", "low")
    assert finding.fix.reason.startswith("No code: the column of creators that finds the row is unknown;")
    assert not finding.fix.supabase_js
    known = replace(RuleSettings().of(RULE), facts=declared("creators", "number,name", "number"))
    (finding,) = detect(told(lines)[0], known)
    assert "getCreatorByNumber(number)" in finding.fix.supabase_js


def test_a_column_that_several_rows_share_does_not_find_one() -> None:
    shared, alone = "7;7;8;" + ";".join(map(str, range(100, 200))), ";".join(map(str, range(300, 403)))
    later = "then GET /teams?owner_id=eq.8", "then GET /owners?owner_id=eq.8"
    (finding,) = findings(f"GET /members → 103 rows, owner_ids {shared}", *later)
    assert "getMemberByOwnerId" in finding.fix.supabase_js
    (finding,) = findings(
        f"GET /members → 103 rows, owner_ids {shared}, team_ids {alone}", "then GET /x?team_id=eq.301"
    )
    assert "getMemberByTeamId" in finding.fix.supabase_js


@pytest.mark.parametrize(
    "others",
    [
        (),
        ("then GET /rushes?creator_id=eq.7", "then GET /rushes?creator_id=eq.8"),
        ("then GET /rushes?creator_id=in.(7,8)",),
        ("then GET /rushes?author_id=eq.7",),
    ],
)
def test_and_nothing_else_is(others: tuple[str, ...]) -> None:
    assert not findings("GET /creators → 2000 rows, 800 kB", *others)


def test_nor_is_a_value_that_was_known_before() -> None:
    assert not findings("GET /rushes?creator_id=eq.7", "then GET /creators → 2000 rows", ONE)


def test_traces_that_are_mixed_or_not_whole_are_not_judged_and_inferred_ones_with_less_confidence() -> None:
    assert not findings(ALL, ONE, mixed=True)
    assert not findings(ALL, ONE, truncated=True)
    assert findings(ALL, ONE, explicit=False)[0].confidence == "low"


def test_two_lists_of_one_kind_are_one_finding() -> None:
    (finding,) = findings(ALL, ONE, f"then {ALL}", "then GET /rushes?creator_id=eq.9")
    assert finding.current.startswith("1 request, 60 rows")
    (finding,) = findings(ALL, f"then {ALL}", ONE)
    assert finding.evidence[0].startswith("118 rows and 49 kB")


@pytest.mark.parametrize("query", ["class=eq.a&or=(a.eq.1)", "select=id,x&data->>k=gt.1&order=x", "a=fts.b&id=gt.0"])
def test_the_fix_is_code_that_parses(query: str) -> None:
    (finding,) = findings(f"GET /creators?{query} → 60 rows, ids 1;…;60", ONE)
    compile(finding.fix.supabase_py, "fix", "exec")
    assert finding.fix.reason or all(sqlglot.parse(finding.fix.sql, dialect="postgres"))


def test_the_key_to_mute_by_does_not_depend_on_values() -> None:
    assert findings(ALL, ONE)[0].key == findings(ALL, ONE.replace("7", "9"))[0].key


def test_the_key_of_a_table_is_named_by_its_singular_or_by_its_last_word() -> None:
    def listed(table: str, key: str, *others: str) -> list[Finding]:
        return findings(f"GET /{table} → 120 rows, ids 1;…;120", f"then GET /bookings?{key}=eq.7", *others)

    for key in ("gym_class_id", "class_id"):
        (finding,) = listed("gym_classes", key)
        assert finding.title == "All 120 rows of gym_classes, probably to find one"
        assert "getGymClassById(id)" in finding.fix.supabase_js
    for table, key in (
        ("statuses", "status_id"),
        ("companies", "company_id"),
        ("boxes", "box_id"),
        ("news", "news_id"),
    ):
        assert listed(table, key), table
    assert not listed("gym_classes", "gym_id")
    assert not listed("gym_classes", "class_id", "then GET /classes?select=name")
    assert not listed("gym_classes", "class_id", "then GET /bookings?class_id=eq.8")


@pytest.mark.parametrize("table", ["statuses", "gym_classes", "addresses", "companies"])
def test_without_keys_the_whole_name_of_the_key_is_a_hint(table: str) -> None:
    key = {"statuses": "status_id", "gym_classes": "gym_class_id", "addresses": "address_id"}.get(table, "company_id")
    assert findings(f"GET /{table} → 2000 rows, 800 kB", f"then GET /bookings?{key}=eq.7")
    assert not findings("GET /gym_classes → 2000 rows, 800 kB", "then GET /bookings?class_id=eq.7")


@pytest.mark.parametrize(
    ("before", "later", "found"),
    [
        ("GET /profiles?user_id=eq.207", "then GET /badges?user_id=eq.207", False),
        ("GET /users?id=eq.207", "then GET /badges?user_id=eq.207", False),
        ("GET /profiles?plan_id=eq.207", "then GET /badges?user_id=eq.207", True),  # a plan of that number
        ("GET /profiles?user_id=eq.208", "then GET /badges?user_id=eq.207", True),
        ("GET /users?id=eq.207", "then GET /badges?creator_id=eq.7", True),
    ],
)
def test_a_value_that_was_known_before_the_list_was_not_found_in_it(before: str, later: str, found: bool) -> None:
    assert bool(findings(before, f"then {ALL}", later)) is found


def test_a_uuid_that_was_known_before_is_not_whatever_its_columns_are_called() -> None:
    listed = f"GET /users → 60 rows, ids {';'.join(UUID.format(n) for n in range(60))}"
    later = f"then GET /badges?owner=eq.{UUID.format(7)}"
    assert findings(listed, later)
    assert not findings(f"GET /sessions?user_id=eq.{UUID.format(7)}", f"then {listed}", later)


def test_no_code_finds_a_row_by_a_column_that_is_not_unique() -> None:
    (seen,) = told(["GET /entries → 60 rows, order_ids 1;…;60, product_ids 201;…;260", "then GET /products?id=eq.207"])
    context = RuleSettings().of(RULE)
    composite = replace(context, facts=declared("entries", "order_id,product_id", "order_id", "product_id"))
    (finding,) = detect(seen, composite)
    assert "the column of entries that finds the row is unknown" in finding.fix.reason
    unique = replace(context, facts=declared("entries", "order_id,product_id", "order_id", unique="product_id"))
    (finding,) = detect(seen, unique)
    assert "getEntryBy" in finding.fix.supabase_js
