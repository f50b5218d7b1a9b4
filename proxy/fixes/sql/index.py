"""The index that a query needs, unless one serves it.

PostgreSQL: "Multicolumn Indexes", "Indexes and ORDER BY", "Partial Indexes", "pg_trgm".
"""

from collections.abc import Iterator, Sequence

import msgspec

from proxy.analysis.fingerprint import Filter, OrderItem, ParsedFingerprint
from proxy.fixes.sql.clauses import expression, table_sql, with_direction
from proxy.postgrest.database_facts import DatabaseFacts, IndexFact, IndexKeyFact, RelationFacts

EQUAL = ("eq", "is.true", "is.false")
"""Operators that leave one value of a column, so that rows can be in order of the next column of an index."""
RANGE = ("gt", "gte", "lt", "lte")
TRIGRAM = ("like", "ilike", "match", "imatch")
"""Operators on patterns that need not begin at the start of a text."""
CONTAINED = ("cs", "cd", "ov")
SEARCH = ("fts", "plfts", "phfts", "wfts")
TEXTS = ("text", "character varying", "character")
UNORDERED = ("json", "xml", "point", "polygon", "box", "line", "path", "circle", "lseg")
"""Types that a B-tree cannot order."""
PATTERN_CLASS = "_pattern_ops"
"""End of the names of the operator classes whose B-trees serve equal texts and ``like``, but no range and no order."""
PARTITIONED = "p"
FORMS = {
    "is.null": ("{} is null",),
    "not.is.null": ("{} is not null",),
    "is.true": ("{}", "{} is true"),
    "is.false": ("not {}", "{} is false"),
}
"""How Postgres writes the conditions of these operators."""
ADDED = dict.fromkeys(map(ord, " ()"))
"""Characters that Postgres adds to an expression."""


class NeededIndex(msgspec.Struct, frozen=True):
    """An index by which a query finds its rows."""

    keys: tuple[OrderItem, ...]
    method: str = "btree"
    where: tuple[str, ...] = ()
    """Columns whose nulls alone are indexed, because the query reads no others."""
    equal: int = 0
    """Number of keys at the beginning whose order does not matter, as the query has one value for each, or a list."""


class IndexAdvice(msgspec.Struct, frozen=True):
    """``sql`` creates the index; empty if none helps or one serves. ``evidence`` is a line that says which."""

    sql: str
    evidence: str


def index_advice(parsed: ParsedFingerprint, facts: DatabaseFacts) -> IndexAdvice:
    """Whether an index is missing, as far as the database is known."""
    relation = facts.of(parsed.name)
    known = relation or RelationFacts()
    relation = known if known.complete and relation is not None else None
    if not known.can_have_indexes:
        kind = "foreign table" if known.kind == "f" else "view"
        return IndexAdvice("", f"{parsed.name} is a {kind}: an index belongs to the tables that it reads")
    unique = _unique_index(parsed, known)
    needed = unique or _needed(parsed, known)
    if needed is None:
        return IndexAdvice("", _no_index(parsed, known))
    serving = _serving_index(parsed, needed, known)
    if serving is not None:
        surely = not serving.predicate or _follows(serving.predicate, parsed)
        condition = "" if surely else f", if its condition ({serving.predicate}) follows from the filters"
        return IndexAdvice(
            "",
            f"the index {serving.name} serves the query{condition}: the time goes elsewhere (rows in the answer, a"
            " policy, an embed, a lock)",
        )
    columns = ", ".join(item.column for item in needed.keys)
    missing = _not_serving(parsed.name, len(known.indexes)) if relation else ""
    return IndexAdvice(_statement(parsed, needed, known, facts.trigrams), f"an index on {columns} serves it{missing}")


def _not_serving(name: str, indexes: int) -> str:
    """What is said of the indexes that ``name`` has."""
    if indexes < 2:
        return f"; the only index of {name} does not" if indexes else f"; {name} has no index"
    return f"; none of the {indexes} indexes of {name} does"


def _no_index(parsed: ParsedFingerprint, relation: RelationFacts) -> str:
    """Why no index is named for the query."""
    asked = dict.fromkeys([f.column for f in parsed.filters] + [item.column for item in parsed.order])
    computed = [column for column in asked if _is_computed(column, relation)]
    if not computed:
        return "no filter or order that an index supports"
    return (
        f"{', '.join(computed)}: no column of {parsed.name}, so a function computes it for each row; an index can have"
        " the same expression if the function is immutable"
    )


