"""FAN001 tells one-request-a-key from everything that only resembles it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules.fan001_n_plus_one_read import RULE, NPlusOne, detect
from tests.rules.traces import parallel, span, told, trace

if TYPE_CHECKING:
    from proxy.findings.model import Finding
    from proxy.model import Trace

PROFILES = "GET /creator_payout_profiles?select=*&creator_id=eq."
UUID = "00000000-0000-4000-8000-0000000000{:02x}"


def findings(seen: Trace, settings: RuleSettings | None = None) -> list[Finding]:
    return list(detect(seen, (settings or RuleSettings()).of(RULE)))


def test_five_keys_are_an_n_plus_one_and_four_are_not() -> None:
    lines = [f"{PROFILES}{n}" for n in range(5)]
    assert len(findings(parallel(lines))) == 1
    assert not findings(parallel(lines[:4]))


def test_five_reads_of_four_keys_are_not() -> None:
    assert not findings(parallel([f"{PROFILES}{n}" for n in (1, 2, 3, 4, 4)]))


def test_thresholds_are_settings() -> None:
    lines = [f"{PROFILES}{n}" for n in range(3)]
    assert findings(parallel(lines), RuleSettings(n_plus_one=NPlusOne(min_calls=3, min_distinct=3)))


def test_polling_one_row_is_not() -> None:
    assert not findings(parallel([f"{PROFILES}7"] * 20))


def test_reads_of_several_identities_are_not_one() -> None:
    """One call for all of them would give each the rows of the others, or none of them."""
    spans = parallel([f"{PROFILES}{n}" for n in range(16)]).spans
    assert not findings(trace([replace(one, identity=number) for number, one in enumerate(spans)]))
    assert len(findings(trace([replace(one, identity=number % 2) for number, one in enumerate(spans)]))) == 2


def test_reads_that_only_a_header_of_each_call_keeps_apart_are_one_loop_and_say_why_nothing_merged() -> None:
    spans = parallel([f"{PROFILES}{n}" for n in range(8)]).spans
    apart = [replace(one, identity=number, differing_headers="x-call,x-sent") for number, one in enumerate(spans)]
    (finding,) = findings(trace(apart))
    assert finding.title == "8 reads of creator_payout_profiles, one for each creator_id"
    assert "each has another x-call, x-sent, so that fanin sent it alone: see FAN017" in finding.evidence
    assert not findings(trace([replace(one, differing_headers="") for one in apart]))


def test_reads_with_pauses_on_several_connections_of_a_pool_are_not_parallel() -> None:
    for pause, parallel_reads in ((0.02, 1), (0.12, 0), (0.8, 0)):
        spans = [span(f"{PROFILES}{n}", n + 1, start=1 + n * pause, end=1 + n * pause + 0.005) for n in range(8)]
        pooled = [replace(one, connection=number, connected=0.1) for number, one in enumerate(spans, 1)]
        assert len(findings(trace(pooled))) == parallel_reads, pause


def test_reads_that_did_not_wait_for_each_other_are_parallel_even_if_each_was_answered_before_the_next() -> None:
    spans = [span(f"{PROFILES}{n}", n + 1, start=n * 0.01, end=n * 0.01 + 0.005) for n in range(8)]
    assert not findings(trace(spans)), "on unknown connections they look like a loop"
    opened = [replace(one, connection=number, connected=0.001) for number, one in enumerate(spans, 1)]
    assert len(findings(trace(opened))) == 1, "each connection was open before the previous answer"
    late = [replace(one, connected=one.start) for one in opened]
    assert not findings(trace(late)), "a client that waits may open a connection per request"
    for count in (1, 2):
        few = [replace(one, connection=1 + number % count) for number, one in enumerate(opened)]
        assert not findings(trace(few)), "connections in turn wait for each answer"


def test_pages_of_a_list_are_not() -> None:
    assert not findings(parallel([f"GET /videos?status=eq.x&limit=10&offset={n}0" for n in range(20)]))


def test_retries_of_a_client_are_not() -> None:
    assert not findings(trace([span(f"{PROFILES}{n}", n + 1, retry=True) for n in range(9)]))


def test_writes_are_not() -> None:
    assert not findings(parallel([f"PATCH /videos?id=eq.{n}" for n in range(9)]))


def test_a_mixed_trace_is_not_judged() -> None:
    assert not findings(trace([span(f"{PROFILES}{n}", n + 1) for n in range(9)], explicit=False, mixed=True))


def test_an_inferred_trace_is_judged_with_less_confidence() -> None:
    spans = [span(f"{PROFILES}{n}", n + 1) for n in range(9)]
    assert [f.confidence for f in findings(trace(spans, explicit=False))] == ["medium"]
    assert [f.confidence for f in findings(trace(spans))] == ["high"]


def test_different_filters_are_different_findings() -> None:
    lines = [f"GET /videos?tracking=eq.{n}" for n in range(6)] + [f"GET /rushes?tracking=eq.{n}" for n in range(6)]
    assert [f.relation for f in findings(parallel(lines))] == ["public.videos", "public.rushes"]


def test_the_column_that_varies_is_the_key_and_the_other_an_argument() -> None:
    lines = [f"GET /monthly_tracking?month=eq.6&creator_id=eq.{n}&order=month.desc" for n in range(6)]
    (finding,) = findings(parallel(lines))
    assert finding.title == "6 reads of monthly_tracking, one for each creator_id"
    assert "creator_id = ANY($1)\n  and month = $2\norder by month desc;" in finding.fix.sql
    assert '.in("creator_id", chunk)\n      .eq("month", month)' in finding.fix.supabase_js
    assert '.in_("creator_id", chunk)\n            .eq("month", month)' in finding.fix.supabase_py


def test_the_payment_export_is_given_its_batch_method() -> None:
    (finding,) = findings(parallel([PROFILES + UUID.format(n) for n in range(100)]))
    assert finding.impact == "CRITICAL"
    assert "async function listPayoutProfilesByCreatorIds(creatorIds) {" in finding.fix.supabase_js
    assert "def list_payout_profiles_by_creator_ids(creator_ids):" in finding.fix.supabase_py
    assert "creator_id = ANY($1)" in finding.fix.sql
    sqlglot.parse_one(finding.fix.sql, dialect="postgres")


def test_the_fix_is_code_that_parses() -> None:
    (finding,) = findings(parallel([f"{PROFILES}{n}&weird%20name=eq.1&x=is.null&y=gt.a" for n in range(6)]))
    compile(finding.fix.supabase_py, "fix", "exec")
    sqlglot.parse_one(finding.fix.sql, dialect="postgres")


def test_keys_with_several_rows_are_grouped_not_overwritten() -> None:
    spans = [span(f"GET /videos?tracking=eq.{n}", n + 1, rows=5) for n in range(6)]
    (finding,) = findings(trace(spans))
    assert "byKey.get(key).push(row);" in finding.fix.supabase_js
    assert "setdefault" in finding.fix.supabase_py


def test_calls_one_after_another_are_fan002s() -> None:
    lines = [f"{PROFILES}{n}" for n in range(6)]
    together = findings(parallel(lines))[0]
    assert together.evidence[1].startswith("sent in parallel")
    assert not findings(trace([span(line, n + 1, start=float(n), end=n + 0.5) for n, line in enumerate(lines)]))


def test_the_key_to_mute_by_does_not_depend_on_values() -> None:
    first = findings(parallel([f"{PROFILES}{n}" for n in range(5)]))[0]
    second = findings(parallel([f"{PROFILES}{n}" for n in range(50, 90)]))[0]
    assert first.key == second.key


def test_two_filters_that_vary_are_the_key_together() -> None:
    lines = [f"GET /attachments?owner_type=eq.{'ab'[n % 2]}&owner_id=eq.{n // 2}" for n in range(12)]
    (finding,) = findings(parallel(lines))
    assert finding.title == "12 reads of attachments, one for each owner_type and owner_id"
    assert "values that vary: owner_type=eq, owner_id=eq; the same in all calls: none" in finding.evidence
    assert "listAttachmentsByOwnerTypesAndOwnerIds(keys)" in finding.fix.supabase_js


def test_calls_that_no_list_can_stand_for_have_no_code_and_a_reason() -> None:
    (finding,) = findings(parallel([f"GET /t?id=eq.{n}&at=gt.{n}" for n in range(9)]))
    assert (finding.fix.sql, finding.fix.supabase_js, finding.fix.supabase_py) == ("", "", "")
    assert finding.fix.reason == "No batch read: the calls differ in at=gt too, for which no list can stand."
    assert finding.expected == "One request instead of 9, if one can be written by hand."


def test_counts_by_head_are_an_n_plus_one_cured_by_one_count_per_parent() -> None:
    posts = "GET /posts?select=id → 15 rows, ids " + ";".join(map(str, range(15)))
    lines = [posts, *(f"then HEAD /post_likes?select=id&post_id=eq.{n} → 3 in all" for n in range(1))]
    lines += [f"HEAD /post_likes?select=id&post_id=eq.{n} → 3 in all" for n in range(1, 15)]
    (finding,) = findings(told(lines)[0])
    assert finding.title == "15 reads of post_likes, one for each post_id"
    assert '.select("id,post_likes!post_id(count)", { count: "exact" })' in finding.fix.supabase_js


def test_keys_in_trees_by_patterns_and_through_embeds_are_found_with_a_batch_read() -> None:
    for query, code in (
        (
            "or=(and(sender_id.eq.{0},receiver_id.eq.1),and(sender_id.eq.1,receiver_id.eq.{0}))",
            ".or(chunk.map(([senderId, receiverId, senderId_2, receiverId_2]) => `or(and(sender_id.eq.$",
        ),
        ("email=ilike.{0}@x.org", '.rpc("list_messages_by_emails", { keys: given })'),
        ("select=*,users!inner(id)&users.id=eq.{0}", '.filter("users.id", "in", '),
    ):
        (finding,) = findings(parallel([f"GET /messages?{query.format(n)}" for n in range(12)]))
        assert code in finding.fix.supabase_js
        assert finding.fix.supabase_py
        assert "with 12 different keys" in finding.evidence[0]
        assert "12 requests become 1" in finding.expected


def test_keys_in_other_trees_and_outer_embeds_are_found_with_the_reason_for_no_fix() -> None:
    for query in (
        "or=(sender_id.eq.{0},name.like.a*)",
        "or=(sender_id.eq.{0},receiver_id.eq.{0})&limit=1",
        "select=*,users(id)&users.id=eq.{0}",
        "select=*,users!inner(id)&users.id=eq.{0}&users.limit=1",
        "select=*,users(id)&email=ilike.{0}@x.org",
    ):
        (finding,) = findings(parallel([f"GET /messages?{query.format(n)}" for n in range(12)]))
        assert finding.fix.reason.startswith("No batch read: the calls differ in ")
        assert {finding.fix.sql, finding.fix.supabase_js, finding.fix.supabase_py} == {""}


def test_pages_by_a_key_and_bounds_are_none() -> None:
    for query in ("or=(at.lt.{0},and(at.eq.{0},id.lt.{0}))", "id=gt.{0}&limit=9", "at=lte.{0}"):
        assert not findings(parallel([f"GET /messages?{query.format(n)}" for n in range(12)]))
