from __future__ import annotations

from msgspec.structs import replace

from proxy.audit.report import ObservedLoad, ReportedFinding
from proxy.audit.traced import traced
from proxy.findings.model import DatabaseObject, Finding, IndexShape, PlannedStatement
from proxy.schema.relation import Index, IndexKey, Relation, TableStats
from proxy.schema.snapshot import Database, Server
from tests.check.factories import finding

INDEX = Index("public", "t's", "i", "btree", (IndexKey("a", "a"),), size=16384, scans=7)
TABLE = Relation(schema="public", name="t's", kind="r", rows=50, pages=4, indexes=(INDEX,), stats=TableStats(dead=2000))
DATABASE = Database(relations=(TABLE,), server=Server(max_connections=97))
STATEMENTS = ("server", "relations", "indexes", "table_stats", "index_stats")
FIGURES = (
    "indexes.size = 16384, index_stats.scans = 7, table_stats.dead = 2000, relations.rows = 50, relations.pages = 4"
)
ABOUT = DatabaseObject("index", "public", "i", "t's")


def sources(**fields: object) -> list[tuple[str, str, str]]:
    plain = {"title": "", "problem": "", "current": "", "evidence": (), "statements": STATEMENTS}
    found: Finding = replace(finding("t", "FAN042"), object=ABOUT, **{**plain, **fields})
    load = ObservedLoad(20, 0, 0, 0, 0, (), ())
    reported = ReportedFinding(found.key, 1, 1, True, True, "", "", found, load)
    return [(each.number, each.source, each.where) for each in traced(reported, DATABASE)]


def test_a_number_has_the_statement_the_column_and_the_row_that_it_is_from() -> None:
    row = "oid = '\"public\".\"t''s\"'::regclass"
    assert sources(current="2000 dead of 2,050") == [
        ("2000", "table_stats.dead", row),
        ("2,050", f"computed by FAN042 from {FIGURES}", ""),
    ]
    assert sources(current="about 50 rows, 33 kB")[1] == ("33 kB", "relations.pages, times 8192", row)


def test_the_object_itself_comes_first_and_the_server_last() -> None:
    at = "schema = 'public' and name = 'i'"
    assert sources(title="16 kB, read 7 times") == [
        ("16 kB", "indexes.size", at),
        ("7", "index_stats.scans", at),
    ]
    assert sources(title="97 connections") == [("97", "server.max_connections", "")]


def test_requests_are_the_source_of_their_number() -> None:
    assert sources(title="20 requests") == [("20", "the observed requests", "")]


def test_digits_of_names_and_constants_of_sql_are_no_numbers_of_the_report() -> None:
    assert sources(title="t1 has int4 and a-9", evidence=("CREATE INDEX i ON t (a) WHERE n > 5", "USING (1 = 1)")) == []


def test_numbers_of_a_plan_are_from_its_statement_and_not_from_a_column_with_the_same_value() -> None:
    head = "GET t?a=eq.?, value: median, as anon"
    planned = (PlannedStatement(head, "SELECT 1"),)
    evidence = (f"{head}: gain 50 %", "before: Seq Scan (50 rows)", "after: Index Scan (7 rows)", "built in 3 ms, 1 MB")
    shape = IndexShape("public", "t's", "btree", ("a",))
    queries, current = ("GET t?a=eq.?",), "20 calls, 50 ms in total"
    found = sources(evidence=evidence, planned=planned, current=current, queries=queries, index=shape)
    traffic = "the observed requests: number of calls and sum of their times, over GET t?a=eq.?"
    assert [(number, source) for number, source, _ in found] == [
        ("20", traffic),
        ("50", traffic),
        ("50", "1 - after / before of plan 1: the times if it was run, else the costs"),
        ("50", "plan 1, without the index i"),
        ("7", "plan 1, with the index i"),
        ("3", "the time of CREATE INDEX of i in the trial, and its pg_relation_size()"),
        ("1 MB", "the time of CREATE INDEX of i in the trial, and its pg_relation_size()"),
    ]
