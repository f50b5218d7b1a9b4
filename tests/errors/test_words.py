"""The tables of words have each word that the code prints, and no other."""

from __future__ import annotations

from proxy.errors.codes import BYPASS_REASONS
from proxy.errors.words import CALL_KINDS, NEVER_MERGED, OUTCOMES, RENAMED, TRACE_KINDS
from proxy.explain.words import meanings
from proxy.model import Outcome
from rules import RULES
from tests.explain.test_words import call_kinds, trace_kinds


def test_the_tables_of_words_are_what_the_code_prints() -> None:
    assert OUTCOMES.keys() == {outcome.value for outcome in Outcome}
    assert CALL_KINDS.keys() == call_kinds()
    assert TRACE_KINDS.keys() == trace_kinds()
    assert BYPASS_REASONS.keys() >= NEVER_MERGED
    assert not RENAMED.keys() & meanings(RULES).keys() - RENAMED.keys()
