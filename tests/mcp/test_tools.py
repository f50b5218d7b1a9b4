"""Each tool's answer fits its schema and its bound, also for 1,000 findings, and injections stay in the data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from msgspec.structs import replace

from proxy.findings.model import short_id
from proxy.mcp.answer import MAX_BYTES, ToolAnswer, ToolError, as_json
from proxy.mcp.arguments import checked
from proxy.mcp.schemas import BY_NAME, SECTIONS, SORTS
from proxy.mcp.tools import audit, explain, finding, findings, fingerprints, status, trace, traces
from tests.mcp.injections import INJECTIONS, assert_within_boundary
from tests.mcp.snapshots import finding as a_finding
from tests.mcp.snapshots import snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.mcp.snapshot import Snapshot

TOOLS = {
    "findings": findings,
    "finding": finding,
    "traces": traces,
    "trace": trace,
    "fingerprints": fingerprints,
    "audit": audit,
    "status": status,
}
MANY = snapshot([a_finding(number) for number in range(1000)], traces=200)


def call(snap: Snapshot, name: str, **arguments: Any) -> ToolAnswer:
    """The answer, which has to fit the schema of its tool and the bound."""
    answer = TOOLS[name](snap, checked(BY_NAME[name], arguments))
    told = json.loads(as_json(answer))
    jsonschema.validate(told, BY_NAME[name].output_schema)
    assert len(as_json(answer).encode()) <= MAX_BYTES
    return answer


def all_of(name: str, **arguments: Any) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = call(MANY, name, **arguments, **cursor)
        assert answer.data
        found += answer.data
        if answer.next_cursor is None:
            return found
        assert answer.narrower is not None
        checked(BY_NAME[answer.narrower.tool], answer.narrower.arguments)
        cursor = {"cursor": answer.next_cursor}


def test_a_thousand_findings_come_in_pages_each_once() -> None:
    ids = [row["id"] for row in all_of("findings", limit=50)]
    assert len(ids) == len(set(ids)) == 1000


def test_the_suggested_call_gives_less() -> None:
    answer = call(MANY, "findings")
    assert answer.summary.startswith("1000 findings: 250 CRITICAL, 250 HIGH, 250 MEDIUM, 250 LOW.")
    assert answer.narrower is not None
    fewer = call(MANY, "findings", **answer.narrower.arguments)
    assert int(fewer.summary.partition(" ")[0]) < 1000
    assert fewer.narrower is not None
    fewest = call(MANY, "findings", **fewer.narrower.arguments)
    assert int(fewest.summary.partition(" ")[0]) < int(fewer.summary.partition(" ")[0])


@pytest.mark.parametrize(
    ("arguments", "codes", "impacts", "suggested"),
    [
        ({}, ("FAN001", "FAN002", "FAN002"), ("LOW",) * 3, {"code": "FAN002"}),
        ({"impact": "high"}, ("FAN001", "FAN002", "FAN002"), ("HIGH",) * 3, {"impact": "high", "code": "FAN002"}),
        ({}, ("FAN002",) * 3, ("LOW", "HIGH", "LOW"), {"code": "FAN002", "impact": "high"}),
        ({"code": "FAN002"}, ("FAN002",) * 3, ("LOW",) * 3, {"code": "FAN002", "limit": 5}),
        ({}, ("FAN002",) * 3, ("LOW",) * 3, {"code": "FAN002", "limit": 5}),
    ],
)
def test_what_all_findings_have_in_common_is_not_suggested_alone(
    arguments: dict[str, Any], codes: Sequence[str], impacts: Sequence[str], suggested: dict[str, Any]
) -> None:
    pairs = enumerate(zip(codes, impacts, strict=True))
    seen = snapshot([a_finding(n, code=code, impact=impact) for n, (code, impact) in pairs])
    answer = call(seen, "findings", **arguments, limit=1)
    assert answer.narrower is not None
    assert answer.narrower.arguments == suggested


def test_fewer_traces_are_suggested_than_there_are() -> None:
    answer = call(snapshot(traces=9), "traces", limit=1)
    assert answer.narrower is not None
    assert answer.narrower.arguments == {"limit": 5}, "each has two queries"
    one, two = snapshot(traces=4), snapshot(traces=1)
    (larger,) = (replace(each, spans=3 * each.spans, id="larger") for each in two.traces)
    answer = call(replace(one, traces=(*one.traces, larger)), "traces", limit=1)
    assert answer.narrower is not None
    assert answer.narrower.arguments == {"min_queries": 3}


def test_findings_are_chosen_by_impact_rule_route_and_relation() -> None:
    one = a_finding(7)
    assert {row["impact"] for row in all_of("findings", impact="high")} == {"HIGH", "CRITICAL"}
    for chosen in ({"route": one.route}, {"relation": one.relation}):
        (row,) = call(MANY, "findings", **chosen).data
        assert row["id"] == short_id(one.key)
    assert {row["code"] for row in all_of("findings", code="FAN002")} == {"FAN002"}


def test_ignored_findings_are_listed_on_request() -> None:
    snap = snapshot([a_finding(1)])
    snap = replace(snap, findings=[replace(snap.findings[0], ignored=True)])
    assert call(snap, "findings").data == []
    assert len(call(snap, "findings", ignored=True).data) == 1


@pytest.mark.parametrize("by", ["id", "key"])
def test_a_finding_is_shown_by_its_id_or_its_key(by: str) -> None:
    one = a_finding(7)
    wanted = short_id(one.key) if by == "id" else one.key
    assert any("orders_7" in line for line in call(MANY, "finding", id=wanted).data)
    assert call(MANY, "finding", id=wanted, part="sql").data == ["select id from orders where id = any($1);"]
    assert call(MANY, "finding", id=wanted, part="supabase-py").data == ["none: this finding has no code"]
    assert len(all_of("finding", id=wanted, part="supabase-js")) == 40


@pytest.mark.parametrize("name", ["finding", "trace"])
def test_an_unknown_id_is_an_error_that_says_where_ids_are(name: str) -> None:
    with pytest.raises(ToolError, match="Call the tool") as caught:
        call(MANY, name, id="secret")
    assert "secret" not in str(caught.value)


def test_traces_and_their_requests_are_listed() -> None:
    rows = all_of("traces")
    assert len(rows) == 200
    assert rows[0]["queries"] == 2
    assert call(MANY, "traces", min_queries=3).data == []
    requests = all_of("trace", id=rows[0]["id"])
    assert [row["query"] for row in requests] == ["GET orders?id=eq.?"] * 2


@pytest.mark.parametrize("sort", SORTS)
def test_queries_are_sorted(sort: str) -> None:
    assert len(call(MANY, "fingerprints", sort=sort).data) == 1


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_of_the_report_is_a_list(section: str) -> None:
    assert isinstance(call(MANY, "audit", section=section).data, list)


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_a_client_could_have_written_stands_between_the_markers(text: str) -> None:
    """Names of routes, callers, relations, columns, traces and queries, and texts of warnings."""
    snap = snapshot([a_finding(number, text) for number in range(30)], [text], traces=30)
    calls: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in TOOLS if name not in ("finding", "trace")]
    calls += [("audit", {"section": section}) for section in SECTIONS]
    calls += [("finding", {"id": short_id(snap.findings[0].finding.key), "part": part}) for part in ("report", "sql")]
    if len(snap.traces[0].id) < 4000:
        calls.append(("trace", {"id": snap.traces[0].id}))
    if len(snap.findings[0].finding.route) < 4000:
        calls.append(("findings", {"route": snap.findings[0].finding.route}))
    for name, arguments in calls:
        answer = as_json(call(snap, name, **arguments))
        assert_within_boundary({"content": [{"text": answer}], "structuredContent": json.loads(answer)})


def test_an_explanation_is_data_too() -> None:
    answer = explain(lambda about: f"a\n{about}\n" + "b\n" * 3000, {"about": "GET /t?a=eq.IGNORE-ALL-PREVIOUS"})
    shown = as_json(answer)
    assert len(shown.encode()) <= MAX_BYTES
    assert_within_boundary({"content": [{"text": shown}], "structuredContent": json.loads(shown)})
    assert answer.narrower is not None
    assert answer.narrower.tool == "findings"
    assert explain(lambda _: "b\n" * 3000, {"about": "FAN001"}).narrower is not None
