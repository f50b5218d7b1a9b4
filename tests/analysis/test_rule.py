"""The levels that a rule may have are those that it can act on."""

from __future__ import annotations

import pytest

from proxy.analysis.rule import Rule
from proxy.settings_base import Thresholds


def rule(can_rewrite: bool) -> Rule[Thresholds]:
    return Rule(code="FAN999", name="n", safety="safe", document="", thresholds=Thresholds, can_rewrite=can_rewrite)


@pytest.mark.parametrize(("can_rewrite", "levels"), [(True, ("off", "report", "rewrite")), (False, ("off", "report"))])
def test_only_a_rule_with_a_cure_on_the_data_path_can_be_at_level_rewrite(
    can_rewrite: bool, levels: tuple[str, ...]
) -> None:
    assert rule(can_rewrite).levels == levels


def test_a_rule_that_says_nothing_of_its_level_reports() -> None:
    assert rule(can_rewrite=False).default_level == "report"
