"""The SQL of the read that a fingerprint stands for, as text for people."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.remembered import remembered
from proxy.fixes.sql.clauses import columns_sql, conditions_sql, select_sql, statement, unsaid
from proxy.postgrest.names import quoted_identifier


@remembered
def read_sql(shown: ParsedFingerprint) -> str:
    """``select … where a = $1 … limit $2``; values are numbered in the order of the query, limit and offset last.

    A HEAD stands for the number of rows. Conditions that have no plain operator in SQL are named in a comment.
    """
    if shown.method == "HEAD":
        return statement(_lines(shown, "count(*)"))
    return statement(part_sql(shown)[0])


@remembered
def narrow_sql(shown: ParsedFingerprint, key: str) -> str:
    """The same with ``key`` for its columns, to which those are to be added that the code reads."""
    columns = f"{quoted_identifier(key)} -- and the columns that the code reads"
    return statement([*_lines(shown, columns, shown.order), *_bounded(shown)[0]])


@remembered
def estimate_sql(shown: ParsedFingerprint) -> str:
    """What ``count=planned`` asks Postgres: the number of rows that the planner expects."""
    query = statement(["explain (format json)", *_lines(shown, "1")])
    return f'{query}\n-- "Plan Rows" at the top is the estimate'


def part_sql(shown: ParsedFingerprint, values: int = 0) -> tuple[list[str], int]:
    """The lines of the query for a place inside another one, numbered behind ``values``; and how many there are now."""
    bounds, more = _bounded(shown, values)
    return [*_lines(shown, columns_sql(shown.select), shown.order, values), *bounds], more


def _lines(shown: ParsedFingerprint, columns: str, order: Sequence[OrderItem] = (), values: int = 0) -> list[str]:
    conditions, _ = conditions_sql(shown.filters, values)
    return select_sql(shown, columns, conditions, unsaid(shown, shown.filters), order)


def _bounded(shown: ParsedFingerprint, values: int = 0) -> tuple[list[str], int]:
    """The lines of its limit and offset, whose values come behind those of its conditions; and how many there are."""
    _, values = conditions_sql(shown.filters, values)
    bounds = [name for name in ("limit", "offset") if f"{name}=?" in shown.rest]
    return [f"{name} ${number}" for number, name in enumerate(bounds, values + 1)], values + len(bounds)
