"""FAN014 tells reads that wait for nothing from chains in which one answer leads to the next question."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules.fan014_serial_independent_calls import RULE, detect
from tests.rules.traces import span, told, trace

DEFAULTS = RuleSettings().of(RULE)

RATES = "GET /video_rates?select=* → 5 rows, 30 ms"
PACKAGES = "then GET /package_definitions?select=* → 4 rows, 40 ms"
MIXES = "then GET /mix_definitions?select=* → 4 rows, 30 ms"
MINE = "GET /creators?user_id=eq.5 → 1 rows, 30 ms"


def found(*lines: str) -> list[str]:
    (seen,) = told(lines)
    return [f"{finding.title}: {finding.expected}" for finding in detect(seen, DEFAULTS)]


def test_reads_that_need_no_answer_of_each_other_are_found_with_what_they_would_save() -> None:
    assert found(RATES, PACKAGES, MIXES) == [
        "3 independent reads, made one after another: About 40 ms instead of 100 ms."
    ]


def test_a_value_that_was_known_from_the_start_makes_nothing_wait() -> None:
    assert found(
        MINE, "then GET /settings?user_id=eq.5 → 1 rows, 30 ms", "then GET /tasks?user_id=eq.5 → 3 rows, 30 ms"
    )


def test_counts_by_head_are_reads_whose_answers_give_no_value() -> None:
    counts = [f"then HEAD /{table}?select=*&owner=eq.{n} → -1 rows, 9 in all, 30 ms" for n, table in enumerate("ab")]
    assert found("HEAD /c?select=*&done=is.false → -1 rows, 9 in all, 30 ms", *counts)
    assert found("GET /c?select=*&done=is.false → 9 rows, 30 ms", *counts) == []
    same = [count.replace("eq.1", "eq.0") for count in counts]
    (finding,) = detect(told(("GET /c?owner=eq.0 → 9 rows, 30 ms", *same))[0], DEFAULTS)
    assert finding.title == "3 independent reads, made one after another"
    assert "({ data, count }) => data ?? count" in finding.fix.supabase_js
    assert "answers[0].data," in finding.fix.supabase_py
    assert "answers[2].count," in finding.fix.supabase_py


def test_an_answer_that_came_after_the_first_count_began_may_give_the_values_of_the_next() -> None:
    counts = [f"then HEAD /{table}?select=*&owner=eq.9 → -1 rows, 9 in all, 30 ms" for table in "ab"]
    assert found("GET /m → 1 rows, 50 ms", "HEAD /c?select=* → -1 rows, 9 in all, 30 ms", *counts) == []
    assert found("GET /m → 1 rows, 50 ms", "then HEAD /c?select=* → -1 rows, 9 in all, 30 ms", *counts)


def test_a_count_of_several_rows_looks_none_up() -> None:
    first, last = "GET /m?select=id → 1 rows, 30 ms", "then GET /n → 2 rows, 30 ms"
    assert found(first, "then HEAD /a?select=*&state=eq.late → -1 rows, 9 in all, 30 ms", last)
    assert found(first, "then HEAD /a?select=*&state=eq.late → -1 rows, 1 in all, 30 ms", last) == []


@pytest.mark.parametrize(
    "lines",
    [
        (RATES, PACKAGES),
        (RATES, PACKAGES.removeprefix("then "), MIXES.removeprefix("then ")),
        (
            MINE,
            "then GET /videos?creator_id=eq.77 → 9 rows, 30 ms",
            "then GET /rushes?creator_id=eq.77 → 9 rows, 30 ms",
        ),
        (RATES, "then PATCH /videos?id=eq.1", PACKAGES, MIXES),
        ("GET /a → 1 rows, 5 ms", "then GET /b → 1 rows, 5 ms", "then GET /c → 1 rows, 5 ms"),
        tuple(f"then GET /videos?id=eq.{number} → 1 rows, 30 ms" for number in range(9)),
        (
            "GET /participants?user_id=eq.1 → 1 rows, 30 ms",
            "then GET /conversations?id=eq.1 → 1 rows, 30 ms",
            "then GET /messages?conversation_id=eq.1 → 9 rows, 30 ms",
        ),
    ],
    ids=[
        "two",
        "together",
        "a value that an answer gave",
        "behind a write",
        "quick",
        "a loop over one query",
        "the same number in columns of other tables",
    ],
)
def test_other_chains_are_not(lines: tuple[str, ...]) -> None:
    assert found(*lines) == []


def test_the_key_of_a_table_has_the_name_that_other_tables_have_for_it() -> None:
    lines = ("creators?id=eq.5", "videos?creator_id=eq.5", "rushes?creator_id=eq.5")
    assert found(*(f"then GET /{line} → 1 rows, 30 ms" for line in lines))


def test_constants_that_no_answer_can_have_had_make_nothing_wait() -> None:
    lines = (
        "doctors?select=id,name&speciality=eq.heart",
        "visits?select=id&status=eq.missed",
        "rates?select=key,price",
    )
    assert found(*(f"then GET /{line} → 3 rows, 30 ms" for line in lines))
    assert not found(*(f"then GET /{line.replace('select=id,name', 'select=*')} → 3 rows, 30 ms" for line in lines))
    assert not found(*(f"then GET /{line.replace('id,name', 'id,status')} → 3 rows, 30 ms" for line in lines))


def test_names_that_postgrest_does_not_read_are_not_quoted() -> None:
    assert found(RATES, PACKAGES, MIXES.replace("select=*", "columns=secret")) == []


@pytest.mark.parametrize(("pause", "count"), [(0.4, 1), (0.6, 0)])
def test_reads_with_a_long_time_between_them_are_a_persons_or_a_timers(pause: float, count: int) -> None:
    (seen,) = told((RATES, PACKAGES, MIXES))
    apart = [
        replace(span, start=span.start + number * pause, end=span.end + number * pause)
        for number, span in enumerate(seen.spans)
    ]
    assert len(list(detect(trace(apart), DEFAULTS))) == count
    busy = [span(f"GET /jobs?id=eq.{n}", 9 + n, start=n * 0.3, end=n * 0.3 + 0.01) for n in range(5)]
    assert list(detect(trace([*apart, *busy]), DEFAULTS)), "but where something is asked meanwhile it is no pause"


def test_reads_of_which_a_busy_client_began_some_late_are_no_chain() -> None:
    chain = [span(f"GET /{name}?select=*", n, start=n * 0.1, end=n * 0.1 + 0.05) for n, name in enumerate("abc")]
    together = [span(f"GET /d?id=eq.{n}", 9 + n, start=0.01 + n * 0.001, end=0.04) for n in range(9)]
    assert list(detect(trace(chain), DEFAULTS))
    assert list(detect(trace([*chain, *together[:3]]), DEFAULTS))
    assert not list(detect(trace([*chain, *together]), DEFAULTS))


def test_the_chain_that_would_save_most_is_told() -> None:
    lines = (RATES, "then GET /videos?creator_id=eq.77 → 9 rows, 30 ms", PACKAGES, MIXES)
    assert found(*lines) == ["3 independent reads, made one after another: About 40 ms instead of 100 ms."]