def _unique_index(parsed: ParsedFingerprint, relation: RelationFacts) -> NeededIndex | None:
    """The unique index whose columns all have a value, so that it finds at most one row per value."""
    given = {f.column for f in parsed.filters if f.operator in ("eq", "in")}
    for index in relation.indexes:
        names = tuple(key.text for key in index.keys)
        if index.unique and not index.predicate and given.issuperset(names):
            return NeededIndex(tuple(OrderItem(name, False, "") for name in names), equal=len(names))
    return None


def _needed(parsed: ParsedFingerprint, relation: RelationFacts) -> NeededIndex | None:
    """A B-tree for values, order and ranges, or a GIN index for texts and lists; None if no index helps."""
    equal = _columns(parsed, EQUAL, relation)
    lists = [column for column in _columns(parsed, ("in",), relation) if column not in equal]
    special = _special(parsed, relation)
    served = any(index.keys[0].text in {*equal, *lists} for index in relation.indexes)
    if special is not None and (served or not (equal or lists)):
        return special
    order = _order(parsed, [*equal], relation)
    items = [OrderItem(column, False, "") for column in [*equal, *lists]]
    ranges = [column for column in _columns(parsed, RANGE, relation) if column not in {*equal, *lists}]
    nulls = tuple(_columns(parsed, ("is.null",), relation))
    few = "limit=?" in parsed.rest or equal or nulls  # without: a sort of all rows is cheaper than an index scan
    if order and few and not lists:
        return NeededIndex((*items, *order), where=nulls, equal=len(items))
    items += [OrderItem(column, False, "") for column in ranges[:1]]
    if not items:
        return NeededIndex(tuple(OrderItem(column, False, "") for column in nulls[:1]), equal=1) if nulls else None
    return NeededIndex(tuple(items), where=nulls, equal=len(equal) + len(lists))


def _columns(parsed: ParsedFingerprint, operators: Sequence[str], relation: RelationFacts) -> list[str]:
    """The columns with a filter of ``operators`` that a B-tree can order, each once."""
    found = dict.fromkeys(f.column for f in parsed.filters if f.operator in operators)
    return [column for column in found if _is_ordered(column, relation)]


def _is_ordered(column: str, relation: RelationFacts) -> bool:
    plain = "." not in column and "(" not in column and not _is_computed(column, relation)
    return plain and ("->" in column or relation.type_of(column) not in UNORDERED)


def _is_computed(column: str, relation: RelationFacts) -> bool:
    """Whether PostgREST computes it by a function of the row: a name that none of the known columns has."""
    plain = "." not in column and "(" not in column
    return plain and bool(relation.columns) and column.partition("->")[0].encode() not in relation.columns


def _order(parsed: ParsedFingerprint, equal: Sequence[str], relation: RelationFacts) -> list[OrderItem]:
    """The items of the order that an index can have: none of a column with one value, none after a unique column."""
    items: list[OrderItem] = []
    for item in () if parsed.method == "HEAD" else parsed.order:
        if not _is_ordered(item.column, relation):
            return []
        if item.column not in equal:
            items.append(item)
            if relation.is_unique([item.column]):
                break
    return items


def _special(parsed: ParsedFingerprint, relation: RelationFacts) -> NeededIndex | None:
    """An index for patterns, or for what an array, a document or a text search contains."""
    patterns = [f.column for f in parsed.filters if f.operator in TRIGRAM and _is_text(f, relation)]
    if patterns:
        keys = tuple(OrderItem(column, False, "") for column in dict.fromkeys(patterns))
        return NeededIndex(keys, method="trigram", equal=len(keys))
    for condition in parsed.filters:
        method = _method(condition, relation.type_of(condition.column))
        if method:
            return NeededIndex((OrderItem(condition.column, False, ""),), method=method, equal=1)
    return None


def _is_text(condition: Filter, relation: RelationFacts) -> bool:
    """Whether the column is of a type whose patterns trigrams support, or of an unknown one."""
    if "." in condition.column or "(" in condition.column or _is_computed(condition.column, relation):
        return False
    return "->" in condition.column or relation.type_of(condition.column) in ("", *TEXTS)


def _method(condition: Filter, column_type: str) -> str:
    """``gin`` or ``gist``; empty if the type of the column is unknown, or needs neither."""
    if condition.operator in CONTAINED and column_type.endswith("range"):
        return "gist"
    listed = column_type.endswith("[]") or (column_type == "jsonb" and condition.operator == "cs")
    searched = condition.operator.partition("(")[0] in SEARCH and column_type == "tsvector"
    return "gin" if searched or (condition.operator in CONTAINED and listed) else ""


def _serving_index(parsed: ParsedFingerprint, needed: NeededIndex, relation: RelationFacts) -> IndexFact | None:
    """An index that serves as well as the needed one would; a partial one may."""
    serving = [index for index in relation.indexes if _serves(index, needed, relation)]
    follows = [index for index in serving if not index.predicate or _follows(index.predicate, parsed)]
    return next(iter(follows or serving), None)


