"""The SQL of a read: the query itself, with fewer columns, its row estimate, and as a subquery."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.clients.memoized import memoized
from proxy.fixes.sql.clauses import columns_sql, conditions_sql, finish_statement, select_sql


@memoized
def read_sql(parsed: ParsedFingerprint) -> str:
    """``select … where a = $1 … limit $2``; values are numbered in the order of the query, limit and offset last.

    A HEAD becomes ``count(*)``.
    """
    if parsed.method == "HEAD":
        return finish_statement(_lines(parsed, "count(*)"))
    return finish_statement(subquery_sql(parsed)[0])


@memoized
def estimate_sql(parsed: ParsedFingerprint) -> str:
    """The planner's estimate of the number of rows, as ``count=planned`` asks for it."""
    query = finish_statement(["explain (format json)", *_lines(parsed, "1")])
    return f'{query}\n-- "Plan Rows" at the top is the estimate'


def subquery_sql(parsed: ParsedFingerprint, values: int = 0) -> tuple[list[str], int]:
    """The lines of the query as a subquery whose placeholders continue from ``values``; the new number of values."""
    bounds, more = _bounds_sql(parsed, values)
    return [*_lines(parsed, columns_sql(parsed.select), parsed.order, values), *bounds], more


def _lines(parsed: ParsedFingerprint, columns: str, order: Sequence[OrderItem] = (), values: int = 0) -> list[str]:
    conditions, _ = conditions_sql(parsed.filters, values)
    return select_sql(parsed, columns, conditions, order)


def _bounds_sql(parsed: ParsedFingerprint, values: int = 0) -> tuple[list[str], int]:
    """The lines of limit and offset, numbered after the conditions, and the new number of values."""
    _, values = conditions_sql(parsed.filters, values)
    bounds = [name for name in ("limit", "offset") if f"{name}=?" in parsed.rest]
    return [f"{name} ${number}" for number, name in enumerate(bounds, values + 1)], values + len(bounds)
