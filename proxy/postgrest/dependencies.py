"""Which relations a read depends on, and which ones a write may change, by Postgres' system catalogs.

A read of a view depends on what the view reads, a read of a table on what its policies read. A write changes, besides
its relation, what foreign keys with actions change, and a trigger may change anything. So may, and depends on anything,
a function that is not built in: what it does is not looked into.

PostgreSQL, "System Catalogs": pg_rewrite, pg_policy, pg_inherits, pg_trigger, pg_attrdef, pg_constraint, pg_proc.

Tests: tests/e2e/prefetch/test_dependencies.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote_plus

import msgspec

from proxy.model import Query, RelationSet
from proxy.postgrest.hazards import CatalogRow
from proxy.postgrest.write_triggers import NOT_NOTIFYING

DEPENDENCIES = r"""
with tree(oid, text) as materialized (
  select ev_class, ev_action::text from pg_rewrite where ev_type = '1'
  union all
  select polrelid, coalesce(polqual::text, '') || coalesce(polwithcheck::text, '') from pg_policy
  union all
  select adrelid, adbin::text from pg_attrdef
),
reference(oid, kind, target) as materialized (
  select distinct t.oid, m[1], m[2]::oid
  from tree t, regexp_matches(t.text, ':(relid|funcid|opfuncid|winfnoid|aggfnoid) (\d+)', 'g') m
),
source(oid, target) as (
  select oid, target from reference where kind = 'relid' and target <> oid
  union
  select inhparent, inhrelid from pg_inherits
)
select c.oid::bigint as oid, n.nspname::text as schema, c.relname::text as relation,
  c.relkind = 'f'
  or exists (select from pg_rewrite w where w.ev_class = c.oid and w.ev_type <> '1')
  or exists (
    select from reference f
    join pg_proc p on p.oid = f.target and p.oid >= 16384
    join pg_language l on l.oid = p.prolang and l.lanname not in ('internal', 'c')
    where f.oid = c.oid and f.kind <> 'relid'
  )
  or exists (
    select from pg_attribute a join pg_type t on t.oid = a.atttypid and t.typtype = 'd'
    join pg_cast k on k.castsource = t.oid and k.castmethod = 'f'
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as opaque,
  exists (select from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal and $notifying$) as triggers,
  array(select s.target::bigint from source s where s.oid = c.oid order by 1) as sources,
  array(
    select k.conrelid::bigint from pg_constraint k
    where k.contype = 'f' and k.confrelid = c.oid
      and (k.confdeltype in ('c', 'n', 'd') or k.confupdtype in ('c', 'n', 'd'))
    order by 1
  ) as cascades,
  array(select p.proname::text from pg_proc p where p.proargtypes[0] = c.reltype and c.reltype <> 0 order by 1)
    as row_functions
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
""".replace("$notifying$", NOT_NOTIFYING)
"""One row per relation. ``opaque``: what it reads or changes cannot be told from the catalogs."""


class Dependencies(msgspec.Struct, frozen=True):
    """By ``schema.relation``; a relation that is in neither table may depend on anything, and change anything."""

    read: Mapping[str, RelationSet] = {}
    changed: Mapping[str, RelationSet] = {}
    row_functions: Mapping[str, frozenset[str]] = {}
    """Functions of a row, which a query may name like columns."""

    def read_by(self, query: Query) -> RelationSet:
        """Relations that the answer to a read depends on."""
        select = b"" if query.select is None else query.target[query.select[0] : query.select[1]]
        if b"(" in select or b"%28" in select or b":" in query.target or b"%3A" in query.target.upper():
            return None  # embeds, aggregates and casts may call functions
        functions = self.row_functions.get(query.relation)
        if functions and not functions.isdisjoint(_words(query.fingerprint)):
            return None
        return self.read.get(query.relation)

    def changed_by(self, query: Query) -> RelationSet:
        """Relations whose rows a write may change."""
        return self.changed.get(query.relation)


def _words(text: str) -> frozenset[str]:
    text = unquote_plus(text)
    return frozenset("".join(char if char.isalnum() or char == "_" else " " for char in text).split())


def read_dependencies(rows: Iterable[CatalogRow]) -> Dependencies:
    """Build the dependencies from the rows of ``DEPENDENCIES``."""
    by_oid = {_oid(row["oid"]): row for row in rows}
    read: dict[str, RelationSet] = {}
    changed: dict[str, RelationSet] = {}
    for oid, row in by_oid.items():
        read[_name(row)] = _closure(oid, by_oid, ("sources",), ("opaque",))
        changed[_name(row)] = _closure(oid, by_oid, ("sources", "cascades"), ("opaque", "triggers"))
    functions = {_name(row): frozenset(map(str, _listed(row["row_functions"]))) for row in by_oid.values()}
    return Dependencies(read, changed, {name: names for name, names in functions.items() if names})


def _closure(oid: int, rows: Mapping[int, CatalogRow], arrows: tuple[str, ...], marks: tuple[str, ...]) -> RelationSet:
    """The relation and all that it reaches; None if one of them has a mark, or is not known."""
    seen, waiting = {oid}, [oid]
    for one in waiting:
        row = rows.get(one)
        if row is None or any(row[mark] for mark in marks):
            return None
        new = [target for arrow in arrows for target in map(_oid, _listed(row[arrow])) if target not in seen]
        waiting += dict.fromkeys(new)
        seen.update(new)
    return frozenset(_name(rows[one]) for one in seen)


def _listed(value: object) -> Iterator[object]:
    yield from value if isinstance(value, list) else ()


def _oid(value: object) -> int:
    return int(str(value))


def _name(row: CatalogRow) -> str:
    return f"{row['schema']}.{row['relation']}"
