"""Where the values of a filter came from: an earlier answer that showed them."""

from __future__ import annotations

from proxy.analysis.fingerprint import read_fingerprint
from proxy.analysis.origin import MOST_KEYS, known_sooner, origins
from tests.rules.traces import told

READS = [f"then GET /t?id=eq.{n}" for n in range(4)]


def found(*before: str) -> list[tuple[str, str, int]]:
    (seen,) = told([*before, *READS])
    readers = seen.spans[len(before) :]
    (key,) = read_fingerprint(readers[0].fingerprint).filters
    return [(one.relation, one.column, one.found) for one in origins(seen.spans, readers, key)]


def test_the_answer_that_showed_most_of_them_comes_first() -> None:
    assert found("GET /a → 2 rows, ids 0;1", "GET /b → 4 rows, t_ids 0;1;2;3") == [("b", "t_id", 4), ("a", "id", 2)]


def test_several_answers_of_one_query_count_together() -> None:
    assert found("GET /a?x=eq.1 → 2 rows, t_ids 0;1", "GET /a?x=eq.2 → 2 rows, t_ids 2;3") == [("a", "t_id", 4)]


def test_less_than_half_is_chance() -> None:
    assert not found("GET /a → 1 rows, ids 0")
    assert not found("GET /a → 4 rows")


def test_so_many_keys_are_looked_at_and_the_last_answer_before_is_looked_at_first() -> None:
    many = ";".join(map(str, range(10, MOST_KEYS)))
    large = f"GET /large → 9 rows, ids {many};0;1;2;3"
    assert found(large, "then GET /b → 10 rows, t_ids 0;1;2;3;4;5;6;7;8;9") == [("b", "t_id", 4)]
    assert found("GET /b → 10 rows, t_ids 0;1;2;3;4;5;6;7;8;9", f"then {large}") == [("large", "id", 4)]


def sooner(*lines: str) -> int:
    (seen,) = told(lines)
    (key,) = read_fingerprint(seen.spans[0].fingerprint).filters
    return known_sooner(seen.spans, key)


def test_what_only_the_answer_before_showed_was_not_known_sooner() -> None:
    walk = [f"then GET /t?id=eq.{n} → 1 rows, ids {n}, parent_ids {n + 1}" for n in range(9)]
    assert sooner(*walk) == 0
    assert sooner("GET /t?id=eq.0 → 1 rows, ids 0, parent_ids 5", *walk[1:]) == 1


def test_keys_are_looked_at_up_to_a_number() -> None:
    many = ";".join(map(str, range(MOST_KEYS)))
    assert sooner(*[f"then GET /t?id=eq.{n} → 9 rows, ids 0;1;2;3;4;5;6;7;8" for n in range(9)]) == 7
    assert sooner("GET /t?id=eq.0 → 9 rows, ids " + many, *[f"then GET /t?id=eq.{n}" for n in range(1, 9)]) == 7
    assert sooner("GET /t?id=eq.0 → 9 rows, ids " + many + ";1", *[f"then GET /t?id=eq.{n}" for n in range(1, 9)]) == 0
