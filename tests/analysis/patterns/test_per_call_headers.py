"""Reads that ask for the same rows and got them are equal whatever names their calls; those of two callers are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from proxy.analysis.patterns.per_call_headers import differing_names, equal_but_for_a_header, header_names
from proxy.analysis.steps import result_of
from tests.rules.traces import span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.model import Span

READ = "GET /creators?select=handle&id=eq.7 → 1 rows"


def reads(count: int, line: str = READ, **changes: Any) -> list[Span]:
    """Reads of one caller, each with another exact identity."""
    made = [replace(span(line, number, start=float(number)), identity=5, **changes) for number in range(1, count + 1)]
    return [replace(one, same=10 + one.number, exact_identity=20 + one.number) for one in made]


def found(spans: Sequence[Span], known: Sequence[int] = (), least: int = 3) -> list[int]:
    """The number of reads of each run."""
    return [len(run) for run in result_of(equal_but_for_a_header(spans, known, least))]


def test_reads_of_one_caller_in_several_identities_are_a_run() -> None:
    assert found(reads(3)) == [3]
    assert found(reads(2)) == []
    assert found([replace(one, exact_identity=1) for one in reads(3)]) == []
    assert found(reads(3), known=[11]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"identity": 6},
        {"literals": (9, 9)},
        {"rows": 2},
        {"size": 101},
        {"total": 7},
        {"row_keys": (("id", (1,)),)},
        {"media": "object"},
        {"limit": 5},
        {"offset": 5},
        {"writes": 1},
        {"status": 404},
        {"retry": True},
        {"rows": -1},
    ],
)
def test_another_caller_question_or_answer_is_no_repetition(change: dict[str, Any]) -> None:
    one, two, three = reads(3)
    assert found([one, two, replace(three, **change)]) == []


def test_a_write_between_is_a_reason_to_read_again() -> None:
    one, two, three = reads(3)
    assert found([one, two, span("PATCH /videos?id=eq.1", 9, start=2.5), three]) == []


def test_a_header_that_fanin_found_to_be_new_in_each_call_makes_no_other_caller() -> None:
    apart = [replace(one, identity=one.number, differing_headers="x-foo") for one in reads(3)]
    assert found(apart) == [3]
    assert differing_names(apart) == ("x-foo",)
    assert found([replace(one, differing_headers="") for one in apart]) == []


def test_names_are_those_in_which_the_reads_differ() -> None:
    known = [replace(one, call_headers="x-request-id") for one in reads(3)]
    assert differing_names(known) == ("x-request-id",)
    assert header_names([known, reads(3)]) == "x-request-id"
    assert header_names([reads(3)]) == "a header that only names the call"
    assert header_names([[known[0]] * 3]) == ""
