"""FAN005 tells a list that is too long for upstream from every other long or failed request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlglot

from proxy.model import Outcome
from proxy.settings.rules import RuleSettings
from rules.fan005_oversized_in_list import RULE, OversizedInList, detect
from tests.rules.traces import parallel, trace

if TYPE_CHECKING:
    from proxy.findings.model import Finding
    from proxy.model import Span, Trace

LONG = "GET /videos?select=*&status=eq.new&id=in.(10001,10002,…,30000)"
UUIDS = ",".join(f"{n:08x}-0000-4000-8000-000000000000" for n in range(1400))


def findings(seen: Trace, settings: RuleSettings | None = None) -> list[Finding]:
    return list(detect(seen, (settings or RuleSettings()).of(RULE)))


def changed(line: str, **changes: object) -> Trace:
    return trace([msgspec.structs.replace(span, **changes) for span in spans(line)])


def spans(*lines: str) -> tuple[Span, ...]:
    return parallel(lines).spans


def test_a_list_that_upstream_refused_is_found_and_one_that_everybody_takes_is_not() -> None:
    (finding,) = findings(parallel([LONG]))
    assert finding.impact == "HIGH"
    assert finding.title == "20000 values of id in one URL of videos"
    assert finding.evidence[1] == "upstream answered 400"
    assert not findings(parallel([LONG.replace("30000", "12000")]))


def test_a_list_that_was_cut_is_found_too() -> None:
    (finding,) = findings(changed(LONG, status=200, outcome=Outcome.CHUNKED, parts=4))
    assert finding.impact == "MEDIUM"
    assert finding.current == "1 request, 0 refused, the others answered in 4 parts"


def test_a_list_that_upstream_took_is_found_if_its_echo_is_more_than_nodes_client_takes() -> None:
    taken = parallel([LONG.replace("30000", "18000")])
    (finding,) = findings(taken)
    assert (finding.impact, finding.confidence) == ("MEDIUM", "medium")
    assert finding.current == "1 request, 0 refused, 1 answered with the list in Content-Location"
    assert finding.evidence[-1].startswith("upstream answered, and repeated the list in Content-Location")
    assert not findings(taken, RuleSettings(oversized_in_list=OversizedInList(answer_head_bytes=50_000)))


def test_a_refused_list_and_one_that_was_taken_are_one_finding_as_bad_as_the_worse() -> None:
    (finding,) = findings(parallel([LONG, LONG.replace("30000", "18000")]))
    assert (finding.impact, finding.confidence) == ("HIGH", "high")
    assert finding.current == "2 requests, 1 refused, 1 answered with the list in Content-Location"


@pytest.mark.parametrize("status", [414, 431])
def test_a_gateways_own_limit_counts_at_any_length(status: int) -> None:
    line = LONG.replace("30000", "12000")
    assert findings(changed(line, status=status))
    assert not findings(changed(line, status=400))


@pytest.mark.parametrize("status", [401, 404, 500, 0])
def test_other_answers_say_nothing_of_the_length(status: int) -> None:
    assert not findings(changed(LONG, status=status))


@pytest.mark.parametrize(
    "line",
    [
        "GET /videos?or=(id.in.(10001,10002,…,30000))",
        "GET /videos?id=not.in.(10001,10002,…,30000)",
        "GET /rpc/videos?id=in.(10001,10002,…,30000)",
        "DELETE /videos?id=in.(10001,10002,…,30000)",
        "GET /videos?select=" + "a" * 60_000,
    ],
)
def test_what_is_long_otherwise_is_not(line: str) -> None:
    assert parallel([line]).spans[0].status == 400
    assert not findings(parallel([line]))


def test_the_size_that_upstream_takes_is_a_setting() -> None:
    line = LONG.replace("30000", "13000")
    small = RuleSettings(oversized_in_list=OversizedInList(head_bytes=8000))
    assert findings(changed(line, status=400), small)
    assert not findings(changed(line, status=400))


def test_one_query_is_one_finding_by_its_largest_list() -> None:
    (finding,) = findings(parallel([LONG, LONG.replace("30000", "40000")]))
    assert finding.title.startswith("30000 values")
    assert finding.current == "2 requests, 2 refused"
    assert len(findings(parallel([LONG, LONG.replace("videos", "rushes")]))) == 2


def test_what_a_rewrite_would_take_is_told_where_there_is_none() -> None:
    assert "'rewrite' answers the request as it is, in about 3 parts." in findings(parallel([LONG]))[0].expected
    assert "rewrite" not in findings(parallel([LONG]), RuleSettings(fan005="rewrite"))[0].expected


@pytest.mark.parametrize("comma", [",", "%2C"])
def test_the_fix_is_code_with_the_querys_own_names_and_types(comma: str) -> None:
    (finding,) = findings(parallel([f"GET /videos?select=id&id=in.({UUIDS.replace(',', comma)})&order=id.desc"]))
    assert "create function list_videos_by_ids(keys jsonb) returns setof videos" in finding.fix.sql
    assert '.order("id", { ascending: false })' in finding.fix.supabase_js
    compile(finding.fix.supabase_py, "fix", "exec")
    (plain,) = findings(parallel([f"GET /videos?select=id&id=in.({UUIDS.replace(',', comma)})"]))
    assert plain.fix.sql == "select id\nfrom videos\nwhere id = ANY($1);"
    assert "chunks.push(unique.slice(at, at + 200))" in plain.fix.supabase_js
    sqlglot.parse_one(plain.fix.sql, dialect="postgres")


def test_no_value_is_in_the_finding() -> None:
    text = str(findings(parallel([LONG])))
    assert "10001" not in text
    assert "29999" not in text
