"""The settings of the rules are those that the rules declare."""

from __future__ import annotations

import ast

import pytest

from proxy.settings import rules
from proxy.settings.declared import declared
from proxy.settings.loading import load
from proxy.settings.rules import RuleSettings
from proxy.settings.sources import ConfigError
from rules import RULES
from tests.test_imports import ROOT


def test_each_rule_has_its_level_and_its_thresholds_among_the_settings() -> None:
    settings = RuleSettings()
    for rule in RULES:
        context = settings.of(rule)
        assert (context.level, context.thresholds) == (rule.default_level, rule.thresholds())
        assert f"rules.{rule.code.lower()}" in declared()
        for name in rule.thresholds.model_fields:
            assert f"rules.{rule.thresholds.table}.{name}" in declared()


def test_a_table_has_one_class_of_thresholds() -> None:
    by_table = {rule.thresholds.table: rule.thresholds for rule in RULES}
    assert [rule.code for rule in RULES if by_table[rule.thresholds.table] is not rule.thresholds] == []


def test_thresholds_that_are_set_reach_the_rules_that_share_them() -> None:
    settings = load({"rules.n_plus_one.min_calls": "7", "rules.fan002": "off"}).settings.rules
    read, sequential = RULES[0], RULES[1]
    assert settings.of(read).thresholds.min_calls == settings.of(sequential).thresholds.min_calls == 7
    assert (settings.of(read).level, settings.of(sequential).level) == ("rewrite", "off")


@pytest.mark.parametrize("code", ["fan009", "fan016"])
def test_a_rule_that_cannot_rewrite_takes_no_such_level(code: str) -> None:
    with pytest.raises(ConfigError, match=rf"rules\.{code}: Input should be 'off' or 'report'"):
        load({f"rules.{code}": "rewrite"})


def test_what_the_data_path_is_told_of_the_types_is_true() -> None:
    """The model is made at run time: the type checker reads a class beside it."""
    tree = ast.parse((ROOT / "proxy/settings/rules.py").read_text(encoding="utf-8"))
    (named,) = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == "RuleSettings")
    told = {
        node.target.id: ast.unparse(node.annotation)
        for node in named.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    tables = {rule.thresholds.table: rule.thresholds.__name__ for rule in RULES}
    levels = {rule.code.lower(): "Level" for rule in RULES if rule.can_rewrite}
    assert told.keys() >= levels.keys()
    assert told.items() <= (tables | levels).items()
    assert rules.RuleSettings.model_fields.keys() >= told.keys()
