"""Columns, stable functions and hazards from Postgres' system catalogs, read with one statement each.

PostgreSQL, "System Catalogs": pg_attribute, pg_type, pg_collation, pg_index, pg_proc.

Tests: tests/e2e/exactness/test_catalog.py.
"""

from collections.abc import Iterable, Mapping

import msgspec

from proxy.model import Column
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.postgrest.dependencies import Dependencies
from proxy.postgrest.hazards import Hazards
from proxy.postgrest.write_triggers import NOT_NOTIFYING

COLUMNS = """
with recursive base as (
  select oid, oid as at from pg_type
  union all
  select base.oid, t.typbasetype from base join pg_type t on t.oid = base.at and t.typtype = 'd'
)
select
  n.nspname::text as schema,
  c.relname::text as relation,
  a.attname::text as column,
  case
    when exists (select from pg_cast k where k.castsource = a.atttypid and k.casttarget = 'json'::regtype)
      and a.atttypid <> t.oid then 'representation'
    when t.typtype = 'e' then 'enum'
    when not coalesce(l.collisdeterministic, true) then 'nondeterministic'
    else format_type(t.oid, null)
  end as type,
  (select array_agg(e.enumlabel::text) from pg_enum e where e.enumtypid = t.oid) as labels,
  s.not_null, s.not_null
    and (a.attname = 'ctid' and a.attnum < 0 and c.relkind <> 'p' or exists (
      select from pg_index i
      where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
        and i.indnkeyatts = 1 and i.indkey[0] = a.attnum and c.relkind <> 'm'
    )) as unique,
  not exists (
    select from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
    where i.indrelid = c.oid and a.attnum = any(i.indkey) and i.indisvalid
      and (i.indnkeyatts > 1 or m.amname not in ('btree', 'brin', 'gin'))
  ) and (
    c.relpages < least(1024, pg_size_bytes(current_setting('shared_buffers')) / 8192 / 4)
    or exists (
      select from pg_index i
      where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null
    )
  ) as by_address
from pg_attribute a
join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_namespace n on n.oid = c.relnamespace and n.nspname = any($1::text[])
join base b on b.oid = a.atttypid
join pg_type t on t.oid = b.at and t.typtype <> 'd'
left join pg_collation l on l.oid = a.attcollation
cross join lateral (select a.attnotnull and c.relkind in ('r', 'p', 'm')
  and not (c.relkind = 'r' and exists (select from pg_inherits h where h.inhparent = c.oid)) as not_null) s
where not a.attisdropped and (a.attnum > 0 or a.attname = 'ctid' and c.relkind in ('r', 'p', 'm'))
order by a.attrelid, a.attnum
"""
"""One row per column of the schemas ``$1`` in the order of each relation, and one for ``ctid``. A domain has
its base type, unless a cast to json formats it.

``by_address`` is false where an index on further columns may return its rows in their order (since PostgreSQL 18 also
one that does not begin with it), and where only a sequential scan finds them and the table is so large that the scan
may begin anywhere, or have several workers.
https://www.postgresql.org/docs/current/runtime-config-compatible.html#GUC-SYNCHRONIZE-SEQSCANS
"""

FUNCTIONS = """
select n.nspname::text as schema, p.proname::text as function
from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspname = any($1::text[])
group by 1, 2 having bool_and(p.provolatile in ('i', 's'))
"""
"""Functions of the schemas ``$1`` that have no volatile overload."""


PLAIN_TABLES = """
select n.nspname::text as schema, c.relname::text as relation
from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = any($1::text[])
where c.relkind = 'r'
  and not exists (select from pg_rewrite w where w.ev_class = c.oid)
  and not exists (select from pg_inherits h where c.oid in (h.inhparent, h.inhrelid))
  and not exists (
    select from pg_trigger g
    where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled <> 'D' and g.tgtype & 1 = 0 and g.tgtype & 24 <> 0
      and $notifying$
  )
""".replace("$notifying$", NOT_NOTIFYING)
"""Tables of the schemas ``$1`` without rewrite rules, parents and children, and without triggers that run once per
UPDATE or DELETE, but for those that notify of writes.
Bits of ``tgtype``: 1 per row, 8 DELETE, 16 UPDATE (PostgreSQL, ``catalog/pg_trigger.h``).
"""

UPDATED_IN_PLACE = """
select n.nspname::text as schema, c.relname::text as relation, u.updated
from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = any($1::text[])
cross join lateral (
  select sum(pg_stat_get_tuples_hot_updated(p.oid))::bigint as updated
  from (select c.oid union select t.relid from pg_partition_tree(c.oid) t) p
) u
where c.relkind in ('r', 'p') and u.updated > 0 and exists (
  select from pg_index i where i.indrelid = c.oid and i.indisvalid and (i.indnkeyatts > 1 or not i.indisunique)
)
"""
"""By table of the schemas ``$1`` with an index that may return several rows of one value: how many rows were updated in
place. The index returns these where their first version was, a sequential scan where the newest one is.
https://www.postgresql.org/docs/current/storage-hot.html
"""


class Catalog(msgspec.Struct, frozen=True):
    """Columns by relation and name, and the functions that are stable or immutable; all with their schema."""

    columns: Mapping[str, Mapping[bytes, Column]] = {}
    stable: frozenset[str] = frozenset()
    hazards: Hazards = Hazards()
    facts: DatabaseFacts = DatabaseFacts()
    dependencies: Dependencies = Dependencies()
    plain_tables: frozenset[str] = frozenset()
    """Tables whose rows may be written by one statement in place of several."""
    updated: Mapping[str, int] = {}
    """By relation, how many rows were updated in place."""
    read: int = 0
    """How often the schema was announced to have changed before it was read, and one more; 0: it was not read."""


def read_catalog(columns: Iterable[Mapping[str, object]], functions: Iterable[Mapping[str, object]]) -> Catalog:
    """Build the catalog from the rows of ``COLUMNS`` and ``FUNCTIONS``."""
    relations: dict[str, dict[bytes, Column]] = {}
    for row in columns:
        name = f"{row['schema']}.{row['relation']}"
        relations.setdefault(name, {})[str(row["column"]).encode()] = _column(row)
    return Catalog(relations, frozenset(f"{row['schema']}.{row['function']}" for row in functions))


def _column(row: Mapping[str, object]) -> Column:
    labels = row["labels"]
    return Column(
        type=str(row["type"]),
        deterministic=True,
        unique=bool(row["unique"]),
        not_null=bool(row.get("not_null", False)),
        labels=frozenset(str(label).encode() for label in labels) if isinstance(labels, list) else None,
        by_address=bool(row.get("by_address", True)),
    )
