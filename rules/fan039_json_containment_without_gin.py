"""FAN039 json-containment-without-gin: requests ask what JSON contains, and no GIN index can answer.

What it does
------------
Finds requests that filter a table of at least ``min_rows`` rows by what a ``jsonb`` column contains
(``meta=cs.{"color":"red"}``), or what a path of it contains, at least ``min_calls`` times, where the table has no GIN
index of the column or the path. Requests with another filter whose index picks few rows do not count.

Why it hurts
------------
A btree cannot answer ``@>``. Postgres reads each row and compares its whole JSON, for each request.

Example
-------
::

    create table public.products (id bigint primary key, meta jsonb);
    insert into public.products select n, jsonb_build_object('color', n % 500) from generate_series(1, 5000) n;
    create index products_meta on public.products (meta);
    analyze public.products;
    -- 20 × GET /products?select=id&meta=cs.{"color":4}

Look-alike
----------
::

    create table public.products (id bigint primary key, meta jsonb, tags jsonb);
    insert into public.products select n, jsonb_build_object('color', n % 500), '[]' from generate_series(1, 5000) n;
    create index products_meta on public.products using gin (meta);
    create index products_tags on public.products using gin ((tags -> 'all') jsonb_path_ops);
    analyze public.products;
    -- 20 × GET /products?select=id&meta=cs.{"color":4}
    -- 20 × GET /products?select=id&tags->all=cs.["new"]
    -- 20 × GET /products?select=id&id=eq.4&tags=cs.["new"]

Use instead
-----------
::

    create table public.products (id bigint primary key, meta jsonb);
    insert into public.products select n, jsonb_build_object('color', n % 500) from generate_series(1, 5000) n;
    create index products_meta_idx on public.products using gin (meta jsonb_path_ops);
    analyze public.products;
    -- 20 × GET /products?select=id&meta=cs.{"color":4}

Safety
------
Advice: fanin changes nothing. A GIN index makes writes of the column slower: each key and value is an entry.
"""

import re
from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.observed_tables import ObservedRequests, has_selective_index, observed_requests, rows_of
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape, impact_of
from proxy.schema.index_sql import create_index_on
from proxy.schema.json_path import is_indexed, parse_json_path
from proxy.schema.names import quoted
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings_base import Count, Thresholds


class JsonContainmentWithoutGin(Thresholds):
    table = "json_containment_without_gin"

    min_rows: Count = Field(
        1000,
        description="FAN039: minimum rows of the table. Of fewer, reading all of them takes a millisecond.",
    )
    min_calls: Count = Field(
        10,
        description="FAN039: minimum requests that ask what the column contains. Fewer do not pay for an index.",
    )


IMPACTS = ((20_000_000, "HIGH"), (500_000, "MEDIUM"))
"""Minimum rows that the observed requests looked at per impact; below the last step the impact is LOW."""


def inspect(
    database: Database, workload: Workload, context: RuleContext[JsonContainmentWithoutGin]
) -> Iterator[Finding | NotChecked]:
    """One finding per column or JSON path of a table."""
    least = context.thresholds
    found: dict[tuple[str, str, str], list[ObservedRequests]] = {}
    for observed in observed_requests(database, workload):
        relation = observed.relation
        if not relation.is_table or rows_of(relation) < least.min_rows or has_selective_index(relation, observed.query):
            continue
        for one in observed.query.filters:
            column, expression = _contained(one.column, relation) if one.operator == "cs" else ("", "")
            if expression and not is_indexed(relation, expression, ("gin",)):
                found.setdefault((relation.full_name, column, expression), []).append(observed)
    for (_, column, expression), requests in found.items():
        if sum(each.usage.calls for each in requests) >= least.min_calls:
            yield _finding(column, expression, requests, database)


RULE = Rule(
    code="FAN039",
    name="json-containment-without-gin",
    safety="advice",
    document=__doc__,
    thresholds=JsonContainmentWithoutGin,
    inspect_database=inspect,
    needs=("relations", "columns", "indexes", "table_stats"),
)


def _contained(field: str, relation: Relation) -> tuple[str, str]:
    """The column and the expression of type jsonb that a filter is on; empty if it is on another type."""
    path = parse_json_path(field, relation)
    if path is not None:
        return (path.column.name, path.sql) if path.type == "jsonb" else ("", "")
    is_json = any(column.name == field and column.type == "jsonb" for column in relation.columns)
    return (field, quoted(field)) if is_json else ("", "")


def _finding(column: str, expression: str, requests: Sequence[ObservedRequests], database: Database) -> Finding:
    relation = requests[0].relation
    name, calls, rows = relation.full_name, sum(each.usage.calls for each in requests), rows_of(relation)
    key = f"{expression if expression == quoted(column) else f'({expression})'} jsonb_path_ops"
    named = "_".join(re.findall(r"\w+", expression))
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, calls * rows),
        confidence="high",
        title=f"{calls} requests ask what {expression} of {name} contains, and no GIN index has it",
        relation=name,
        fingerprint="",
        route="",
        caller="",
        problem="For each of them Postgres reads all rows, and compares the JSON of each.",
        current=f"{calls} requests, each over about {rows:.0f} rows",
        evidence=(
            *(each.usage.fingerprint for each in requests),
            *(index.definition for index in relation.indexes),
        ),
        fix=Fix(sql=create_index_on(relation, named, f"using gin ({key})", database)),
        expected="Postgres finds the rows that contain the value in the index.",
        risk="Writes of the column become slower. jsonb_path_ops serves @>, not ?, ?| and ?&: for these leave it out.",
        queries=tuple(each.usage.fingerprint for each in requests),
        object=DatabaseObject("column", relation.schema, column, relation.name),
        index=IndexShape(relation.schema, relation.name, "gin", (key,)),
    )
