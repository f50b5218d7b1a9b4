"""Whatever fanin names as the reason for something has one remedy."""

from __future__ import annotations

import pytest

from proxy.errors.codes import BYPASS_REASONS, FALLBACK_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.settings.declared import declared


def test_each_bypass_reason_has_one_remedy() -> None:
    assert BYPASS_REMEDIES.keys() == BYPASS_REASONS.keys()


def test_each_fallback_reason_has_one_remedy() -> None:
    assert FALLBACK_REMEDIES.keys() == FALLBACK_REASONS.keys()


@pytest.mark.parametrize("text", [*BYPASS_REMEDIES.values(), *FALLBACK_REMEDIES.values()])
def test_a_remedy_is_sentences_on_one_line(text: str) -> None:
    assert text[0].isupper()
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize("text", [*BYPASS_REMEDIES.values(), *FALLBACK_REMEDIES.values()])
def test_a_remedy_names_only_settings_that_are_there(text: str) -> None:
    tables = {name.partition(".")[0] for name in declared() if "." in name}
    named = {word.strip(",;.:()") for word in text.split()}
    assert {name for name in named if name.partition(".")[0] in tables and "." in name} <= declared().keys()
