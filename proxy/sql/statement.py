"""The SQL that a request stands for, to be read by people. It is built as a tree, and never run by fanin.

It says what PostgREST's own statement says, without what only PostgREST needs (``Query/QueryBuilder.hs`` of PostgREST
12): parameters are constants, and the answer is rows instead of one JSON text. What the request alone does not tell is
said in notes: foreign keys, the primary key, and the body of a write.
"""

import msgspec
from sqlglot import exp

from proxy.postgrest.request.api_request import ApiRequest
from proxy.sql.expressions import UnwritableError
from proxy.sql.reads import ReadStatement, joined
from proxy.sql.writes import write

COUNT_NOTES = {
    "count=planned": "count=planned: the total is the planner's guess (EXPLAIN).",
    "count=estimated": "count=estimated: the total is counted up to db-max-rows, and the planner's guess above.",
}


class Sql(msgspec.Struct, frozen=True):
    """A statement in Postgres' dialect, empty where none can be written; notes say what is simplified or left out."""

    statement: str
    notes: tuple[str, ...]


def sql_of(asked: ApiRequest, types: dict[str, str] | None = None) -> Sql:
    """What ``asked`` stands for. ``types`` of the relation's columns, by name, where they are known."""
    reads = ReadStatement(asked, types or {})
    try:
        tree = _statement(asked, reads)
    except UnwritableError as error:
        return Sql("", (*asked.doubts, f"No SQL is written for {error}."))
    return Sql("" if tree is None else sql_text(tree) + ";", (*asked.doubts, *dict.fromkeys(reads.notes)))


def sql_text(tree: exp.Expression, pretty: bool = True) -> str:
    """The text of a tree; functions as Postgres' manual writes them."""
    return tree.sql("postgres", pretty=pretty, normalize_functions=False)


def _statement(asked: ApiRequest, reads: ReadStatement) -> exp.Expression | None:
    if asked.writes:
        return write(asked, reads)
    if asked.method not in ("GET", "HEAD"):
        reads.notes.append(f"{asked.method} runs no statement.")
        return None
    if asked.method == "HEAD":
        reads.notes.append("HEAD: the rows are counted for Content-Range, and not sent.")
    tree = reads.root()
    reads.notes += [note for prefer, note in COUNT_NOTES.items() if prefer in asked.prefers]
    if "count=exact" in asked.prefers:
        reads.notes.append(f"count=exact: the total is counted too, by {_count(asked, reads)}")
    return tree


def _count(asked: ApiRequest, reads: ReadStatement) -> str:
    """The count of all rows, whatever limit and offset are; inner embeds, which bear on it too, have no short form."""
    if reads.has_filtering_embed:
        return "the same FROM and WHERE without LIMIT."
    query = exp.Select(expressions=[exp.Anonymous(this="count", expressions=[exp.Star()])]).from_(reads.table())
    conditions = reads.conditions()
    if conditions:
        query.set("where", exp.Where(this=joined("and", conditions)))
    return sql_text(query, pretty=False)
