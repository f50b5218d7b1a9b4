"""The statement of a fingerprint as OpenTelemetry describes queries: text without values, and a short summary.

https://opentelemetry.io/docs/specs/semconv/db/database-spans/ (sanitization of ``db.query.text``, and the summary).
"""

import msgspec
from sqlglot import exp

from proxy.postgrest.request.api_request import ApiRequest
from proxy.postgrest.request.select_list import Embed, Items
from proxy.sql.expressions import UnwritableError
from proxy.sql.fingerprints import request_of
from proxy.sql.reads import ReadStatement
from proxy.sql.statement import statement_tree

OPERATIONS = {
    "GET": "SELECT",
    "HEAD": "SELECT",
    "POST": "INSERT",
    "PUT": "INSERT",
    "PATCH": "UPDATE",
    "DELETE": "DELETE",
}
"""The SQL command that PostgREST runs for a request for a relation, by method. A PUT is an INSERT … ON CONFLICT."""
MAX_FINGERPRINT = 1000
"""Characters of the longest fingerprint of which a text is made: its time grows with the length."""
MAX_SUMMARY = 255


class QueryText(msgspec.Struct, frozen=True):
    """``text`` is on one line, with ``?`` in place of each value; empty if no SQL can be written."""

    summary: str
    text: str


def query_text(fingerprint: str, relation: str, merged_by: str = "") -> QueryText:
    """The statement of a request for ``relation``. ``merged_by``: the column whose values a merged call lists.

    Raises nothing: this text only explains.
    """
    method = fingerprint.partition(" ")[0]
    own = summary_of(OPERATIONS.get(method, method), relation)
    if len(fingerprint) > MAX_FINGERPRINT:
        return QueryText(own, "")
    try:
        request = request_of(_merged(fingerprint, merged_by), limit=1)
        tree = statement_tree(request, ReadStatement(request, {}))
    except UnwritableError:
        return QueryText(own, "")
    if tree is None:
        return QueryText(own, "")
    return QueryText(summary_of(own, *_embedded(request)), _sanitized(tree))


def summary_of(*words: str) -> str:
    """The words, as many as fit."""
    summary = ""
    for word in filter(None, words):
        longer = f"{summary} {word}" if summary else word
        if len(longer) > MAX_SUMMARY:
            break
        summary = longer
    return summary


def _merged(fingerprint: str, column: str) -> str:
    if not column:
        return fingerprint
    head, mark, query = fingerprint.partition("?")
    params = [f"{column}=in.?" if param == f"{column}=eq.?" else param for param in query.split("&")]
    return head + mark + "&".join(params)


def _embedded(request: ApiRequest) -> list[str]:
    def names(items: Items) -> list[str]:
        embeds = [item for item in items if isinstance(item, Embed)]
        return [name for embed in embeds for name in (embed.relation, *names(embed.items))]

    return names(request.items)


def _sanitized(tree: exp.Expression) -> str:
    """The text with ``?`` for each constant, also for the keys of paths into JSON."""
    text = tree.transform(lambda node: exp.Var(this="?") if isinstance(node, exp.Literal | exp.Parameter) else node)
    return text.sql("postgres", normalize_functions=False)
