"""Every code, reason and result that fanin shows can be explained, and a wrong word is told the nearest."""

from __future__ import annotations

import pytest

from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.explain.words import UnknownWordError, meaning, meanings
from rules import RULES


def test_rules_reasons_results_and_errors_are_all_explained() -> None:
    words = {*BYPASS_REASONS, *FALLBACK_REASONS, *COMPARISON_RESULTS, *FAULTS}
    words |= {name for rule in RULES for name in (rule.code, rule.name)}
    assert meanings(RULES).keys() == words


@pytest.mark.parametrize("reason", BYPASS_REASONS)
def test_a_bypass_reason_is_explained_with_its_remedy(reason: str) -> None:
    text = meaning(reason, RULES)
    assert BYPASS_REASONS[reason] in text
    assert BYPASS_REMEDIES[reason] in text


@pytest.mark.parametrize("reason", FALLBACK_REASONS)
def test_a_fallback_reason_is_explained_with_its_remedy(reason: str) -> None:
    text = meaning(reason, RULES)
    assert FALLBACK_REASONS[reason] in text
    assert FALLBACK_REMEDIES[reason] in text


def test_a_rule_is_explained_by_its_code_and_by_its_name() -> None:
    rule = RULES[0]
    assert meaning(rule.code, RULES) == meaning(rule.name, RULES) == rule.document.rstrip()


def test_an_error_code_is_explained_with_its_status() -> None:
    assert meaning("FANIN505", RULES).startswith("503 ")


def test_a_word_that_is_nearly_right_is_told_the_right_one() -> None:
    with pytest.raises(UnknownWordError, match=r"'offst'.*; did you mean 'offset'"):
        meaning("offst", RULES)


def test_any_other_word_is_told_all_there_are() -> None:
    with pytest.raises(UnknownWordError, match=r"known are FAN001"):
        meaning("?", RULES)
