"""The SQL of a request, for people to read. It is built as a syntax tree, and fanin never runs it.

It is equivalent to PostgREST's statement (``Query/QueryBuilder.hs`` of PostgREST 12) without the parts that only
PostgREST needs: parameters are constants, and the result is rows instead of one JSON text. Notes describe what is not
in the request: foreign keys, the primary key, and the body of a write.
"""

import msgspec
from sqlglot import exp

from proxy.postgrest.request.api_request import ApiRequest
from proxy.sql.expressions import UnwritableError
from proxy.sql.reads import ReadStatement, joined
from proxy.sql.writes import write

COUNT_NOTES = {
    "count=planned": "count=planned: the total is the planner's estimate (EXPLAIN).",
    "count=estimated": "count=estimated: the total is counted up to db-max-rows; above, it is the planner's estimate.",
}


class Sql(msgspec.Struct, frozen=True):
    """A statement in Postgres' dialect, empty if none can be written; ``notes`` say what is simplified or left out."""

    statement: str
    notes: tuple[str, ...]


def sql_of(request: ApiRequest, types: dict[str, str] | None = None) -> Sql:
    """The SQL of ``request``. ``types`` are the known types of the relation's columns, by name."""
    reads = ReadStatement(request, types or {})
    try:
        tree = statement_tree(request, reads)
    except UnwritableError as error:
        return Sql("", (*request.notes, f"No SQL is written for {error}."))
    return Sql("" if tree is None else sql_text(tree) + ";", (*request.notes, *dict.fromkeys(reads.notes)))


def sql_text(tree: exp.Expression, pretty: bool = True) -> str:
    """The text of a tree; function names are in lower case, as in Postgres' manual."""
    return tree.sql("postgres", pretty=pretty, normalize_functions=False)


def statement_tree(request: ApiRequest, reads: ReadStatement) -> exp.Expression | None:
    """The statement as a tree; None for a method that runs none. Notes are added to ``reads``. UnwritableError."""
    if request.writes:
        return write(request, reads)
    if request.method not in ("GET", "HEAD"):
        reads.notes.append(f"{request.method} runs no statement.")
        return None
    if request.method == "HEAD":
        reads.notes.append("HEAD: the rows are counted for Content-Range, and not sent.")
    tree = reads.root()
    reads.notes += [note for prefer, note in COUNT_NOTES.items() if prefer in request.prefers]
    if "count=exact" in request.prefers:
        reads.notes.append(f"count=exact: the total is counted too, by {_count(request, reads)}")
    return tree


def _count(request: ApiRequest, reads: ReadStatement) -> str:
    """The statement that counts all rows without limit and offset; a description if embeds filter the rows."""
    if reads.has_filtering_embed:
        return "the same FROM and WHERE without LIMIT."
    query = exp.Select(expressions=[exp.Anonymous(this="count", expressions=[exp.Star()])]).from_(reads.table())
    conditions = reads.conditions()
    if conditions:
        query.set("where", exp.Where(this=joined("and", conditions)))
    return sql_text(query, pretty=False)
