"""An explanation contains the relation, the SQL, the identity, and why the request does not merge."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors.codes import BYPASS_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.explain.facts import explain
from proxy.explain.request import read_request
from proxy.explain.text import lines, to_json
from proxy.model import Column
from proxy.postgrest.catalog import Catalog
from proxy.postgrest.hazards import Hazard, Hazards
from proxy.settings.loading import load
from tests.explain.factories import explained, only_way, text


def test_the_mount_is_that_of_the_settings_or_of_the_path() -> None:
    assert explained("/rest/v1/t?id=eq.1").mount == "/rest/v1"
    assert explained("/t?id=eq.1").mount == "/"
    assert explained("/rest/v1/t?id=eq.1").fingerprint == "GET t?id=eq.?"


def test_the_profile_header_of_the_method_names_the_schema() -> None:
    headers = ("Accept-Profile: one", "Content-Profile: two")
    assert "FROM one.t" in explained("GET /t", *headers).sql.statement
    assert "FROM two.t" in explained("DELETE /t", *headers).sql.statement


def test_a_path_that_is_not_a_relation_has_no_sql() -> None:
    explanation = explained("GET /rpc/f?a=1")
    assert explanation.asks is None
    assert not explanation.sql.statement
    assert "relation   none" in text("GET /rpc/f?a=1")
    assert "SQL" not in text("GET /rpc/f?a=1").splitlines()


def test_known_types_change_the_sql() -> None:
    assert "to_jsonb(t.a) ->> 'b'" in explained("/t?a->>b=eq.1", types=("a=hstore",)).sql.statement


def test_headers_are_shown_by_name_and_never_by_value() -> None:
    headers = (
        *("Authorization: Bearer SECRET", "Cookie: s=SECRET", "Accept-Encoding: SECRET", "X-Fanin-Trace: SECRET"),
        *("traceparent: SECRET", "Connection: close", "X-Request-Id: SECRET", "Host: SECRET"),
    )
    explanation = explained("/t?id=eq.1", *headers)
    assert explanation.identity.compared == ("authorization", "cookie", "x-request-id")
    assert explanation.identity.neutral == ("accept-encoding", "traceparent", "host")
    assert explanation.identity.dropped == ("x-fanin-trace", "connection")
    assert explanation.identity.trace == "x-fanin-trace"
    for shown in (text("/t?id=eq.1", *headers), to_json(explanation)):
        assert "SECRET" not in shown


def test_a_header_that_may_differ_per_call_is_named_with_the_setting() -> None:
    lines = ("Authorization: Bearer a", "X-Request-Id: SECRET", "X-Job: SECRET", "sentry-trace: SECRET")
    shown = text("/t?id=eq.1", *lines, identity__also_neutral=["x-mine"])
    assert "if x-request-id, x-job differ from call to call, nothing merges" in shown
    assert 'identity.also_neutral = ["x-mine", "x-request-id", "x-job"]' in shown
    assert "also_neutral" not in text("/t?id=eq.1", *lines, identity__also_neutral=["x-*"])


def test_settings_define_neutral_headers_and_trace_headers() -> None:
    explanation = explained(
        "/t",
        "X-Request-Id: 1",
        "Traceparent: 1",
        "X-Job: 1",
        identity__also_neutral=["X-Request-Id"],
        identity__not_neutral=["host"],
        trace__headers=["x-job"],
    )
    assert explanation.identity.neutral == ("x-request-id", "traceparent")
    assert explanation.identity.compared == ("x-job",)
    assert explanation.identity.trace == "x-job"


def test_host_is_compared_where_upstream_gets_the_clients() -> None:
    assert explained("/t", "Host: a", upstream_host="client").identity.compared == ("host",)


def test_an_invented_host_is_not_shown() -> None:
    assert explained("/t").identity.neutral == ()
    assert explained("http://h/t").identity.neutral == ("host",)


def test_notes_explain_limits_and_counts() -> None:
    notes = explained("/t?k=eq.1&limit=3").merging.notes
    assert [note.partition(":")[0] for note in notes[:2]] == ["limit", "merge.max_rows is not set"]
    assert "only while no key has more rows than its limit" in notes[0]
    assert "  merges     yes, if no key has more rows than its limit" in text("/t?k=eq.1&limit=3")
    assert "  merges     yes\n" in text("/t?k=eq.1")
    assert "limit=7" in only_way("/t?k=eq.1&limit=3").call
    assert len(explained("/t?k=eq.1", merge__max_rows=1000, rules__fan003="off").merging.notes) == 0


def test_notes_explain_ranges_and_lists_of_media_types() -> None:
    notes = explained("/t?k=eq.1", "Range: 0-24", "Accept: application/json, text/plain, */*").merging.notes
    assert [note.partition(":")[0] for note in notes[:2]] == ["Range", "Accept"]


def test_a_name_of_an_aggregate_needs_a_column() -> None:
    merging = explained("/t?select=k,count&k=eq.1").merging
    assert merging.bypass is not None
    assert merging.bypass.code == "aggregate"
    assert "columns count" in merging.notes[0]
    assert explained("/t?select=k,count&k=eq.1", types=("count=integer",)).merging.verdict == "merges"
    assert explained("/t?select=kids!inner()&k=eq.1").merging.verdict == "merges"


def test_a_count_alone_merges_by_the_keys_of_the_rows() -> None:
    merging = explained("/t?select=count&k=eq.1").merging
    assert merging.verdict == "merges"
    assert merging.ways[0].call == "/t?select=f…:k::text&k=in.(1,2)"
    assert merging.notes[0].startswith("count: ")
    assert explained("/t?select=count&k=eq.1", types=("count=integer",)).merging.notes[0].startswith("merge.max_rows")
    assert explained("/t?select=count&k=eq.1", merge__ask_types=False).merging.verdict == "never"
    assert explained("/t?select=count&k=eq.1", "Prefer: count=exact").merging.verdict == "never"


def test_a_value_outside_the_range_of_its_type_is_told_as_that() -> None:
    (way,) = explained("/t?k=eq.9223372036854775808", types=("k=bigint",)).merging.ways
    assert "from -9223372036854775808 to 9223372036854775807" in way.types
    (way,) = explained("/t?k=eq.07", types=("k=bigint",)).merging.ways
    assert "as it is spelled here" in way.types


def test_equal_requests_share_a_call_even_if_they_do_not_merge() -> None:
    assert "FAN003" in explained("/t?k=eq.1&offset=2").merging.notes[-1]
    assert not explained("PATCH /t?k=eq.1").merging.notes
    assert not explained("/t?k=eq.1&offset=2", mode="observe").merging.notes


CHANGED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "off": (("/t?id=eq.1", "X-Fanin: off"), ("/t?id=eq.1",)),
    "outside-mount": (("/api/t?id=eq.1",), ("/rest/v1/t?id=eq.1",)),
    "not-a-relation": (("/rest/v1/rpc/f?id=1",), ("/rest/v1/t?id=eq.1",)),
    "method": (("OPTIONS /t?id=eq.1",), ("GET /t?id=eq.1",)),
    "head": (("HEAD /t?id=eq.1",), ("HEAD /t?id=eq.1&select=id", "Prefer: count=exact")),
    "http-1.0": (("GET /t?id=eq.1 HTTP/1.0",), ("GET /t?id=eq.1",)),
    "body": (("/t?id=eq.1", "Content-Length: 3"), ("/t?id=eq.1", "Content-Length: 0")),
    "expect": (("/t?id=eq.1", "Expect: 100-continue"), ("/t?id=eq.1",)),
    "accept": (("/t?id=eq.1", "Accept: text/csv, */*"), ("/t?id=eq.1", "Accept: application/vnd.pgrst.object+json")),
    "range": (("/t?id=eq.1", "Range: 5-9"), ("/t?id=eq.1&limit=5",)),
    "count": (("/t?id=eq.1", "Prefer: count=planned"), ("/t?id=eq.1", "Prefer: count=exact")),
    "limit": (("/t?id=eq.1&limit=0",), ("/t?id=eq.1&limit=999999999",)),
    "offset": (("/t?k=eq.1&offset=5&limit=5&order=id",), ("/t?k=eq.1&order=id&id=gt.5&limit=5",)),
    "aggregate": (("/t?select=a.sum()&k=eq.1",), ("/t?select=id,kids(count)&k=eq.1",)),
    "select": (("/t?select=a,&id=eq.1",), ("/t?select=a,b&id=eq.1",)),
    "repeated": (("/t?id=eq.1&id=lt.9",), ("/t?id=eq.1&and=(id.gt.0,id.lt.9)",)),
    "semicolon": (("/t?id=eq.1&a=eq.b;c",), ("/t?id=eq.1&a=eq.b%3Bc",)),
    "encoding": (("/t?id=eq.1&a=eq.%E9",), ("/t?id=eq.1&a=eq.%C3%A9",)),
    "no-key": (("/t?id=gt.1",), ("/t?id=eq.1",)),
    "literal": (("/t?id=eq.07",), ("/t?id=eq.7",)),
}
"""For each bypass reason that the caller can avoid: a request that has it, and the request after the remedy."""
NOT_BY_THE_CALLER = {"mode", "too-long", "oversized", "paused", "mismatch-paused", "mismatched", "large-rows", "busy"}
NOT_BY_THE_CALLER |= {"recent-writes"}
NOT_BY_THE_CALLER |= {"differing-header"}
NOT_BY_THE_CALLER |= {
    "foreign-table",
    "security-barrier",
    "rules",
    *(f"volatile-{what}" for what in ("view", "column", "policy")),
}
NOT_BY_THE_CALLER |= {code for code in BYPASS_REASONS if code.startswith(("list", "chunk", "write"))}


def test_every_bypass_reason_that_the_caller_can_avoid_is_tested() -> None:
    assert CHANGED.keys() | NOT_BY_THE_CALLER == BYPASS_REASONS.keys()


@pytest.mark.parametrize("code", CHANGED)
def test_a_bypass_reason_has_its_remedy_and_the_remedy_works(code: str) -> None:
    bypassed, changed = CHANGED[code]
    options: dict[str, Any] = {"types": ("id=integer",) if code == "literal" else ()}
    if "rest/v1" in changed[0]:
        options["profile"] = "supabase"
        loaded = load({"profile": "supabase"}).settings
        before, after = (explain(read_request(words, ()), loaded, "/rest/v1", {}) for (words,) in (bypassed, changed))
    else:
        before, after = explained(*bypassed, **options), explained(*changed, **options)
    bypass_reason = before.merging.bypass
    assert bypass_reason is not None
    assert (bypass_reason.code, bypass_reason.text, bypass_reason.remedy) == (
        code,
        BYPASS_REASONS[code],
        BYPASS_REMEDIES[code],
    )
    shown = "\n".join(lines(before))
    assert f"  merges     no: {code}" in shown.splitlines()
    assert f"Merging      {code}: {BYPASS_REASONS[code]}" in shown.splitlines()
    assert f"To change that: {BYPASS_REMEDIES[code]}" in shown
    assert after.merging.bypass is None
    assert after.merging.verdict == "merges"


@pytest.mark.parametrize("code", ["foreign-table", "volatile-view"])
def test_a_hazard_of_the_catalog_is_the_bypass_reason_and_says_what_it_is(code: str) -> None:
    catalog = Catalog(hazards=Hazards({"public.v": Hazard(code, "public.v is one")}))
    request = read_request("/v?id=eq.1", ())
    merging = explain(request, load({}).settings, None, {}, catalog).merging
    assert merging.bypass is not None
    assert merging.bypass.code == code
    assert merging.notes[0] == "By the catalog, public.v is one."
    assert merging.notes[1].startswith("Byte-equal requests share no call") == (code == "volatile-view")


def test_a_relation_that_the_catalog_does_not_have_does_not_merge() -> None:
    catalog = Catalog({"public.t": {b"id": Column("integer")}})
    explanation = explain(read_request("/nope?id=eq.1", ()), load({}).settings, None, {}, catalog)
    assert explanation.merging.verdict == "never"
    assert explanation.merging.notes[0].startswith("The catalog has no such relation")
    assert "  merges     no" in "\n".join(lines(explanation))


def test_the_catalog_knows_columns_and_the_command_line_knows_better() -> None:
    catalog = Catalog({"public.t": {b"k": Column("text", deterministic=True), b"n": Column("integer")}})
    request = read_request("/t?k=eq.a", ())
    settings = load({}).settings
    assert explain(request, settings, None, {}, catalog).merging.verdict == "merges"
    assert explain(request, settings, None, {b"k": Column("jsonb")}, catalog).merging.verdict == "never"


def test_a_mode_that_does_not_merge_is_the_bypass_reason() -> None:
    for explanation in (explained("/t?id=eq.1", mode="shadow"), explained("/t?id=eq.1", rules__fan001="report")):
        assert explanation.merging.bypass is not None
        assert explanation.merging.bypass.code == "mode"


def test_a_long_list_is_chunked_or_has_a_bypass_reason() -> None:
    long = "/t?id=in.(" + ",".join(map(str, range(10_000, 20_000))) + ")"
    codes = [
        explained(long[:9000] + ")"),
        explained(long),
        explained(long, rules__fan005="rewrite"),
        explained(long + "&limit=3", rules__fan005="rewrite"),
        explained(long, rules__fan005="rewrite", mode="observe"),
    ]
    bypass_reasons = [
        explanation.merging.bypass.code for explanation in codes if explanation.merging.bypass is not None
    ]
    assert bypass_reasons == ["too-long", "oversized", "too-long", "list-total", "oversized"]
    assert codes[2].merging.notes[0] == "FAN005 sends the list in 2 calls and concatenates their answers."


def test_overrides_of_the_relation_and_the_route_apply() -> None:
    override = [{"relation": "quiet", "rules": {"fan001": "report"}}, {"route": "export", "rules": {"fan001": "off"}}]
    assert explained("/quiet?id=eq.1", override=override).merging.bypass is not None
    assert explained("/loud?id=eq.1", override=override).merging.bypass is None
    assert explained("/loud?id=eq.1", "X-Fanin-Route: export", override=override).merging.bypass is not None
