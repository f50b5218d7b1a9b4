"""FAN023 duplicate-index: an index that another index of the same table makes redundant.

What it does
------------
Finds, in the schemas that PostgREST serves, indexes whose keys equal those of another index, or are the first keys of
one, with the same access method, operator classes, collations, directions and predicate. An index that enforces a
constraint or uniqueness, that a foreign key or the replica identity needs, or that is not valid is never reported. One
with more INCLUDE columns than the other is not redundant. Prefixes count for btree only. With traffic, a prefix at most
half as large as the longer index is not redundant if observed requests search by its columns alone: they read less.

Why it hurts
------------
Each write to the table also writes to each of its indexes, and each index takes space and memory. A redundant one
answers no query that the other does not answer.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id bigint, created_at timestamptz);
    create index videos_owner on public.videos (owner_id);
    create index videos_owner_created on public.videos (owner_id, created_at);

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id bigint, created_at timestamptz);
    create index videos_open on public.videos (owner_id) where created_at is null;
    create unique index videos_owner on public.videos (owner_id);
    create index videos_owner_created on public.videos (owner_id, created_at);

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id bigint, created_at timestamptz);
    create index videos_owner_created on public.videos (owner_id, created_at);

Safety
------
Advice: fanin changes nothing. The shorter index is smaller, so a query that used it may read a few more pages.
"""

from collections.abc import Iterator, Sequence

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.volume import format_bytes
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape
from proxy.schema.index_sql import drop_index
from proxy.schema.names import quoted
from proxy.schema.relation import Index, Relation
from proxy.schema.snapshot import Database
from proxy.settings_base import Thresholds


class DuplicateIndex(Thresholds):
    table = "duplicate_index"


SMALLER = 2
"""A prefix so many times smaller than the longer index is of use to requests that search by it alone."""
LARGE = 100_000_000
"""Bytes from which the impact is MEDIUM."""


def inspect(database: Database, workload: Workload, _: RuleContext[DuplicateIndex]) -> Iterator[Finding]:
    """One finding per redundant index; of two equal ones, the later name is redundant."""
    for relation in database.own():
        searched = _searched_columns(relation, database, workload)
        for index in relation.indexes:
            others = (
                other
                for other in relation.indexes
                if other.name != index.name and _serves(other, index) and not _reads_less(index, other, searched)
            )
            if not index.is_needed and (better := next(others, None)):
                yield _finding(relation, index, better)


RULE = Rule(
    code="FAN023",
    name="duplicate-index",
    safety="advice",
    document=__doc__,
    thresholds=DuplicateIndex,
    inspect_database=inspect,
    needs=("relations", "indexes"),
)


def _serves(other: Index, index: Index) -> bool:
    """Whether ``other`` answers each query that ``index`` does."""
    alike = other.valid and other.method == index.method and other.where == index.where
    length = len(index.keys)
    if not alike or other.keys[:length] != index.keys or not set(index.include) <= set(other.include):
        return False
    if len(other.keys) > length:
        return index.method == "btree"
    if len(other.include) > len(index.include):
        return True
    return other.is_needed or other.name < index.name


def _searched_columns(relation: Relation, database: Database, workload: Workload) -> list[frozenset[str]]:
    """Per observed fingerprint, the columns of the relation that it compares by equality."""
    names = {relation.full_name, *((relation.name,) if relation.schema in database.schemas[:1] else ())}
    parsed = (parse_fingerprint(usage.fingerprint) for usage in workload if usage.relation in names)
    return [frozenset(one.column for one in each.filters if one.operator in ("eq", "in")) for each in parsed]


def _reads_less(index: Index, other: Index, searched: Sequence[frozenset[str]]) -> bool:
    """Whether requests search by the columns of ``index`` and not by those that ``other`` adds, and read less of it."""
    own = frozenset(key.column for key in index.keys)
    added = frozenset(key.column for key in other.keys) - own
    smaller = 0 < index.size * SMALLER <= other.size and len(other.keys) > len(index.keys)
    return smaller and any(own <= columns and not columns & added for columns in searched)


def _finding(relation: Relation, index: Index, better: Index) -> Finding:
    equal = "equals" if len(better.keys) == len(index.keys) else "is a prefix of"
    return Finding(
        code=RULE.code,
        impact=impact_of_size(index),
        confidence="high",
        title=f"index {index.name} {equal} {better.name}",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Each write to the table maintains both, and no query needs the first one.",
        current=f"{format_bytes(index.size)} on disk",
        evidence=(index.definition, better.definition),
        fix=Fix(sql=drop_index(relation, index)),
        expected=f"{format_bytes(index.size)} less space, and one index less to write to.",
        risk="DROP INDEX CONCURRENTLY does not work in a transaction. A replica may use an index that this server"
        " does not.",
        object=DatabaseObject("index", index.schema, index.name, index.table),
        index=shape_of(index),
    )


def impact_of_size(index: Index) -> str:
    """The impact of an index that only costs space and writes."""
    return "MEDIUM" if index.size >= LARGE else "LOW"


def shape_of(index: Index) -> IndexShape:
    """What a finding says of an index that exists."""
    keys, include = tuple(key.text for key in index.keys), tuple(map(quoted, index.include))
    return IndexShape(index.schema, index.table, index.method, keys, include, index.where)
