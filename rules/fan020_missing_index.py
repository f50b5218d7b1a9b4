"""FAN020 missing-index: observed requests read many rows to return few, and an index would find those rows.

What it does
------------
Finds indexes that observed requests lack, with ``--db-uri``. Each fingerprint becomes the SQL that PostgREST runs,
with representative values from the statistics, and is planned without and with candidate indexes: equal columns first,
then one range or the order; also partial ones (a constant value, ``is.null``), expressions, patterns, containment, and
the columns of policies. The fewest that make the plans cheaper are reported, each with its plans before and after.
Plans with an index come from HypoPG where the database has it; ``--trial`` builds the indexes in a transaction that is
rolled back, and measures. Without either, the statistics decide, which the finding says. Only ``--trial`` tries indexes
of partitioned tables. A view that shows rows and columns of one table gets the index on that table; other views, and
what cannot be planned, are listed as not checked. Small tables, tables that are written much more than read, and
filters that pick many rows get no index; the report says which.

Why it hurts
------------
Postgres reads the whole table for each request, and drops nearly all rows. That takes longer with each row that is
added, and fills the cache with rows that nobody asked for.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id int not null, title text not null);
    insert into public.videos select n, n % 500, 'title ' || n from generate_series(1, 20000) n;
    vacuum analyze public.videos;
    -- 40 × GET /videos?select=title&owner_id=eq.7 → 40 rows, 30 ms

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id int not null, kind int not null);
    insert into public.videos select n, n % 500, n % 2 from generate_series(1, 20000) n;
    create index videos_owner on public.videos (owner_id, kind);
    create table public.tiers (id bigint primary key, owner_id int not null);
    insert into public.tiers select n, n % 5 from generate_series(1, 20) n;
    vacuum analyze public.videos, public.tiers;
    -- 40 × GET /videos?owner_id=eq.7 → 40 rows, 3 ms
    -- 40 × GET /videos?kind=eq.1 → 10000 rows, 30 ms
    -- 40 × GET /videos?id=eq.7 → 1 rows, 1 ms
    -- 40 × GET /tiers?owner_id=eq.3 → 4 rows, 1 ms

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id int not null, title text not null);
    insert into public.videos select n, n % 500, 'title ' || n from generate_series(1, 20000) n;
    create index videos_owner_id_idx on public.videos (owner_id);
    vacuum analyze public.videos;
    -- 40 × GET /videos?select=title&owner_id=eq.7 → 40 rows, 3 ms

Safety
------
Advice: fanin changes nothing. Each write to the table writes to the index as well. An index on a column that updates
set stops these updates from being heap-only (HOT).
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import Finding
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings_base import Thresholds


class MissingIndex(Thresholds):
    table = "missing_index"


def inspect(_: Database, __: Workload, context: RuleContext[MissingIndex]) -> Iterator[Finding | NotChecked]:
    """What the advisor found by asking the database for plans: one finding per index."""
    yield from context.advised


RULE = Rule(
    code="FAN020",
    name="missing-index",
    safety="advice",
    document=__doc__,
    thresholds=MissingIndex,
    inspect_database=inspect,
    needs=("relations", "columns", "indexes", "policies", "column_stats"),
    needs_calls=True,
)
