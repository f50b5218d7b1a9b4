"""Client code of a read with named columns, and its SQL: a read of all columns names each of them."""

import json
import re
from collections.abc import Iterator

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.values.unique_key import HOW_TO_KNOW
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import select_items
from proxy.fixes.clients.filter_code import quoted_name
from proxy.fixes.clients.memoized import memoized
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.read_code import read_js, read_py
from proxy.fixes.sql.read import read_sql
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.postgrest.request.select_list import Embed, Items, SelectItem

_STAR = re.compile(r"(?<![^,(])\*(?=[,)]|$)")
_COLUMNS = "\x00"
"""Placeholder for the columns, which the code passes as a variable."""
MOST_COLUMNS = 100
"""Of one relation, in code that lists them."""
LEAVE_OUT = "all columns: leave out those that the code does not read"


def starred(parsed: ParsedFingerprint) -> list[str]:
    """The relations whose columns a select asks for with ``*``: the query's own, and embeds by their names."""

    def within(name: str, items: Items) -> Iterator[str]:
        if any(_is_star(item) for item in items):
            yield name
        for item in items:
            if isinstance(item, Embed):
                yield from within(item.output_name, item.items)

    return list(dict.fromkeys(within(parsed.name, select_items(parsed.select) or ())))


def _is_star(item: SelectItem | Embed) -> bool:
    return isinstance(item, SelectItem) and str(item.field) == "*" and not item.aggregate


def narrow_fix(parsed: ParsedFingerprint, facts: DatabaseFacts) -> Fix:
    """The read with the names of all columns, from which the developer leaves out those that the code does not read."""
    relations = list(_starred_relations(parsed.name, parsed.schema, select_items(parsed.select) or ()))
    for name in relations:
        if reason := _no_columns_reason(name, facts):
            return Fix(reason=reason)
    lists = iter([",".join(map(quoted_name, columns_of(name, facts))) for name in relations])
    named = replace(parsed, select=_STAR.sub(lambda _: next(lists, "*"), parsed.select))
    return printable_fix([named], lambda: narrow_sql(named), lambda: narrow_js(named), lambda: narrow_py(named))


def _starred_relations(name: str, schema: str, items: Items) -> Iterator[str]:
    """Per ``*`` in the select, from left to right, the relation whose columns it stands for, as in a fingerprint."""
    for item in items:
        if isinstance(item, Embed):
            yield from _starred_relations(f"{schema}.{item.relation}" if schema else item.relation, schema, item.items)
        elif _is_star(item):
            yield name


def columns_of(name: str, facts: DatabaseFacts) -> list[str]:
    """The columns of a relation in their order; empty if they are unknown."""
    relation = facts.of(name)
    return [] if relation is None else [column.decode() for column in relation.columns if column != b"ctid"]


def _no_columns_reason(name: str, facts: DatabaseFacts) -> str:
    columns = columns_of(name, facts)
    if not columns:
        return f"No code: the columns of {name} are unknown; {HOW_TO_KNOW}. Name those that the code reads in select."
    if len(columns) > MOST_COLUMNS:
        return f"No code: {name} has {len(columns)} columns. Name those that the code reads in select."
    return ""


@memoized
def narrow_js(named: ParsedFingerprint) -> str:
    """A supabase-js function that selects the columns that ``named`` has, from a variable."""
    code = read_js(replace(named, select=_COLUMNS)).replace(json.dumps(_COLUMNS), "columns")
    return f"const columns = {json.dumps(named.select)}; // {LEAVE_OUT}\n{code}"


@memoized
def narrow_py(named: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    code = read_py(replace(named, select=_COLUMNS)).replace(json.dumps(_COLUMNS), "columns")
    return f"columns = {json.dumps(named.select)}  # {LEAVE_OUT}\n\n{code}"


def narrow_sql(named: ParsedFingerprint) -> str:
    """The read in SQL."""
    return f"-- {LEAVE_OUT}\n{read_sql(named)}"
