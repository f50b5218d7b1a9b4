"""The origin of a filter's values is an earlier answer that contained them."""

from __future__ import annotations

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.steps import result_of
from proxy.analysis.values.origin import MAX_KEYS, answers_with_keys, count_known_earlier, origins
from tests.rules.traces import told

READS = [f"then GET /t?id=eq.{n}" for n in range(4)]


def found_origins(*before: str) -> list[tuple[str, str, int]]:
    (seen,) = told([*before, *READS])
    readers = seen.spans[len(before) :]
    (key,) = parse_fingerprint(readers[0].fingerprint).filters
    found = result_of(origins(answers_with_keys(seen.spans), readers, key))
    return [(origin.relation, origin.column, origin.matches) for origin in found]


def test_the_answer_that_contained_most_values_comes_first() -> None:
    assert found_origins("GET /a → 2 rows, ids 0;1", "GET /b → 4 rows, t_ids 0;1;2;3") == [
        ("b", "t_id", 4),
        ("a", "id", 2),
    ]


def test_answers_of_one_fingerprint_count_together() -> None:
    assert found_origins("GET /a?x=eq.1 → 2 rows, t_ids 0;1", "GET /a?x=eq.2 → 2 rows, t_ids 2;3") == [("a", "t_id", 4)]


def test_an_answer_with_less_than_half_of_the_values_is_not_an_origin() -> None:
    assert not found_origins("GET /a → 1 rows, ids 0")
    assert not found_origins("GET /a → 4 rows")


def test_origins_examine_the_last_answer_first_and_stop_at_the_maximum_number_of_keys() -> None:
    many = ";".join(map(str, range(10, MAX_KEYS)))
    large = f"GET /large → 9 rows, ids {many};0;1;2;3"
    assert found_origins(large, "then GET /b → 10 rows, t_ids 0;1;2;3;4;5;6;7;8;9") == [("b", "t_id", 4)]
    assert found_origins("GET /b → 10 rows, t_ids 0;1;2;3;4;5;6;7;8;9", f"then {large}") == [("large", "id", 4)]


def known_earlier(*lines: str) -> int:
    (seen,) = told(lines)
    (key,) = parse_fingerprint(seen.spans[0].fingerprint).filters
    return result_of(count_known_earlier(seen.spans, key))


def test_a_value_that_only_the_preceding_answer_contained_was_not_known_earlier() -> None:
    walk = [f"then GET /t?id=eq.{n} → 1 rows, ids {n}, parent_ids {n + 1}" for n in range(9)]
    assert known_earlier(*walk) == 0
    assert known_earlier("GET /t?id=eq.0 → 1 rows, ids 0, parent_ids 5", *walk[1:]) == 1


def test_known_values_are_counted_up_to_the_maximum_number_of_keys() -> None:
    many = ";".join(map(str, range(MAX_KEYS)))
    assert known_earlier(*[f"then GET /t?id=eq.{n} → 9 rows, ids 0;1;2;3;4;5;6;7;8" for n in range(9)]) == 7
    assert known_earlier("GET /t?id=eq.0 → 9 rows, ids " + many, *[f"then GET /t?id=eq.{n}" for n in range(1, 9)]) == 7
    assert (
        known_earlier("GET /t?id=eq.0 → 9 rows, ids " + many + ";1", *[f"then GET /t?id=eq.{n}" for n in range(1, 9)])
        == 0
    )
