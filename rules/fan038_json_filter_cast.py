"""FAN038 json-filter-cast: requests filter by a key inside JSON that no index has.

What it does
------------
Finds requests that filter a table of at least ``min_rows`` rows by a JSON path such as ``delivered->>OOTD=eq.4``, at
least ``min_calls`` times, where no index of the table starts with that expression. Requests with another filter whose
index picks few rows do not count. A path whose value is in a generated column with an index is not reported.

Why it hurts
------------
Postgres reads each row of the table, takes its JSON apart and converts the value, for each request. It keeps no
statistics of what is inside JSON, so that it also guesses the number of rows. ``->>`` compares texts: ``'9' > '10'``.

Example
-------
::

    create table public.tracking (id bigint primary key, delivered jsonb);
    insert into public.tracking select n, jsonb_build_object('OOTD', n % 500) from generate_series(1, 5000) n;
    analyze public.tracking;
    -- 20 × GET /tracking?select=id&delivered->>OOTD=eq.4

Look-alike
----------
::

    create table public.tracking (id bigint primary key, delivered jsonb);
    insert into public.tracking select n, jsonb_build_object('OOTD', n % 500) from generate_series(1, 5000) n;
    create index tracking_ootd on public.tracking ((delivered ->> 'OOTD'));
    create table public.kinds (id bigint primary key, meta jsonb);
    analyze;
    -- 20 × GET /tracking?select=id&delivered->>OOTD=eq.4
    -- 20 × GET /tracking?select=delivered->>TRAINING&id=eq.4&delivered->>TRAINING=gt.1
    -- 20 × GET /kinds?meta->>color=eq.red

Use instead
-----------
::

    create table public.tracking (id bigint primary key, delivered jsonb,
      delivered_ootd text generated always as (delivered ->> 'OOTD') stored);
    insert into public.tracking select n, jsonb_build_object('OOTD', n % 500) from generate_series(1, 5000) n;
    create index tracking_delivered_ootd_idx on public.tracking (delivered_ootd);
    analyze public.tracking;
    -- 20 × GET /tracking?select=id&delivered_ootd=eq.4

Safety
------
Advice: fanin changes nothing. A stored generated column rewrites the table once, while nobody can read it.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace
from pydantic import Field

from proxy.analysis.observed_tables import ObservedRequests, has_selective_index, observed_requests, rows_of
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape, impact_of
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.read_code import read_js, read_py
from proxy.schema.index_sql import create_index_on
from proxy.schema.json_path import JsonPath, generated_from, is_indexed, parse_json_path
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database, NotChecked
from proxy.schema.undo import with_undo
from proxy.settings_base import Count, Thresholds


class JsonFilterCast(Thresholds):
    table = "json_filter_cast"

    min_rows: Count = Field(
        1000,
        description="FAN038: minimum rows of the table. Of fewer, reading all of them takes a millisecond.",
    )
    min_calls: Count = Field(
        10,
        description="FAN038: minimum requests that filter by the path. Fewer do not pay for an index.",
    )


OPERATORS = frozenset(("eq", "in", "gt", "gte", "lt", "lte"))
"""Comparisons that a btree serves."""
RANGES = frozenset(("gt", "gte", "lt", "lte"))
IMPACTS = ((20_000_000, "HIGH"), (500_000, "MEDIUM"))
"""Minimum rows that the observed requests looked at per impact; below the last step the impact is LOW."""


def inspect(
    database: Database, workload: Workload, context: RuleContext[JsonFilterCast]
) -> Iterator[Finding | NotChecked]:
    """One finding per JSON path of a table."""
    least = context.thresholds
    found: dict[tuple[str, str], list[ObservedRequests]] = {}
    paths: dict[tuple[str, str], JsonPath] = {}
    for observed in observed_requests(database, workload):
        relation = observed.relation
        if not relation.is_table or rows_of(relation) < least.min_rows or has_selective_index(relation, observed.query):
            continue
        for one in observed.query.filters:
            path = parse_json_path(one.column, relation) if one.operator in OPERATORS else None
            if path is not None and path.type != "json" and not _is_served(relation, path):
                paths[relation.full_name, path.sql] = path
                found.setdefault((relation.full_name, path.sql), []).append(observed)
    for key, requests in found.items():
        if sum(each.usage.calls for each in requests) >= least.min_calls:
            yield _finding(paths[key], requests, database)


RULE = Rule(
    code="FAN038",
    name="json-filter-cast",
    safety="advice",
    document=__doc__,
    thresholds=JsonFilterCast,
    inspect_database=inspect,
    needs=("relations", "columns", "indexes", "table_stats"),
)


def _is_served(relation: Relation, path: JsonPath) -> bool:
    stored = generated_from(relation, path.sql)
    by_column = stored is not None and is_indexed(relation, quoted(stored.name), ("btree",))
    return by_column or is_indexed(relation, path.sql, ("btree",))


def _finding(path: JsonPath, requests: Sequence[ObservedRequests], database: Database) -> Finding:
    relation = requests[0].relation
    name, calls, rows = relation.full_name, sum(each.usage.calls for each in requests), rows_of(relation)
    column = _free_column(path, relation)
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, calls * rows),
        confidence="high",
        title=f"{calls} requests filter {name} by {path.sql}, which no index has",
        relation=name,
        fingerprint="",
        route="",
        caller="",
        problem="For each of them Postgres reads all rows, and takes the JSON of each apart.",
        current=f"{calls} requests, each over about {rows:.0f} rows",
        evidence=(
            *(each.usage.fingerprint for each in requests),
            *(index.definition for index in relation.indexes),
        ),
        fix=_fix(path, column, requests, database),
        expected="Postgres finds the rows in the index, and has statistics of the values.",
        risk="ALTER TABLE rewrites the table, which cannot be read meanwhile. select=* has one more column."
        + (
            " Texts are compared: for numbers take the type of the commented line, if each value is one."
            if _has_ranges(path, requests)
            else ""
        ),
        queries=tuple(each.usage.fingerprint for each in requests),
        object=DatabaseObject("column", relation.schema, path.column.name, relation.name),
        index=IndexShape(relation.schema, relation.name, "btree", (quoted(column),)),
    )


def _has_ranges(path: JsonPath, requests: Sequence[ObservedRequests]) -> bool:
    filters = (one for each in requests for one in each.query.filters if one.operator in RANGES)
    return path.as_text and any(parse_json_path(one.column, requests[0].relation) == path for one in filters)


def _free_column(path: JsonPath, relation: Relation) -> str:
    """A name made of the path that no column has."""
    words = re.findall(r"[a-z0-9]+", " ".join((path.column.name, *path.keys)).lower())
    taken = {column.name for column in relation.columns}
    name = "_".join(words)[:50] or "value"
    return next(each for each in (name, *(f"{name}{number}" for number in range(len(taken) + 1))) if each not in taken)


def _fix(path: JsonPath, column: str, requests: Sequence[ObservedRequests], database: Database) -> Fix:
    """The column and its index, and the first of the requests with the column in place of the path."""
    relation = requests[0].relation
    name = qualified(relation.schema, relation.name)
    index, _, _ = create_index_on(relation, column, f"({quoted(column)})", database).partition("\n")
    add = f"alter table {name} add column {quoted(column)} {path.type} generated always as ({path.sql}) stored;"
    number = f"-- if each value is a number: … numeric generated always as (({path.sql})::numeric) stored\n"
    lines = f"{number if _has_ranges(path, requests) else ''}{add}\n{index}\nanalyze {name};"
    query = requests[0].query
    filters = (
        replace(one, column=column) if parse_json_path(one.column, relation) == path else one for one in query.filters
    )
    changed = replace(query, filters=tuple(filters))
    read = query.method == "GET"
    code = printable_fix([changed], lambda: "", lambda: read_js(changed), lambda: read_py(changed)) if read else Fix()
    undo = f"alter table {name} drop column {quoted(column)};"
    return replace(code, sql=with_undo(lines, undo))