def _serves(index: IndexFact, needed: NeededIndex, relation: RelationFacts) -> bool:
    texts = [_key_text(key.text) if "->" in key.text else key.text for key in index.keys]
    wanted = [_wanted_text(item) for item in needed.keys]
    if needed.method == "trigram":
        trigrams = [text for text, key in zip(texts, index.keys, strict=True) if key.operators.endswith("_trgm_ops")]
        return set(trigrams) >= set(wanted)
    if index.method == "hash":  # one key, found by a value; it has no order
        return needed.method == "btree" and needed.equal == len(wanted) and texts == wanted
    if index.method != needed.method:
        return False
    return _btree_serves(index, texts, needed, relation) if needed.method == "btree" else wanted[0] in texts


def _btree_serves(index: IndexFact, texts: Sequence[str], needed: NeededIndex, relation: RelationFacts) -> bool:
    """Whether its first keys are the needed ones: for equal values in any order, then by the order of the query."""
    if needed.where and not index.predicate and not set(needed.where) <= set(texts):
        return False
    equal = {_wanted_text(item) for item in needed.keys[: needed.equal]}
    keys = list(zip(texts, index.keys, strict=True))
    if set(texts[: len(equal)]) != equal or any(key.collated for _, key in keys[: len(equal)]):
        return False
    return _is_in_order(keys[len(equal) :], _without_tie_breakers(needed.keys[needed.equal :], relation))


def _is_in_order(keys: Sequence[tuple[str, IndexKeyFact]], ordered: Sequence[OrderItem]) -> bool:
    """Whether rows by these keys, forwards or backwards, are in the order."""
    if len(keys) < len(ordered):
        return False
    turned = set()
    for (text, key), item in zip(keys, ordered, strict=False):
        first = item.nulls == "nullsfirst" if item.nulls else item.descending
        backwards = key.descending != item.descending
        other_order = key.collated or key.operators.endswith(PATTERN_CLASS)
        if other_order or text != _wanted_text(item) or (key.nulls_first != backwards) != first:
            return False
        turned.add(backwards)
    return len(turned) <= 1


def _without_tie_breakers(ordered: Sequence[OrderItem], relation: RelationFacts) -> Sequence[OrderItem]:
    """The order without a unique column at its end: Postgres sorts the few rows that are equal up to there."""
    if len(ordered) > 1 and relation.is_unique([ordered[-1].column]):
        return ordered[:-1]
    return ordered


def _follows(predicate: str, parsed: ParsedFingerprint) -> bool:
    """Whether rows that pass the filters fulfil a simple condition of a partial index."""
    text = predicate.strip("()").lower()
    return any(
        text == form.format(expression(f.column).lower()) for f in parsed.filters for form in FORMS.get(f.operator, ())
    )


def _wanted_text(item: OrderItem) -> str:
    return _key_text(expression(item.column)) if "->" in item.column else item.column


def _key_text(text: str) -> str:
    """An expression without what Postgres adds: ``data->'a'->>'k'`` for ``((data -> 'a'::text) ->> 'k'::text)``."""
    return text.translate(ADDED).replace("::text", "")


def _statement(parsed: ParsedFingerprint, needed: NeededIndex, relation: RelationFacts, trigrams: str | None) -> str:
    """``create index concurrently on …``; Postgres takes ``concurrently`` for no partitioned table."""
    at_once = relation.kind == PARTITIONED
    lines = ["-- The table is partitioned: this stops writes until it is done."] if at_once else []
    if needed.method == "trigram" and trigrams is None:
        lines.append("create extension if not exists pg_trgm;")
    using = {"btree": "", "trigram": "using gin "}.get(needed.method, f"using {needed.method} ")
    keys = ", ".join(_keys(needed, trigrams))
    nulls = " and ".join(f"{expression(column)} is null" for column in needed.where)
    create = "create index" if at_once else "create index concurrently"
    lines.append(f"{create} on {table_sql(parsed)} {using}({keys}){f' where {nulls}' if nulls else ''};")
    return "\n".join(lines)


def _keys(needed: NeededIndex, trigrams: str | None) -> Iterator[str]:
    operators = f"{trigrams}.gin_trgm_ops" if trigrams not in (None, "public", "pg_catalog") else "gin_trgm_ops"
    for item in needed.keys:
        text = expression(item.column)
        text = f"({text})" if "->" in item.column else text
        yield f"{text} {operators}" if needed.method == "trigram" else with_direction(text, item)
