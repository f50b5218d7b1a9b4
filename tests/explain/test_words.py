"""Every code, reason and result that fanin shows can be explained, and a wrong word is told the nearest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

import proxy
from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.errors.words import ALONE, CALL_KINDS, DROP_CAUSES, MEMO_RESULTS, OUTCOMES, RENAMED, TRACE_KINDS
from proxy.explain.words import UnknownWordError, meaning, meanings
from proxy.model import Outcome, Trace
from rules import RULES

SOURCES = [path for path in Path(proxy.__file__).parent.rglob("*.py") if "node_modules" not in path.parts]


def call_kinds() -> set[str]:
    """The kinds of upstream calls that the code makes."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    literals = re.findall(r'CallLabels\(\s*"(\w+)"|\.forward\(context, "(\w+)"|else "(outside)"', text)
    tunnels = re.findall(r'call, "(tunnel)"', text)
    return {word for words in literals for word in words if word} | set(tunnels)


def trace_kinds() -> set[str]:
    shapes = [(True, False), (False, False), (False, True)]
    return {replace(TRACE, explicit=explicit, mixed=mixed).kind for explicit, mixed in shapes} | {"truncated"}


TRACE = Trace("t", True, False, False, 1, "", 0.0, 0.0, ())


def test_every_word_that_is_printed_about_a_request_is_explained() -> None:
    words = {*BYPASS_REASONS, *FALLBACK_REASONS, *COMPARISON_RESULTS, *FAULTS, *Outcome, *call_kinds(), *trace_kinds()}
    words |= {name for rule in RULES for name in (rule.code, rule.name)} | {
        "alone",
        "replayed",
        *MEMO_RESULTS,
        *DROP_CAUSES,
    }
    assert words <= meanings(RULES).keys()
    assert meanings(RULES).keys() - words == RENAMED.keys() - {"replayed"}


@pytest.mark.parametrize("word", [*OUTCOMES, *ALONE, *CALL_KINDS, *TRACE_KINDS])
def test_a_word_of_several_kinds_has_all_its_explanations(word: str) -> None:
    text = meaning(word, RULES)
    for table in (OUTCOMES, ALONE, CALL_KINDS, TRACE_KINDS, BYPASS_REASONS, FALLBACK_REASONS):
        assert table.get(word, "") in text


def test_capitals_do_not_matter() -> None:
    assert meaning("fan001", RULES) == meaning("FAN001", RULES)
    assert meaning("Ties", RULES) == meaning("ties", RULES)


def test_an_older_word_is_explained_with_the_one_that_replaced_it() -> None:
    assert meaning("replayed", RULES).startswith("'replayed' is now called 'fallback'.")
    assert OUTCOMES["fallback"] in meaning("replayed", RULES)


def test_only_what_somebody_would_want_merged_is_called_not_merged() -> None:
    assert meaning("method", RULES).startswith("Passed on: ")
    assert meaning("offset", RULES).startswith("Not merged: ")


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
