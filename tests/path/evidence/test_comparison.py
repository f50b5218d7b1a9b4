"""Differences are described without values, a mismatch needs several rounds, and pauses grow."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors.codes import COMPARISON_RESULTS
from proxy.path.evidence.comparison import (
    FAILED,
    MATCH,
    MERGED,
    MISMATCH,
    ORIGINALS,
    ROUNDS,
    SKIPPED,
    UNSTABLE,
    UNUSABLE,
    ByteBudget,
    ComparedAnswer,
    Comparison,
    Exemptions,
    MismatchPauses,
    choose_answers,
    difference,
    is_sampled,
    without_compression,
)

HEAD = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Range: 0-0/*\r\nA: 1\r\nB: 2\r\nA: 3\r\nTransfer-Encoding: chunked\r\n"
ROW = b'[{"id":1,"secret":"hush"}]'
ONE, TWO = ComparedAnswer(HEAD, b"[1]"), ComparedAnswer(HEAD, b"[2]")


def test_the_results_are_those_of_the_error_table() -> None:
    assert {MATCH, MISMATCH, UNSTABLE, UNUSABLE, SKIPPED, FAILED} == set(COMPARISON_RESULTS)


# Comparing. The allowed differences are tested in tests/test_allowed_differences.py.


def test_the_empty_line_after_a_head_is_not_compared() -> None:
    framed = HEAD.replace(b"Transfer-Encoding: chunked", b"Content-Length: 26") + b"\r\n"
    assert difference(ComparedAnswer(HEAD, ROW), ComparedAnswer(framed, ROW)) == ""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"200 OK", b"406 Not Acceptable", "status line, 200 became 406"),
        (b"200 OK", b"200 hush", "status line, 200 became 200"),
        (b"0-0/*", b"hush", "headers Content-Range"),
        (b"B: 2\r\n", b"", "headers B"),
        (b"B: 2\r\n", b"C: hush\r\nB: hush\r\n", "headers B, C"),
        (b"A: 1\r\nB: 2", b"B: 2\r\nA: 1", "the order of headers"),
        (b"A: 3\r\n", b"", "headers A"),
    ],
)
def test_a_difference_of_heads_is_described_by_header_name(before: bytes, after: bytes, expected: str) -> None:
    changed = HEAD.replace(before, after, 1)
    assert changed != HEAD
    assert difference(ComparedAnswer(HEAD, ROW), ComparedAnswer(changed, ROW)) == expected


def test_a_difference_of_bodies_is_described_by_position_and_length() -> None:
    assert difference(ComparedAnswer(HEAD, ROW), ComparedAnswer(HEAD, ROW.replace(b"hush", b"husband"))) == (
        "the body from byte 22 on, 26 bytes became 29"
    )
    assert (
        difference(ComparedAnswer(HEAD, b""), ComparedAnswer(HEAD, b"[]"))
        == "the body from byte 0 on, 0 bytes became 2"
    )


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_the_position_is_the_first_different_byte(same: bytes, one: bytes, two: bytes) -> None:
    text = difference(ComparedAnswer(HEAD, same + one), ComparedAnswer(HEAD, same + two))
    if one == two:
        assert text == ""
        return
    position = int(text.split("byte ")[1].split(" ")[0])
    assert position >= len(same)
    assert (same + one)[:position] == (same + two)[:position]
    assert (same + one)[position : position + 1] != (same + two)[position : position + 1]


SECRETS = st.text("éqxz", min_size=4, max_size=9)
VALUES = st.dictionaries(st.sampled_from(["A", "B", "Set-Cookie"]), SECRETS)


@given(VALUES, VALUES, SECRETS, SECRETS)
def test_a_description_contains_no_value(head: dict[str, str], other: dict[str, str], body: str, another: str) -> None:
    def answer(values: dict[str, str], text: str) -> ComparedAnswer:
        lines = "".join(f"{name}: {value}\r\n" for name, value in values.items())
        return ComparedAnswer(f"HTTP/1.1 200 OK\r\n{lines}".encode(), json.dumps([text]).encode())

    text = difference(answer(head, body), answer(other, another))
    assert bool(text) == ((list(head.items()), body) != (list(other.items()), another))
    assert not any(secret in text for secret in (*head.values(), *other.values(), body, another))


def test_rows_in_another_order_differ_unless_row_order_is_exempt() -> None:
    one = ComparedAnswer(HEAD, b'[{"a":"}, \\n {"}, \n {"b": 1.0}]')
    two = ComparedAnswer(HEAD, b'[{"b": 1.0}, \n {"a":"}, \\n {"}]')
    assert difference(one, two)
    assert difference(one, two, Exemptions(row_order=True)) == ""
    for body in (b'[{"b":1}, \n {"a":"}, \\n {"}]', b'[{"b": 1.0}]', b"no json", b'[{"b": 1.0},{"a":"}, \\n {"}]'):
        assert difference(one, ComparedAnswer(HEAD, body), Exemptions(row_order=True))


# Rounds.


def result_of(*answers: ComparedAnswer | str) -> str:
    """The result of a comparison whose merged answer was TWO and whose original was ONE, after further ``answers``."""
    comparison = Comparison(ONE, TWO)
    for kind, one in zip(ROUNDS, answers, strict=False):
        assert comparison.result == ""
        comparison.add(kind, one)
    return comparison.result


def test_an_equal_answer_is_a_match() -> None:
    assert Comparison(ONE, ComparedAnswer(HEAD.replace(b"now", b"then"), b"[1]")).result == MATCH


def test_a_merged_answer_that_differs_in_every_round_is_a_mismatch() -> None:
    assert [kind == MERGED for kind in ROUNDS] == [False, True, False, True, False]
    assert result_of(ONE, TWO, ONE, TWO, ONE) == MISMATCH
    assert result_of(ONE, ComparedAnswer(HEAD, b"[3]"), ONE, TWO, ONE) == MISMATCH


@pytest.mark.parametrize("rounds", range(len(ROUNDS)))
def test_there_is_no_result_before_the_last_round(rounds: int) -> None:
    assert result_of(*(ONE, TWO, ONE, TWO, ONE)[:rounds]) == ""


@pytest.mark.parametrize("at", range(len(ROUNDS)))
def test_a_changed_original_or_an_equal_merged_answer_is_unstable(at: int) -> None:
    answers = [ONE, TWO, ONE, TWO, ONE][:at]
    assert result_of(*answers, ONE if ROUNDS[at] == MERGED else TWO) == UNSTABLE


@pytest.mark.parametrize("result", [SKIPPED, FAILED])
def test_a_missing_answer_is_the_result(result: str) -> None:
    assert result_of(ONE, result) == result


@given(st.lists(st.integers(0, 10**6), min_size=7, max_size=7, unique=True).map(sorted))
def test_rows_that_always_change_are_never_a_mismatch(versions: list[int]) -> None:
    original, merged, *rest = (ComparedAnswer(HEAD, b"[%d]" % version) for version in versions)
    comparison = Comparison(original, merged)
    comparison.add(ORIGINALS, rest[0])
    assert comparison.result == UNSTABLE


# Sampling.


def test_share_0_samples_no_batch_and_share_1_every_batch() -> None:
    drawn = [0.0, 0.3, 0.999999]
    assert [is_sampled(0.0, one) for one in drawn] == [False] * 3
    assert [is_sampled(1.0, one) for one in drawn] == [True] * 3
    assert [is_sampled(0.5, one) for one in drawn] == [True, True, False]


def test_each_answer_can_be_among_the_chosen_ones() -> None:
    answers = list(range(10))
    drawn = [choose_answers(answers, 3, one / 10) for one in range(10)]
    assert all(len(set(few)) == 3 for few in drawn)
    assert Counter(answer for few in drawn for answer in few) == dict.fromkeys(answers, 3)
    assert choose_answers(answers[:2], 3, 0.9) == [1, 0]


def test_an_original_is_requested_unchanged_but_without_compression() -> None:
    forward = b"Host: h\r\naccept-encoding: gzip\r\nCookie: a=b\r\nAccept-Encoding: br\r\nAccept: x\r\n"
    assert without_compression(forward) == b"Host: h\r\nCookie: a=b\r\nAccept: x\r\nAccept-Encoding: identity\r\n"


def test_the_budget_reserves_no_more_than_its_limit() -> None:
    budget = ByteBudget(10)
    assert [budget.reserve(6), budget.reserve(5), budget.reserve(4), budget.reserve(1)] == [True, False, True, False]
    budget.release(6)
    assert budget.reserved == 4
    assert budget.reserve(6)


# Pausing.


def test_a_pause_doubles_up_to_a_maximum() -> None:
    pauses, now, lengths = MismatchPauses(1.0, 5.0, 10), 0.0, []
    for _ in range(5):
        lengths.append(pauses.start("a", now))
        assert pauses.paused("a", now)
        assert pauses.start("a", now + lengths[-1] / 2) == 0.0
        now += lengths[-1]
        assert not pauses.paused("a", now)
    assert lengths == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_only_the_fingerprint_with_the_mismatch_is_paused() -> None:
    pauses = MismatchPauses(1.0, 5.0, 10)
    pauses.start("a", 0.0)
    assert not pauses.paused("b", 0.0)
    assert (pauses.count(0.5), pauses.count(1.0)) == (1, 0)


def test_after_a_pause_every_batch_is_compared_for_the_same_time() -> None:
    pauses = MismatchPauses(2.0, 5.0, 10)
    assert not pauses.compares_all("a", 0.0)
    pauses.start("a", 0.0)
    assert [pauses.compares_all("a", now) for now in (1.0, 2.0, 3.9, 4.0)] == [True, True, True, False]


def test_after_a_long_time_without_mismatch_the_pause_is_reset() -> None:
    pauses = MismatchPauses(1.0, 5.0, 10)
    pauses.start("a", 0.0)
    assert pauses.start("a", 6.0) == 2.0
    assert pauses.start("a", 8.0 + 5.1) == 1.0


def test_the_number_of_pauses_is_bounded_and_the_oldest_is_dropped() -> None:
    pauses = MismatchPauses(9.0, 9.0, 2)
    for name in "abc":
        pauses.start(name, 0.0)
    assert [pauses.paused(name, 1.0) for name in "abc"] == [False, True, True]


@pytest.mark.parametrize(
    ("merged", "reordered"),
    [
        (ComparedAnswer(HEAD, b'[{"a":2}, \n {"a":1}]'), True),
        (ComparedAnswer(HEAD, b'[{"a":1}, \n {"a":2}]'), False),
        (ComparedAnswer(HEAD, b'[{"a":2}, \n {"a":2}]'), False),
        (ComparedAnswer(HEAD.replace(b"B: 2", b"B: 3"), b'[{"a":2}, \n {"a":1}]'), False),
    ],
)
def test_answers_with_the_same_rows_in_another_order_are_told_from_others(
    merged: ComparedAnswer, reordered: bool
) -> None:
    comparison = Comparison(ComparedAnswer(HEAD, b'[{"a":1}, \n {"a":2}]'), merged)
    assert comparison.is_reordered is reordered
