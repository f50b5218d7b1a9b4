"""Relations whose answers for one request may not be made from answers to others, by Postgres' system catalogs.

A foreign table may answer ``column = value`` and not ``column = ANY (…)``. A view with a volatile function may have
other rows each time. The rules of views are stored as trees of nodes, whose text has the OID of each relation and
function; pg_depend does not have those of functions that are built in.

PostgreSQL, "System Catalogs": pg_rewrite, pg_inherits, pg_policy, pg_proc, pg_constraint; "Function Volatility
Categories".
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

SIGNATURE = """
select array[
  (select count(*) || ':' || max(xmin::text::bigint) || ':' || sum(xmin::text::bigint) from pg_class),
  (select count(*) || ':' || max(xmin::text::bigint) || ':' || sum(xmin::text::bigint) from pg_rewrite),
  (select count(*) || ':' || max(xmin::text::bigint) || ':' || sum(xmin::text::bigint) from pg_policy),
  (select count(*) || ':' || max(xmin::text::bigint) || ':' || sum(xmin::text::bigint) from pg_inherits),
  (select count(*) || ':' || max(xmin::text::bigint) || ':' || sum(xmin::text::bigint) from pg_proc),
  (select count(*) || ':' || max(xmin::text::bigint) || ':' || sum(xmin::text::bigint) from pg_constraint),
  (select count(*) || ':' || max(xmin::text::bigint) || ':' || sum(xmin::text::bigint) from pg_trigger),
  (select count(*) || ':' || max(xmin::text::bigint) || ':' || sum(xmin::text::bigint) from pg_attrdef)
]::text
"""
"""A text that changes with each change of what the other statements read, which takes longer."""

RELATIONS = r"""
with recursive tree(oid, policy, text) as (
  select w.ev_class, false, w.ev_action::text from pg_rewrite w
  join pg_class c on c.oid = w.ev_class and c.relkind = 'v'
  where w.ev_type = '1'
  union all
  select y.polrelid, true, y.polqual::text from pg_policy y
  join pg_class c on c.oid = y.polrelid and c.relrowsecurity
  where y.polcmd in ('*', 'r') and y.polqual is not null
),
reference(oid, policy, kind, target) as materialized (
  select distinct t.oid, t.policy, m[1], m[2]::oid
  from tree t, regexp_matches(t.text, ':(relid|funcid|opfuncid|winfnoid|aggfnoid) (\d+)', 'g') m
),
source(oid, target) as materialized (
  select f.oid, f.target from reference f where f.kind = 'relid' and f.target <> f.oid
  union
  select h.inhparent, h.inhrelid from pg_inherits h
),
reached(oid) as (
  select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any($1::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  union
  select s.target from reached r join source s on s.oid = r.oid
),
volatile(oid, policy, functions) as materialized (
  select f.oid, f.policy, string_agg(distinct p.oid::regproc::text, ', ')
  from reference f
  left join pg_aggregate g on g.aggfnoid = f.target
  join pg_proc p on p.oid in (f.target, g.aggtransfn, g.aggfinalfn) and p.provolatile = 'v'
  where f.kind <> 'relid'
  group by 1, 2
),
part(oid, sampled, definition) as materialized (
  select t.oid, bool_or(t.text like '%:repeatable <>%'), string_agg(md5(t.text), '' order by md5(t.text))
  from tree t where t.oid in (select oid from reached) group by 1
)
select r.oid::bigint as oid, n.nspname::text as schema, c.relname::text as relation,
  c.relkind = 'f' as foreign_table,
  coalesce((select bool_or(o.option_value::boolean) from pg_options_to_table(c.reloptions) o
    where o.option_name = 'security_barrier'), false) as barrier,
  exists (select from pg_rewrite w where w.ev_class = c.oid and w.ev_type <> '1') as rules,
  v.functions as volatile, y.functions as volatile_policy, coalesce(x.sampled, false) as sampled,
  array(select s.target::bigint from source s where s.oid = r.oid order by 1) as sources,
  x.definition
from reached r join pg_class c on c.oid = r.oid join pg_namespace n on n.oid = c.relnamespace
left join volatile v on v.oid = r.oid and not v.policy
left join volatile y on y.oid = r.oid and y.policy
left join part x on x.oid = r.oid
order by 1
"""
"""One row per relation of the schemas ``$1``, and per relation that these read: what they do at the first level."""

ROW_FUNCTIONS = """
select c.oid::bigint as oid, p.proname::text as name, p.oid::regprocedure::text as function,
  p.provolatile = 'v' as volatile, coalesce(r.typrelid, 0)::bigint as returns
from pg_proc p
join pg_type t on t.oid = p.proargtypes[0] and t.typtype = 'c'
join pg_class c on c.oid = t.typrelid
join pg_type r on r.oid = p.prorettype
where p.pronargs - p.pronargdefaults <= 1 and (p.provolatile = 'v' or r.typrelid <> 0)
order by 1, 2, 3
"""
"""Functions of a row that are volatile or return rows: computed columns and computed relationships."""

FOREIGN_KEYS = """
select k.conname::text as name, k.conrelid::bigint as oid, k.confrelid::bigint as target,
  case when cardinality(k.conkey) = 1 then a.attname::text end as column
from pg_constraint k
left join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f'
order by 1, 2
"""
"""Foreign keys. PostgREST embeds by the name of one, and by its column."""

CatalogRow = Mapping[str, object]
SHARED = frozenset(("foreign-table", "rules", "security-barrier"))
"""Reasons that do not prevent that equal reads share an answer."""


class Hazard(msgspec.Struct, frozen=True):
    """Why a read is not merged: ``reason`` is a key of ``errors.codes.BYPASS_REASONS``, ``detail`` names what it is."""

    reason: str
    detail: str

    @property
    def may_share(self) -> bool:
        """Whether equal reads may share an answer all the same."""
        return self.reason in SHARED


class Hazards(msgspec.Struct, frozen=True):
    """What may not be merged, by name."""

    relations: Mapping[str, Hazard] = {}
    """By ``schema.relation``, whatever it reads at any depth."""
    columns: Mapping[str, Mapping[str, Hazard]] = {}
    """By ``schema.relation``: its computed columns and computed relationships, by name."""
    embeds: Mapping[str, Hazard] = {}
    """By the name of a foreign key or of its column: an embed by that name may read a relation with a hazard."""
    definitions: frozenset[tuple[str, str]] = frozenset()
    """Relations with the hash of their definition: it changes when a view is replaced."""

    def __bool__(self) -> bool:
        return bool(self.relations or self.columns)


def read_hazards(
    relations: Iterable[CatalogRow], functions: Iterable[CatalogRow], keys: Iterable[CatalogRow]
) -> Hazards:
    """Build the hazards from the rows of ``RELATIONS``, ``ROW_FUNCTIONS`` and ``FOREIGN_KEYS``."""
    rows = {_oid(row["oid"]): row for row in relations}
    found = {oid: hazard for oid in rows if (hazard := _hazard_at_any_depth(oid, rows)) is not None}
    columns: dict[str, dict[str, Hazard]] = {}
    for row in functions:
        hazard = _hazard_of_function(row, found)
        if hazard is not None and _oid(row["oid"]) in rows:
            columns.setdefault(_name(rows[_oid(row["oid"])]), {}).setdefault(str(row["name"]), hazard)
    return Hazards(
        {_name(rows[oid]): hazard for oid, hazard in found.items()},
        columns,
        dict(_embeds(keys, rows, found)),
        frozenset((_name(row), str(row["definition"])) for row in rows.values() if row["definition"]),
    )


def _oid(value: object) -> int:
    return int(str(value))


def _name(row: CatalogRow) -> str:
    return f"{row['schema']}.{row['relation']}"


def _reached(oid: int, rows: Mapping[int, CatalogRow]) -> Iterator[int]:
    """A relation, and those that it reads at any depth, the nearest first."""
    seen, waiting = {oid}, [oid]
    for one in waiting:
        yield one
        sources = rows[one]["sources"] if one in rows else ()
        new = [_oid(source) for source in sources if _oid(source) not in seen] if isinstance(sources, list) else []
        waiting += new
        seen.update(new)


def _hazard_at_any_depth(oid: int, rows: Mapping[int, CatalogRow]) -> Hazard | None:
    """The hazard of a relation; one that prevents sharing too comes first."""
    found = [
        hazard
        for one in _reached(oid, rows)
        if one in rows
        for hazard in _own_hazards(rows[one], None if one == oid else _name(rows[oid]))
    ]
    return min(found, key=lambda hazard: hazard.may_share, default=None)


def _own_hazards(row: CatalogRow, reader: str | None) -> Iterator[Hazard]:
    """What makes a relation unsafe by itself; ``reader`` is the relation that reads it, if it is another one."""
    name = _name(row)
    through = f"{reader} reads {name}, which" if reader else name
    if row["volatile"]:
        yield Hazard("volatile-view", f"{through} calls {row['volatile']}, which is volatile")
    if row["sampled"]:
        yield Hazard("volatile-view", f"{through} reads a random sample (TABLESAMPLE)")
    if row["volatile_policy"]:
        yield Hazard(
            "volatile-policy", f"{through} has a policy that calls {row['volatile_policy']}, which is volatile"
        )
    if row["foreign_table"]:
        yield Hazard("foreign-table", f"{through} is a foreign table")
    if row["barrier"]:
        yield Hazard("security-barrier", f"{through} is a security_barrier view")
    if row["rules"] and reader is None:
        yield Hazard("rules", f"{name} has rewrite rules")


def _hazard_of_function(row: CatalogRow, found: Mapping[int, Hazard]) -> Hazard | None:
    if row["volatile"]:
        return Hazard("volatile-column", f"{row['function']} is volatile")
    return found.get(_oid(row["returns"]))


def _embeds(
    keys: Iterable[CatalogRow], rows: Mapping[int, CatalogRow], found: Mapping[int, Hazard]
) -> Iterator[tuple[str, Hazard]]:
    """Names of foreign keys and of their columns, where either table, or a view that reads it, has a hazard."""
    hazards = {source: hazard for oid, hazard in found.items() for source in _reached(oid, rows)}
    for row in keys:
        tables = (_oid(row["oid"]), _oid(row["target"]))
        hazard_of_tables = next((hazards[oid] for oid in tables if oid in hazards), None)
        if hazard_of_tables is not None:
            yield str(row["name"]), hazard_of_tables
            if row["column"]:
                yield str(row["column"]), hazard_of_tables
