"""The settings of the rules, collected from the rules: one level and one table of thresholds per rule."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field, create_model

from proxy.analysis.rule import Level, Rule, RuleContext, T
from proxy.settings_base import OVERRIDE, Section
from rules import RULES

if TYPE_CHECKING:
    from rules.fan003_duplicate_read import DuplicateRead
    from rules.fan005_oversized_in_list import OversizedInList


class CollectedRuleSettings(Section):
    """Base of ``RuleSettings``: looks up the settings of a rule."""

    model_config = ConfigDict(json_schema_extra=OVERRIDE)

    def of(self, rule: Rule[T]) -> RuleContext[T]:
        """Level and thresholds of ``rule``; the defaults for a rule that is not in RULES."""
        table = getattr(self, rule.thresholds.table, None)
        return RuleContext(self.level(rule.code), rule.thresholds() if table is None else table, self)

    def level(self, code: str) -> Level:
        """The level of the rule ``code``; ``report`` for a rule that is not in RULES."""
        level: Level = getattr(self, code.lower(), "report")
        return level


def _fields() -> dict[str, Any]:
    """The fields for ``create_model``: levels by rule code, then tables by name."""
    levels = {
        rule.code.lower(): (
            Literal[rule.levels],
            Field(rule.default_level, description=f"Level of {rule.code} {rule.name}."),
        )
        for rule in RULES
    }
    tables = {rule.thresholds.table: (rule.thresholds, rule.thresholds()) for rule in RULES}
    return {**levels, **tables}


if TYPE_CHECKING:

    class RuleSettings(CollectedRuleSettings):
        """The table ``rules``, which has the settings of all RULES. The data path reads the ones declared here."""

        fan001: Level
        fan002: Level
        fan003: Level
        fan004: Level
        fan005: Level
        fan006: Level
        duplicate_read: DuplicateRead
        oversized_in_list: OversizedInList

        def __init__(self, **settings: Any) -> None: ...

else:
    RuleSettings = create_model("RuleSettings", __base__=CollectedRuleSettings, __module__=__name__, **_fields())
