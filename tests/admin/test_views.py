"""A trace as JSON: what became of each request, the calls behind them, why the rest were not merged; and no values."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from proxy.admin.views import RELATIONS, detail_of, summary_of
from proxy.errors.codes import BYPASS_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.model import Outcome, Span
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.settings.rules import RuleSettings
from proxy.traces.store import StoredTrace
from rules.fan001_n_plus_one_read import RULE, detect
from tests.hostile_inputs import HOSTILE_NAMES
from tests.rules.traces import parallel, span, trace

ORIGIN = "http://127.0.0.1:8000"


def shown(spans: list[Span], **changes: Any) -> dict[str, Any]:
    """The detail of a trace of these spans, as a browser has it."""
    seen = replace(trace(spans), **changes)
    entry = StoredTrace(3, seen, tuple(detect(seen, RuleSettings().of(RULE))), 1000.0)
    names = ConfirmedNames()
    names.learn(seen.spans)
    made = json.loads(msgspec.json.encode(detail_of(entry, names, ORIGIN + "/rest/v1", ORIGIN)))
    assert isinstance(made, dict)
    return made


def merged(count: int) -> list[Span]:
    made = [span(f"GET /creators?id=eq.{n}", n + 1, start=0.001 * n, end=0.05) for n in range(count)]
    return [replace(one, call=9, shared=count, outcome=Outcome.MERGED, upstream=0.03) for one in made]


def test_requests_that_shared_a_call_name_it_and_it_ends_with_the_first_of_them() -> None:
    view = shown(merged(6))
    assert [one["call"] for one in view["spans"]] == [9] * 6
    assert view["calls"] == [{"call": 9, "start": 20.0, "ms": 30.0, "parts": 1, "spans": [1, 2, 3, 4, 5, 6]}]
    summary = view["summary"]
    assert (summary["queries"], summary["calls"], summary["saved"]) == (6, 1, 5)
    assert summary["outcomes"] == {"merged": 6}
    assert summary["findings"] == [{"code": "FAN001", "impact": "HIGH"}]
    assert view["findings"][0]["finding"]["fix"]["sql"].startswith("select")
    assert view["findings"][0]["key"].startswith("FAN001:public.creators:")


def test_what_was_not_merged_says_why_and_what_to_do() -> None:
    reasons = ["offset", "offset", "no-key"]
    spans = [replace(span("GET /t?a=gt.1", n + 1), bypass_reason=reason) for n, reason in enumerate(reasons)]
    assert shown(spans)["reasons"] == [
        {"reason": reason, "count": count, "why": BYPASS_REASONS[reason], "remedy": BYPASS_REMEDIES[reason]}
        for reason, count in (("offset", 2), ("no-key", 1))
    ]


def test_code_to_copy_is_there_once_a_fingerprint_and_has_no_values() -> None:
    view = shown(merged(6))
    assert list(view["code"]) == ["GET creators?id=eq.?"]
    (code,) = view["code"].values()
    assert code["curl"].startswith("curl -g 'http://127.0.0.1:8000/rest/v1/creators?id=eq.'\"$id\"")
    assert '.eq("id", id)' in code["supabase_js"]
    assert "target" not in view["spans"][0]
    assert "curl" not in view["spans"][0]


def test_values_are_there_where_the_span_has_them() -> None:
    (one,) = shown([replace(span("GET /t?a=eq.7", 1), target="/rest/v1/t?a=eq.7")])["spans"]
    assert one["target"] == "/rest/v1/t?a=eq.7"
    assert f"'{ORIGIN}/rest/v1/t?a=eq.7'" in one["curl"]


def test_a_name_that_upstream_has_not_taken_is_not_shown() -> None:
    refused = [replace(span(f"GET /sesame?id=eq.{n}", n + 1), status=404) for n in range(6)]
    view = shown(refused)
    assert {one["fingerprint"] for one in view["spans"]} == {"GET …"}
    assert view["summary"]["relations"] == ["…"]
    assert (view["findings"], view["summary"]["findings"], view["code"]) == ([], [], {})
    assert "sesame" not in json.dumps(view)


def test_outside_the_mount_there_is_nothing_to_copy() -> None:
    stranger = replace(span("GET /t", 1), relation="", fingerprint="GET /auth", bypass_reason="outside-mount")
    assert shown([stranger])["code"] == {"GET /auth": {"curl": "", "supabase_js": ""}}


def test_the_kind_of_a_trace_and_what_failed_in_it_are_told() -> None:
    assert shown([span("GET /t", 1)])["summary"]["kind"] == "explicit"
    assert shown([span("GET /t", 1)], explicit=False)["summary"]["kind"] == "inferred"
    assert shown([span("GET /t", 1)], explicit=False, mixed=True)["summary"]["kind"] == "mixed"
    failed = [replace(span("GET /t", n), status=status) for n, status in enumerate((200, 204, 404, 500, 0))]
    assert shown(failed)["summary"]["failed"] == 3


def test_a_summary_names_so_many_relations_and_no_more() -> None:
    seen = parallel([f"GET /t{n}" for n in range(RELATIONS + 5)])
    assert len(summary_of(StoredTrace(1, seen, (), 0.0), ConfirmedNames(everything=True)).relations) == RELATIONS


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_hostile_names_come_through_as_they_are_on_one_line(text: str) -> None:
    one = replace(span("GET /t", 1), relation=text, fingerprint=f"GET {text}", caller=text)
    seen = replace(trace([one]), id=text, route=text)
    encoded = msgspec.json.encode(
        detail_of(StoredTrace(1, seen, (), 0.0), ConfirmedNames(everything=True), ORIGIN, ORIGIN)
    )
    assert b"\n" not in encoded
    view = json.loads(encoded)
    assert (view["summary"]["id"], view["summary"]["route"], view["spans"][0]["caller"]) == (text, text, text)
