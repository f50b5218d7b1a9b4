"""Which columns of tables the columns of views show, so that the tables' keys hold for the views too.

Postgres stores a view as a tree of nodes, in which each entry of the select list names the column that it is. PostgREST
reads the same (``SchemaCache.hs``, ``allViewsKeyDependencies``).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product

import msgspec

from proxy.sql.relationships import Reference, RelationName

Attribute = tuple[int, int]
"""OID of a relation, and number of a column."""
Shown = Mapping[RelationName, Mapping[str, tuple[RelationName, str]]]
"""Per view and column, the table's column that it shows."""

MOST_COMBINATIONS = 8
"""Ways to choose columns of a view for a key, where several columns show the same one."""
TARGET_DEPTH = 2
"""Braces around an entry of the view's own select list; those of subqueries are deeper."""
_TOKENS = re.compile(r"\\.|[{}]|:(resno|resorigtbl|resorigcol) (-?\d+)", re.DOTALL)


def select_list(tree: str) -> dict[int, Attribute]:
    """Per column number of a view, the column that it is, from ``pg_rewrite.ev_action``; without expressions."""
    depth, entry, found = 0, dict[str, int](), dict[int, Attribute]()
    for token in _TOKENS.finditer(tree):
        text = token.group()
        if text == "{":
            depth += 1
        elif text == "}":
            if depth == TARGET_DEPTH and entry.get("resorigtbl"):
                found[entry["resno"]] = entry["resorigtbl"], entry["resorigcol"]
            entry = {} if depth == TARGET_DEPTH else entry
            depth -= 1
        elif depth == TARGET_DEPTH and token.group(1):
            entry[token.group(1)] = int(token.group(2))
    return found


def shown_columns(
    trees: Mapping[int, str], names: Mapping[int, RelationName], columns: Mapping[Attribute, str]
) -> dict[RelationName, dict[str, tuple[RelationName, str]]]:
    """Per view, the columns of tables that it shows, also through other views. ``trees`` are by OID of the view."""
    lists = {oid: select_list(tree) for oid, tree in trees.items()}
    shown: dict[RelationName, dict[str, tuple[RelationName, str]]] = {}
    for oid, entries in lists.items():
        own = shown.setdefault(names[oid], {})
        for number, attribute in entries.items():
            origin = _through_views(attribute, lists)
            if origin in columns and (oid, number) in columns and origin[0] not in trees:
                own[columns[oid, number]] = names[origin[0]], columns[origin]
    return shown


def _through_views(attribute: Attribute, lists: Mapping[int, Mapping[int, Attribute]]) -> Attribute:
    seen = set[Attribute]()
    while attribute[0] in lists and attribute not in seen:
        seen.add(attribute)
        attribute = lists[attribute[0]].get(attribute[1], attribute)
    return attribute


def with_views(references: Iterable[Reference], shown: Shown) -> Iterator[Reference]:
    """Each foreign key, and the ones that it stands for where views show all of its columns."""
    for key in references:
        sources = [(key.table, key.columns), *_showing(key.table, key.columns, shown)]
        targets = [(key.target, key.target_columns), *_showing(key.target, key.target_columns, shown)]
        for (table, columns), (target, target_columns) in product(sources, targets):
            yield msgspec.structs.replace(
                key, table=table, columns=columns, target=target, target_columns=target_columns
            )


def keys_of_views(
    keys: Mapping[RelationName, tuple[str, ...]], shown: Shown
) -> Iterator[tuple[RelationName, tuple[str, ...]]]:
    """The primary keys that views show."""
    for table, columns in keys.items():
        yield from _showing(table, columns, shown)


def _showing(
    table: RelationName, columns: tuple[str, ...], shown: Shown
) -> Iterator[tuple[RelationName, tuple[str, ...]]]:
    """The views that show all of these columns, with the names that they have there."""
    for view, origins in shown.items():
        choices = [[name for name, origin in origins.items() if origin == (table, column)] for column in columns]
        for chosen in islice(product(*choices), MOST_COMBINATIONS):
            yield view, chosen
