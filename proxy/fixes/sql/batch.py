"""The SQL of a batch read: the query of a fingerprint, with one column compared to an array.

Its tests parse the result with sqlglot.
"""

from proxy.analysis.fingerprint import ParsedFingerprint, key_filter
from proxy.fixes.memoized import memoized
from proxy.fixes.sql.clauses import (
    columns_sql,
    conditions_sql,
    finish_statement,
    key_sql,
    select_sql,
    unsupported_conditions,
)


@memoized
def batch_sql(parsed: ParsedFingerprint, key: str, kind: str) -> str:
    """``select … where key = ANY($1::type[])``; other values are ``$2``, ``$3``, … in the order of the query.

    Conditions without a plain SQL operator, and a limit (which was per key), become comments.
    """
    key_condition = key_filter(parsed, key)
    rest = [condition for condition in parsed.filters if condition is not key_condition]
    others, _ = conditions_sql(rest, 1)
    bounds = [param for param in parsed.rest if param in ("limit=?", "offset=?")]
    columns, conditions = columns_sql(parsed.select, key), [key_sql(key, kind), *others]
    return finish_statement(
        select_sql(parsed, columns, conditions, [*bounds, *unsupported_conditions(parsed, rest)], parsed.order)
    )
