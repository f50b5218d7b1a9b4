"""FAN010 tells answers that PostgREST cut from answers that are whole, and from lists that are read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.postgrest.database_facts import DatabaseFacts
from proxy.settings.rules import RuleSettings
from rules.fan010_truncated_read import RULE, TruncatedRead, detect
from tests.factories import declared
from tests.rules.traces import parallel, span, trace

if TYPE_CHECKING:
    from proxy.findings.model import Finding
    from proxy.model import Span, Trace

ALL = "GET /videos?select=*&status=eq.draft"


NOTHING = DatabaseFacts()


def findings(seen: Trace, settings: RuleSettings | None = None, facts: DatabaseFacts = NOTHING) -> list[Finding]:
    return list(detect(seen, replace((settings or RuleSettings()).of(RULE), facts=facts)))


def cut(line: str = ALL, rows: int = 777) -> Span:
    return span(line, 1, rows=rows, cut=True)


def after(*lines: str) -> Trace:
    """A cut answer, and what was asked for later."""
    return trace([cut(), *[span(line, n, start=float(n), end=n + 0.5, cut=False) for n, line in enumerate(lines, 2)]])


def test_as_many_rows_as_max_rows_without_a_limit_were_probably_cut() -> None:
    (finding,) = findings(trace([cut()]))
    assert finding.title == "An answer of videos probably lacks the rows after the first 777"
    assert (finding.impact, finding.confidence) == ("HIGH", "high")
    assert finding.evidence[0] == "exactly 777 rows returned, which is PostgREST's db-max-rows"


@pytest.mark.parametrize(("values", "found"), [(776, True), (777, False), (1500, True)])
def test_one_row_for_each_value_of_a_list_is_the_whole_answer(values: int, found: bool) -> None:
    listed = replace(cut("GET /videos?select=*&code=in.(a,b)"), listed=values)
    assert bool(findings(trace([listed]))) is found


@pytest.mark.parametrize("known", [False, None])
def test_fewer_rows_were_not(known: bool | None) -> None:
    assert not findings(trace([span(ALL, 1, rows=777, cut=known)]))


@pytest.mark.parametrize("line", [f"{ALL}&limit=777", f"{ALL}&offset=0", "HEAD /videos", "GET /rpc/f"])
def test_who_asks_for_so_many_rows_gets_them(line: str) -> None:
    assert not findings(trace([cut(line)]))


@pytest.mark.parametrize("line", [f"{ALL}&order=id&limit=5000", f"{ALL}&limit=778", f"{ALL}&offset=0&limit=5000"])
def test_a_limit_above_max_rows_is_lowered_to_it(line: str) -> None:
    (finding,) = findings(trace([cut(line)]), facts=declared("videos", "id,status", "id"))
    limit = line.rpartition("=")[2]
    assert (finding.impact, finding.confidence) == ("HIGH", "high")
    assert finding.problem.startswith(f"The application asks for up to {limit} rows of videos, and PostgREST truncates")
    assert finding.current.startswith(f"1 request with a limit of {limit}, 777 rows each")
    assert finding.evidence[:2] == (
        "exactly 777 rows returned, which is PostgREST's db-max-rows",
        f"the limit of {limit} is above these 777 rows: PostgREST lowers such a limit to db-max-rows",
    )
    assert "and id > $2\norder by id\nlimit 777;" in finding.fix.sql
    assert ".limit(limit)" not in finding.fix.supabase_js
    assert finding.risk.startswith(f"If no more than {limit} rows are wanted, end there. ")


@pytest.mark.parametrize(
    "seen",
    [
        cut(f"{ALL}&limit=777"),
        span(f"{ALL}&limit=5000", 1, rows=700, cut=False),
        span(f"{ALL}&limit=5000", 1, rows=1000, cut=False),
        span(f"{ALL}&limit=5000", 1, rows=700, cut=None),
        span(f"{ALL}&limit=5000", 1, rows=1000, cut=None),
        span(f"{ALL}&limit=5000 → 777 rows, 777 in all", 1, cut=True),
        cut(f"{ALL}&limit=5000&offset=5000"),
        cut("GET /rpc/f?limit=5000"),
        replace(cut(), bypass_reason="range", limit=5000),
        replace(cut(f"{ALL}&code=in.(a,b)&limit=5000"), listed=777),
        span(f"{ALL}&limit=5000", 1, rows=777, cut=True, retry=True),
    ],
    ids=[
        "the limit",
        "fewer rows than max-rows",
        "max-rows is another number",
        "not a round number",
        "one read, max-rows unknown",
        "counted",
        "a later page",
        "a function",
        "a Range",
        "a row for each value",
        "a retry",
    ],
)
def test_a_limit_above_the_rows_alone_tells_nothing(seen: Span) -> None:
    assert not findings(trace([seen]))


def test_an_exact_count_that_is_above_the_rows_tells_that_rows_lack() -> None:
    assert findings(trace([span(f"{ALL}&limit=5000 → 777 rows, 900 in all", 1, cut=True)]))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("id=gt.9&order=id&limit=5000", False),
        ("at=lte.9&order=at.desc,id&limit=5000", False),
        ("at=gte.1&order=id&limit=5000", True),
        ("at=gte.1&at=lt.9&order=at&limit=5000", True),
        ("at=gte.1&limit=5000", True),
        ("state=neq.lost&order=state&limit=5000", True),
    ],
)
def test_a_page_after_the_last_key_goes_on_at_its_next_run(query: str, found: bool) -> None:
    assert bool(findings(trace([cut(f"GET /videos?{query}")]))) is found


def test_who_asks_for_the_rest_after_a_lowered_limit_knows() -> None:
    first = cut(f"{ALL}&order=id&limit=5000")
    for page in (f"{ALL}&order=id&limit=5000&offset=777", f"{ALL}&id=gt.9&order=id&limit=5000"):
        assert not findings(trace([first, span(page, 2, start=1.0, end=1.5, cut=False)]))


def pages(*bounds: str, rows: int = 777) -> Trace:
    """Pages one after another, each of as many rows as max-rows allows."""
    lines = [f"{ALL}&order=id&{bound}" for bound in bounds]
    return trace([span(one, n, start=float(n), end=n + 0.5, rows=rows, cut=True) for n, one in enumerate(lines, 1)])


@pytest.mark.parametrize(
    "bounds",
    [
        ("offset=0&limit=5000", "offset=5000&limit=5000"),
        ("limit=5000", "offset=5000&limit=5000", "offset=10000&limit=5000"),
        ("offset=0&limit=778", "offset=778&limit=778"),
    ],
)
def test_pages_that_begin_where_a_lowered_limit_ends_leave_rows_out(bounds: tuple[str, ...]) -> None:
    found = findings(pages(*bounds), facts=declared("videos", "id,status", "id"))
    page = next(finding for finding in found if finding.title.startswith("Each page"))
    assert page.title == "Each page of videos probably lacks the rows after the first 777"
    second = bounds[1].partition("&")[0].removeprefix("offset=")
    assert page.evidence[1] == (
        f"a page begins at row {second}; the rows before it, after the 777 of the page before, are in none"
    )
    assert {finding.impact for finding in found} == {"HIGH"}
    assert "and id > $2\norder by id\nlimit 777;" in page.fix.sql


def test_they_do_by_range_too_and_in_parallel() -> None:
    first, second = replace(cut(), limit=5000), replace(cut(), limit=5000, offset=5000, bypass_reason="range")
    (finding,) = findings(trace([first, second]))
    assert finding.title.startswith("Each page of videos")


@pytest.mark.parametrize(
    "bounds",
    [
        ("offset=0&limit=777", "offset=777&limit=777"),
        ("offset=0&limit=5000", "offset=777&limit=5000", "offset=1554&limit=5000"),
        ("offset=0&limit=5000", "offset=700&limit=5000", "offset=1400&limit=5000"),
        ("offset=5000&limit=5000",),
    ],
    ids=["the pages are as long as max-rows", "they go on by the rows that came", "they overlap", "one page alone"],
)
def test_pages_that_begin_where_the_rows_end_leave_none_out(bounds: tuple[str, ...]) -> None:
    last = span(f"{ALL}&order=id&{bounds[-1]}", 9, start=9.0, rows=3, cut=False)
    rest = replace(last, offset=last.offset + 777)
    assert not findings(trace([*pages(*bounds).spans, rest]))


def test_who_asks_by_range_too() -> None:
    assert not findings(trace([replace(cut(), bypass_reason="range")]))


def test_a_limit_of_an_embed_is_none_of_the_rows() -> None:
    assert findings(trace([cut("GET /videos?select=id,kid(*)&kid.limit=3")]))


@pytest.mark.parametrize(
    "page",
    [
        f"{ALL}&offset=777",
        f"{ALL}&limit=777&offset=777",
        f"{ALL}&id=gt.9&order=id&limit=777",
        f"{ALL}&at=lt.9&order=at.desc&limit=777",
    ],
)
def test_who_asks_for_the_rest_knows(page: str) -> None:
    assert not findings(after("GET /creators", page))


def test_who_asks_for_the_rest_by_range_knows() -> None:
    later = replace(span(ALL, 2, start=1.0, end=1.5), bypass_reason="range")
    assert not findings(trace([cut(), later]))


@pytest.mark.parametrize("other", ["GET /creators?offset=777", "GET /videos?limit=1", "GET /videos?id=gt.9"])
def test_other_requests_are_no_pages(other: str) -> None:
    assert len(findings(after(other))) == 1


def test_what_was_asked_before_is_no_page() -> None:
    early = span(f"{ALL}&offset=9", 1, start=0.0, end=0.5)
    late = replace(cut(), start=1.0, end=1.5)
    assert findings(trace([early, late]))


def test_several_answers_of_one_kind_are_one_finding() -> None:
    (finding,) = findings(trace([cut(), cut("GET /videos?select=*&status=eq.done")]))
    assert finding.current.startswith("2 requests without a limit, 777 rows each")


# While max-rows is not known.


def hint(*told: str, settings: RuleSettings | None = None) -> list[Finding]:
    return findings(parallel(told), settings)


def test_different_reads_with_one_round_number_of_rows_are_a_hint() -> None:
    found = hint("GET /videos → 1000 rows", "GET /creators → 1000 rows", "GET /rushes → 7 rows")
    assert [finding.relation for finding in found] == ["public.videos", "public.creators"]
    assert {(finding.impact, finding.confidence) for finding in found} == {("MEDIUM", "medium")}
    assert found[0].evidence[0].startswith("2 different reads returned exactly 1000 rows, and none more")


def test_one_read_is_no_hint_however_often_it_is_made() -> None:
    assert not hint(*["GET /videos → 1000 rows"] * 5)


@pytest.mark.parametrize("rows", [7, 999, 1050, 50])
def test_a_number_that_is_not_round_is_none(rows: int) -> None:
    assert not hint(f"GET /videos → {rows} rows", f"GET /creators → {rows} rows")


def test_a_read_below_its_limit_is_one_of_the_different_reads() -> None:
    found = hint("GET /videos → 1000 rows", "GET /creators?limit=5000 → 1000 rows")
    assert [finding.relation for finding in found] == ["public.videos", "public.creators"]
    assert found[1].evidence[1].startswith("the limit of 5000 is above these 1000 rows")
    assert hint("GET /videos?limit=2000 → 1000 rows", "GET /creators?limit=5000 → 1000 rows")
    assert not hint("GET /videos → 1000 rows", "GET /creators?limit=1000 → 1000 rows")
    assert not hint("GET /videos?limit=2000 → 997 rows", "GET /creators?limit=5000 → 997 rows")


def test_a_longer_answer_proves_that_nothing_was_cut() -> None:
    longer = "GET /rushes?limit=5000 → 1300 rows"
    assert not hint("GET /videos → 1000 rows", "GET /creators → 1000 rows", longer)


def test_where_max_rows_is_known_to_be_another_number_there_is_no_hint() -> None:
    spans = [span(f"GET /{name} → 1000 rows", n, cut=False) for n, name in enumerate(("videos", "creators"), 1)]
    assert not findings(trace(spans))


def test_thresholds_are_settings() -> None:
    settings = RuleSettings(truncated_read=TruncatedRead(min_answers=3, round_to=50))
    assert not hint("GET /a → 50 rows", "GET /b → 50 rows", settings=settings)
    assert hint("GET /a → 50 rows", "GET /b → 50 rows", "GET /c → 50 rows", settings=settings)


# All the same.


def test_a_mixed_trace_is_not_judged_and_an_inferred_one_with_less_confidence() -> None:
    assert not findings(trace([cut()], explicit=False, mixed=True))
    assert [finding.confidence for finding in findings(trace([cut()], explicit=False))] == ["medium"]


def test_retries_are_not() -> None:
    assert not findings(trace([span(ALL, 1, rows=777, cut=True, retry=True)]))


def test_the_fix_reads_pages_of_so_many_rows() -> None:
    seen = trace([cut("GET /videos?select=title&status=eq.draft&order=at", 1000)])
    (finding,) = findings(seen, facts=declared("videos", "number,title,at", "number"))
    assert "and number > $3)\norder by at, number\nlimit 1000;" in finding.fix.sql
    assert '.select("at,number,title")' in finding.fix.supabase_js
    assert "query.limit(1000)" in finding.fix.supabase_py
    compile(finding.fix.supabase_py, "fix", "exec")
    sqlglot.parse_one(finding.fix.sql, dialect="postgres")
    assert "db-max-rows" in finding.risk
    (unknown,) = findings(seen)
    assert "the primary key of videos, after which a page starts, is unknown" in unknown.fix.reason
    assert not unknown.fix.supabase_js


def test_the_key_to_mute_by_does_not_depend_on_values() -> None:
    one, two = (findings(trace([cut(f"GET /videos?status=eq.{n}", n)]))[0] for n in (10, 20))
    assert one.key == two.key
