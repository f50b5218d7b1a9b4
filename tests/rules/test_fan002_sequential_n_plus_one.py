"""FAN002 tells a loop over keys from calls made together, from timers, pages, retries and walks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules import fan001_n_plus_one_read, fan003_duplicate_read
from rules.fan001_n_plus_one_read import NPlusOne
from rules.fan002_sequential_n_plus_one import RULE, detect
from tests.rules.traces import found, parallel, span, told, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.findings.model import Finding
    from proxy.model import Trace

PROFILES = "GET /creator_payout_profiles?select=*&creator_id=eq."


def findings(seen: Trace, settings: RuleSettings | None = None) -> list[Finding]:
    return list(detect(seen, (settings or RuleSettings()).of(RULE)))


def one_by_one(lines: Sequence[str], every: float = 0.02) -> Trace:
    """A request each ``every`` seconds, each answered after 10 ms."""
    return trace([span(line, n + 1, start=n * every, end=n * every + 0.01) for n, line in enumerate(lines)])


def loop(keys: int) -> Trace:
    return one_by_one([f"{PROFILES}{n}" for n in range(keys)])


def test_where_a_header_is_new_in_each_call_it_is_said_that_nothing_would_be_fetched_ahead() -> None:
    seen = loop(8)
    (before,) = findings(seen)
    each = tuple(replace(one, exact_identity=number) for number, one in enumerate(seen.spans, 1))
    (finding,) = findings(replace(seen, spans=each))
    assert any("would have answered" in line for line in before.evidence)
    assert any("would not help: a header that only names the call" in line for line in finding.evidence)
    same = tuple(replace(one, exact_identity=1) for one in seen.spans)
    assert findings(replace(seen, spans=same)) == [before]


def after_a_list(lines: Sequence[str], answer: str) -> Trace:
    (seen,) = told([f"GET /monthly_tracking?select=* → {answer}", *[f"then {line}" for line in lines]])
    return seen


def test_five_keys_in_a_loop_are_one_and_four_are_not() -> None:
    (finding,) = findings(loop(5))
    assert finding.title == "5 reads of creator_payout_profiles one after another, one for each creator_id"
    assert not findings(loop(4))
    assert findings(loop(3), RuleSettings(n_plus_one=NPlusOne(min_calls=3, min_distinct=3)))


@pytest.mark.parametrize("together", range(0, 21, 2))
def test_a_fan_out_is_either_fan001s_or_fan002s_and_never_both(together: int) -> None:
    first = parallel([f"{PROFILES}{n}" for n in range(together)]).spans if together else ()
    then = [span(f"{PROFILES}{n}", n + 1, start=n * 0.02, end=n * 0.02 + 0.01) for n in range(together + 1, 21)]
    seen = trace([*first, *then])
    codes = [finding.code for rule in (fan001_n_plus_one_read.RULE, RULE) for finding in found(rule, [seen])]
    assert codes == ["FAN001" if together >= 10 else "FAN002"]


def test_the_impact_grows_with_calls_and_with_a_wait_that_is_noticed() -> None:
    assert [findings(loop(n))[0].impact for n in (5, 10, 20, 100)] == ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    for seconds, impact in ((0.5, "LOW"), (1.1, "MEDIUM")):
        slow = trace([span(f"{PROFILES}{n}", n + 1, start=n * seconds, end=(n + 1) * seconds) for n in range(5)])
        assert findings(slow)[0].impact == impact


def test_where_the_values_came_from_is_told_and_makes_it_certain() -> None:
    lines = [f"{PROFILES}{n}" for n in range(6)]
    (known,) = findings(after_a_list(lines, "6 rows, ids 90;91;92;93;94;95, creator_ids 0;1;2;3;4;5"))
    assert known.confidence == "high"
    assert known.evidence[2] == "6 of the values came from an earlier answer: creator_id of monthly_tracking"
    (unknown,) = findings(after_a_list(lines, "6 rows, ids 90;91;92;93;94;95"))
    assert (unknown.confidence, len(unknown.evidence)) == ("medium", 4)
    (guessed,) = findings(replace(after_a_list(lines, "6 rows"), explicit=False))
    assert guessed.confidence == "low"


def test_an_answer_that_came_later_is_no_origin() -> None:
    spans = loop(6).spans
    late = span("GET /creators?select=* → 6 rows, ids 0;1;2;3;4;5", 9, start=1.0)
    assert findings(trace([*spans, late]))[0].confidence == "medium"


def test_a_walk_from_row_to_row_is_not() -> None:
    walk = [f"then GET /folders?id=eq.{n} → 1 rows, ids {n}, parent_ids {n + 1}" for n in range(9)]
    (seen,) = told(walk)
    assert not findings(seen)
    (listed,) = told(["GET /files → 9 rows, folder_ids 0;1;2;3;4;5;6;7;8", *walk])
    assert findings(listed)


def test_a_tree_that_is_read_node_by_node_is_a_loop_as_each_answer_shows_several_of_the_next() -> None:
    def tree(nodes: int) -> list[str]:
        return [
            f"then GET /folders?select=id&parent_id=eq.{n} → 2 rows, ids {2 * n};{2 * n + 1}" for n in range(1, nodes)
        ]

    (small,), (large,) = told(tree(6)), told(tree(16))
    assert not findings(small), "fewer than min_distinct were known before the answer before"
    assert findings(large)


def test_polling_is_not() -> None:
    rows = [f"GET /jobs?id=eq.{n}" for n in range(6)]
    rounds = [
        span(line, 1, start=poll * 0.4 + n * 0.01, end=poll * 0.4 + n * 0.01 + 0.008)
        for poll in range(9)
        for n, line in enumerate(rows)
    ]
    assert not findings(trace(rounds))
    assert not findings(one_by_one([rows[0]] * 20))


def test_a_loop_within_a_loop_asks_at_even_intervals_and_is_one_all_the_same() -> None:
    assert findings(one_by_one([f"{PROFILES}{n % 6}" for n in range(24)], every=0.011))


def test_calls_far_apart_in_a_long_trace_are_not() -> None:
    lines = [f"{PROFILES}{n}" for n in range(20)]
    assert not findings(one_by_one(lines, every=2.0))
    assert findings(one_by_one(lines, every=2.0), RuleSettings(n_plus_one=NPlusOne(max_pause=3.0)))


def test_a_person_who_types_or_moves_over_a_list_is_no_loop_and_work_that_asks_for_other_rows_is_one() -> None:
    lines = [f"GET /users?select=id&name=eq.{'a' * n}" for n in range(1, 9)]
    assert findings(one_by_one(lines, every=0.08))
    typed = one_by_one(lines, every=0.14)
    assert not findings(typed)
    assert findings(typed, RuleSettings(n_plus_one=NPlusOne(max_pause=0.2)))
    work = [span(f"POST /rpc/work?n={n}", 20 + n, start=n * 0.14 + 0.02, end=n * 0.14 + 0.13) for n in range(8)]
    assert findings(trace([*typed.spans, *work]))


def test_a_slow_loop_is_known_by_keys_that_follow_each_other_in_an_earlier_answer() -> None:
    def paced(keys: Sequence[int]) -> Trace:
        listed = span("GET /creators?select=id → 20 rows, ids " + ";".join(map(str, range(20))), 1, end=0.02)
        return trace(
            [listed, *[span(f"{PROFILES}{key}", n, start=n * 0.3, end=n * 0.3 + 0.01) for n, key in enumerate(keys, 1)]]
        )

    assert findings(paced(range(3, 12)))
    assert findings(paced([*range(3, 9), *range(10, 16)]))
    assert not findings(paced([3, 9, 4, 12, 7, 1]))
    assert not findings(paced(range(0, 20, 2)))


def test_retries_pages_and_writes_are_not() -> None:
    assert not findings(trace([replace(one, retry=True) for one in loop(9).spans]))
    assert not findings(one_by_one([f"GET /videos?status=eq.x&limit=10&offset={n}0" for n in range(20)]))
    assert not findings(one_by_one([f"GET /videos?status=eq.x&id=gt.{n}&order=id&limit=10" for n in range(20)]))
    assert not findings(one_by_one([f"PATCH /videos?id=eq.{n}" for n in range(20)]))


def test_a_mixed_trace_is_not_judged() -> None:
    assert not findings(replace(loop(9), mixed=True))


def test_repeated_reads_of_a_loop_are_not_fan003s_too() -> None:
    seen = one_by_one([f"{PROFILES}{n % 6}" for n in range(24)], every=0.011)
    assert not found(fan003_duplicate_read.RULE, [seen])
    assert found(fan003_duplicate_read.RULE, [seen], RuleSettings(fan002="off"))


def test_videos_and_rushes_of_each_tracking_are_two_findings() -> None:
    lines = [f"GET /{table}?monthly_tracking_id=eq.{n}" for n in range(6) for table in ("videos", "rushes")]
    assert [finding.relation for finding in findings(one_by_one(lines))] == ["public.videos", "public.rushes"]


def test_the_fix_is_the_batch_method() -> None:
    lines = [f"GET /videos?select=*&monthly_tracking_id=eq.{n}&order=created_at.desc → 5 rows" for n in range(6)]
    (finding,) = findings(one_by_one(lines))
    assert "async function listVideosByMonthlyTrackingIds(monthlyTrackingIds) {" in finding.fix.supabase_js
    assert "byKey.get(key).push(row);" in finding.fix.supabase_js
    assert "where monthly_tracking_id = ANY($1)\norder by created_at desc;" in finding.fix.sql
    compile(finding.fix.supabase_py, "fix", "exec")
    sqlglot.parse_one(finding.fix.sql, dialect="postgres")


def test_the_key_to_mute_by_does_not_depend_on_values() -> None:
    assert findings(loop(6))[0].key == findings(loop(60))[0].key
