"""One file a rule; a line of MODULES for each, in running order, makes RULES.

A rule's document is its module docstring, under fixed headings; the command line, the pages and the report print it
from there.
"""

from importlib import import_module

from proxy.findings.model import Rule

MODULES = (
    "fan001_n_plus_one_read",
    "fan002_sequential_n_plus_one",
    "fan003_duplicate_read",
    "fan004_n_plus_one_write",
    "fan005_oversized_in_list",
    "fan006_reference_table_read",
    "fan007_list_all_to_find_one",
    "fan008_patch_and_recount",
    "fan009_unbounded_read",
    "fan010_truncated_read",
    "fan011_select_star",
    "fan012_deep_offset",
    "fan013_exact_count",
    "fan014_serial_independent_calls",
    "fan015_chatty_trace",
    "fan016_slow_query",
)


def _rule(name: str) -> Rule:
    module = import_module(f"rules.{name}")
    over = (getattr(module, kind, None) for kind in ("detect", "inspect"))
    return Rule(module.CODE, module.NAME, module.SAFETY, module.__doc__ or "", *over)


RULES: tuple[Rule, ...] = tuple(map(_rule, MODULES))
