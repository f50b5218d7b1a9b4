"""A trace as JSON contains its requests, their upstream calls and bypass reasons, and no values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from proxy.admin.views import RELATIONS, detail_of, summary_of
from proxy.errors.codes import BYPASS_REASONS, FALLBACK_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.model import Outcome, Span
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.settings.rules import RuleSettings
from proxy.traces.store import StoredTrace
from rules.fan001_n_plus_one_read import RULE, detect
from tests.hostile_inputs import HOSTILE_NAMES
from tests.rules.traces import parallel, span, trace

ORIGIN = "http://127.0.0.1:8000"


def detail(spans: list[Span], **changes: Any) -> dict[str, Any]:
    """The detail of a trace of these spans, as a browser has it."""
    seen = replace(trace(spans), **changes)
    entry = StoredTrace(3, seen, tuple(detect(seen, RuleSettings().of(RULE))), 1000.0)
    names = ConfirmedNames()
    names.learn(seen.spans)
    document = json.loads(b"".join(detail_of(entry, names, ORIGIN + "/rest/v1", ORIGIN)))
    assert isinstance(document, dict)
    return document


def merged(count: int) -> list[Span]:
    spans = [span(f"GET /creators?id=eq.{n}", n + 1, start=0.001 * n, end=0.05) for n in range(count)]
    return [replace(span_view, call=9, shared=count, outcome=Outcome.MERGED, upstream=0.03) for span_view in spans]


def test_requests_name_the_call_that_they_shared_and_it_ends_with_the_first_of_them() -> None:
    view = detail(merged(6))
    assert [span_view["call"] for span_view in view["spans"]] == [9] * 6
    assert view["calls"] == [{"call": 9, "start": 20.0, "ms": 30.0, "parts": 1, "spans": [1, 2, 3, 4, 5, 6]}]
    summary = view["summary"]
    assert (summary["queries"], summary["calls"], summary["saved"]) == (6, 1, 5)
    assert summary["outcomes"] == {"merged": 6}
    assert summary["findings"] == [{"code": "FAN001", "impact": "LOW"}]
    assert view["findings"][0]["finding"]["fix"]["sql"].startswith("select")
    assert view["findings"][0]["key"].startswith("FAN001:public.creators:")


def test_bypass_reasons_have_an_explanation_and_a_remedy() -> None:
    reasons = ["offset", "offset", "no-key"]
    spans = [replace(span("GET /t?a=gt.1", n + 1), bypass_reason=reason) for n, reason in enumerate(reasons)]
    assert detail(spans)["reasons"] == [
        {"reason": reason, "count": count, "why": BYPASS_REASONS[reason], "remedy": BYPASS_REMEDIES[reason]}
        for reason, count in (("offset", 2), ("no-key", 1))
    ]


def test_only_reads_that_occur_several_times_and_may_be_merged_are_missed() -> None:
    lines = {"GET /t?a=gt.1": ("no-key", 2), "GET /once?a=gt.1": ("no-key", 1), "GET /rpc/f": ("not-a-relation", 2)}
    lines |= {"POST /t": ("method", 3), "GET /off": ("off", 2)}
    spans = [replace(span(line, 1), bypass_reason=reason) for line, (reason, n) in lines.items() for _ in range(n)]
    found = detail([replace(each, number=number) for number, each in enumerate(spans, 1)])
    assert [(each["reason"], each["count"]) for each in found["reasons"]] == [("no-key", 2)]
    passed = {each["reason"]: each["count"] for each in found["passed"]}
    assert passed == {"no-key": 1, "not-a-relation": 2, "method": 3, "off": 2}
    assert sum(each.get("missed", False) for each in found["spans"]) == 2


def test_fallback_reasons_have_an_explanation_and_a_remedy() -> None:
    one = replace(span("GET /t?a=eq.1", 1), outcome=Outcome.FALLBACK, fallback_reason="ties")
    found = detail([one, replace(one, number=2)])
    assert found["fallbacks"] == [
        {"reason": "ties", "count": 2, "why": FALLBACK_REASONS["ties"], "remedy": FALLBACK_REMEDIES["ties"]}
    ]
    assert {each["fallback_reason"] for each in found["spans"]} == {"ties"}
    assert found["summary"]["fallback_reasons"] == {"ties": 2}


def test_there_is_code_to_copy_per_fingerprint_and_it_has_no_values() -> None:
    view = detail(merged(6))
    assert list(view["code"]) == ["GET creators?id=eq.?"]
    (code,) = view["code"].values()
    assert code["curl"].startswith("curl -g 'http://127.0.0.1:8000/rest/v1/creators?id=eq.'\"$id\"")
    assert '.eq("id", id)' in code["supabase_js"]
    assert "target" not in view["spans"][0]
    assert "curl" not in view["spans"][0]


def test_values_are_included_if_the_span_has_them() -> None:
    (span_view,) = detail([replace(span("GET /t?a=eq.7", 1), target="/rest/v1/t?a=eq.7")])["spans"]
    assert span_view["target"] == "/rest/v1/t?a=eq.7"
    assert f"'{ORIGIN}/rest/v1/t?a=eq.7'" in span_view["curl"]


def test_a_name_that_postgrest_never_accepted_is_not_shown() -> None:
    refused = [replace(span(f"GET /sesame?id=eq.{n}", n + 1), status=404) for n in range(6)]
    view = detail(refused)
    assert {span_view["fingerprint"] for span_view in view["spans"]} == {"GET …"}
    assert view["summary"]["relations"] == ["…"]
    assert (view["findings"], view["summary"]["findings"], view["code"]) == ([], [], {})
    assert "sesame" not in json.dumps(view)


def test_a_request_outside_the_mount_has_no_code_to_copy() -> None:
    stranger = replace(span("GET /t", 1), relation="", fingerprint="GET /auth", bypass_reason="outside-mount")
    assert detail([stranger])["code"] == {"GET /auth": {"curl": "", "supabase_js": ""}}


def test_a_summary_has_the_kind_of_the_trace_and_the_number_of_failures() -> None:
    assert detail([span("GET /t", 1)])["summary"]["kind"] == "explicit"
    assert detail([span("GET /t", 1)], explicit=False)["summary"]["kind"] == "inferred"
    assert detail([span("GET /t", 1)], explicit=False, mixed=True)["summary"]["kind"] == "mixed"
    failed = [replace(span("GET /t", n), status=status) for n, status in enumerate((200, 204, 404, 500, 0))]
    assert detail(failed)["summary"]["failed"] == 3


def test_a_summary_has_a_maximum_number_of_relations() -> None:
    seen = parallel([f"GET /t{n}" for n in range(RELATIONS + 5)])
    assert len(summary_of(StoredTrace(1, seen, (), 0.0), ConfirmedNames(everything=True)).relations) == RELATIONS


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_hostile_names_are_unchanged_in_json_and_on_one_line(text: str) -> None:
    span_view = replace(span("GET /t", 1), relation=text, fingerprint=f"GET {text}", caller=text)
    seen = replace(trace([span_view]), id=text, route=text)
    encoded = b"".join(detail_of(StoredTrace(1, seen, (), 0.0), ConfirmedNames(everything=True), ORIGIN, ORIGIN))
    assert b"\n" not in encoded
    view = json.loads(encoded)
    assert (view["summary"]["id"], view["summary"]["route"], view["spans"][0]["caller"]) == (text, text, text)


def test_a_read_that_was_fetched_ahead_names_its_call_and_did_not_wait_for_it() -> None:
    spans = [replace(span(f"GET /t?id=eq.{n}", n), number=n, call=9, shared=9) for n in (1, 2, 3)]
    spans = [
        replace(spans[0], outcome=Outcome.MERGED),
        *(replace(one, outcome=Outcome.PREFETCHED) for one in spans[1:]),
    ]
    found = detail(spans)
    assert [(call["call"], call["spans"]) for call in found["calls"]] == [(9, [1])]
    assert [(one["outcome"], one["call"]) for one in found["spans"][1:]] == [("prefetched", 9)] * 2
