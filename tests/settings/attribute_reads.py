"""Which attributes of which classes a program reads, as the type checker understands it.

A search for a name would take ``max_pause`` of one table for that of another; the type checker knows whose it is.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mypy.build import build
from mypy.nodes import MemberExpr
from mypy.options import Options
from mypy.types import Instance, Type, TypeVarType, UnionType, get_proper_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy.modulefinder import BuildSource

Read = tuple[str, str]
"""The full name of a class, and that of its attribute."""


def attribute_reads(sources: Sequence[BuildSource]) -> set[Read]:
    """Reads by the declared class of the object; packages from outside are not looked into."""
    options = Options()
    options.python_executable = sys.executable
    options.incremental = False
    options.export_types = True
    options.preserve_asts = True
    options.follow_imports = "skip"
    options.ignore_missing_imports = True
    types = build(list(sources), options).types
    members = [expression for expression in types if isinstance(expression, MemberExpr)]
    return {(owner, member.name) for member in members for owner in _classes(types.get(member.expr))}


def _classes(kind: Type | None) -> Iterator[str]:
    match None if kind is None else get_proper_type(kind):
        case Instance(type=found):
            yield found.fullname
        case UnionType(items=items):
            for item in items:
                yield from _classes(item)
        case TypeVarType(upper_bound=bound):
            yield from _classes(bound)
