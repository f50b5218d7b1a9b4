"""A loop that no list of keys replaces has a reason that says which read may."""

from __future__ import annotations

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.patterns.fan_out import LoopThresholds, parallel_fan_out
from proxy.analysis.patterns.pauses import BusyTime
from proxy.analysis.patterns.varying import similar_calls
from proxy.analysis.steps import result_of
from proxy.fixes.loops.batch_reasons import COUNTED, NOT_EXACT, OF_ARRAYS, batch_reason
from tests.fixes.seen import seen
from tests.rules.traces import span


def reason_of(*lines: str) -> str:
    spans = [span(line, number) for number, line in enumerate(lines, 1)]
    parsed = parse_fingerprint(spans[0].fingerprint)
    bounds = LoopThresholds(min_calls=5, min_distinct=5, max_pause=1)
    found = result_of(parallel_fan_out(parsed, spans, bounds, BusyTime(spans)))
    assert found is not None
    return batch_reason(result_of(similar_calls(parsed, spans, found.key)))


def loop(query: str, answer: str = "", method: str = "GET") -> list[str]:
    return [f"{method} /t?{query.format(number)}{answer}" for number in range(6)]


def test_a_plain_key_has_a_batch_read() -> None:
    assert reason_of(*loop("id=eq.{}")) == ""
    assert reason_of(*loop("id=eq.{}", " → 3 in all", "HEAD")) == ""


def test_conditions_for_which_no_list_stands_are_named_with_what_may_replace_them() -> None:
    tree = reason_of(*loop("or=(and(a.eq.{0},b.eq.1),and(a.eq.1,b.eq.{0}))"))
    assert "One or=(…) of the conditions of all calls" in tree
    assert "not which pattern a row was for" in reason_of(*loop("email=ilike.{}@x.org"))
    embed = reason_of(*loop("select=*,users!inner(id)&users.id=eq.{}"))
    assert "read the relation of users by id=in.(…), with t embedded in it" in embed


def test_counts_that_are_not_exact_and_counts_beside_some_rows_are_told() -> None:
    assert reason_of(*loop("id=eq.{}", method="HEAD")) == NOT_EXACT
    assert reason_of(*loop("owner_id=eq.{}&limit=1", " → 1 rows, 9 in all")) == COUNTED


def test_an_array_is_no_element_of_a_list() -> None:
    assert batch_reason(seen("GET t?tags=eq.?", "tags", kind="array")) == OF_ARRAYS
    assert not batch_reason(seen("GET t?tags=eq.?&kind=eq.?", "tags", "kind", kind="array"))
