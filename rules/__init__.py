"""One file a rule; RULES lists them in running order.

A rule's document is its module docstring, under fixed headings; the command line, the pages and the report print it
from there.
"""

from types import ModuleType

from proxy.model import Rule
from rules import fan001_n_plus_one_read, fan003_duplicate_read, fan010_truncated_read


def _rule(module: ModuleType) -> Rule:
    return Rule(module.CODE, module.NAME, module.SAFETY, module.__doc__ or "", module.detect)


RULES: tuple[Rule, ...] = tuple(map(_rule, (fan001_n_plus_one_read, fan003_duplicate_read, fan010_truncated_read)))
