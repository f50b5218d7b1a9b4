"""A trace as an HTTP archive has its requests with their times and no value."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from proxy.admin.har import har_of
from proxy.model import Outcome, Span
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.traces.store import StoredTrace
from tests.rules.traces import span, trace

ORIGIN = "http://127.0.0.1:8000"


def log(spans: list[Span], learn: bool = True, **changes: Any) -> dict[str, Any]:
    seen = replace(trace(spans), **changes)
    names = ConfirmedNames()
    if learn:
        names.learn(seen.spans)
    pieces = har_of(StoredTrace(3, seen, (), 1000.0), names, ORIGIN + "/rest/v1", ORIGIN, 1_700_000_000.0)
    found = json.loads(b"".join(pieces))["log"]
    assert isinstance(found, dict)
    return found


def test_requests_are_entries_of_the_traces_page_in_the_order_of_their_starts() -> None:
    spans = [
        replace(span("GET /t?id=eq.2", 2, start=0.5, end=0.75), upstream=0.2, outcome=Outcome.MERGED, call=9),
        span("GET /t?id=eq.1", 1, start=0.0, end=0.1),
    ]
    archive = log(spans, route="GET /export", start=0.0, end=0.75)
    (page,) = archive["pages"]
    assert (page["title"], page["pageTimings"]["onLoad"]) == ("GET /export", 750.0)
    first, second = archive["entries"]
    assert {first["pageref"], second["pageref"]} == {page["id"]} == {"3"}
    assert first["startedDateTime"] == "2023-11-14T22:13:20.000Z"
    assert second["startedDateTime"] == "2023-11-14T22:13:20.500Z"
    assert second["timings"] == {"blocked": 50.0, "send": 0, "wait": 200.0, "receive": 0}
    assert second["time"] == 250.0
    assert (second["_fanin"]["outcome"], second["_fanin"]["call"]) == ("merged", 9)


def test_values_are_placeholders_unless_targets_were_stored() -> None:
    hidden = log([span("GET /t?id=eq.secret", 1)])["entries"][0]["request"]
    assert hidden["url"] == f"{ORIGIN}/rest/v1/t?id=eq.?"
    assert hidden["queryString"] == [{"name": "id", "value": "eq.?"}]
    shown = log([replace(span("GET /t?id=eq.7", 1), target="/rest/v1/t?id=eq.7")])["entries"][0]["request"]
    assert shown["url"] == f"{ORIGIN}/rest/v1/t?id=eq.7"


def test_a_name_that_no_answer_has_confirmed_is_not_shown() -> None:
    assert "pa55" not in json.dumps(log([span("GET /pa55?pa55=eq.1", 1)], learn=False))


def test_every_part_that_the_format_requires_is_there() -> None:
    archive = log([span("GET /t?id=eq.1", 1)])
    assert archive.keys() == {"version", "creator", "pages", "entries"}
    entry = archive["entries"][0]
    assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
    both = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
    assert entry["request"].keys() == both | {"method", "url", "queryString"}
    assert entry["response"].keys() == both | {"status", "statusText", "content", "redirectURL"}
    assert entry["response"]["content"].keys() == {"size", "mimeType"}
