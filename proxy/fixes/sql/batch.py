"""The SQL of a batch read: the query a fingerprint stands for, with one column compared to an array.

That it is SQL is proven with sqlglot in its tests.
"""

from proxy.analysis.fingerprint import ParsedFingerprint, by_key
from proxy.fixes.remembered import remembered
from proxy.fixes.sql.clauses import columns_sql, conditions_sql, key_sql, select_sql, statement, unsaid


@remembered
def batch_sql(shown: ParsedFingerprint, key: str, kind: str) -> str:
    """``select … where key = ANY($1::type[])``; other values are ``$2``, ``$3``, … in the order of the query.

    Conditions that have no plain operator in SQL, and a limit, which was one of each key, are named in a comment.
    """
    one = by_key(shown, key)
    rest = [condition for condition in shown.filters if condition is not one]
    others, _ = conditions_sql(rest, 1)
    bounds = [param for param in shown.rest if param in ("limit=?", "offset=?")]
    columns, conditions = columns_sql(shown.select, key), [key_sql(key, kind), *others]
    return statement(select_sql(shown, columns, conditions, [*bounds, *unsaid(shown, rest)], shown.order))
