"""The SQL of a batch read: the query a fingerprint stands for, with one column compared to an array.

Written as text, because people are to read it; that it is SQL is proven with sqlglot in its tests.
"""

import re
from collections.abc import Sequence

from proxy.postgrest.names import quoted
from proxy.postgrest.remembered import remembered
from proxy.postgrest.shown import Filter, Order, Shown

_COMPARE = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "like": "like",
    "ilike": "ilike",
    "match": "~",
    "imatch": "~*",
}
ARRAYS = {"uuid": "uuid[]", "integer": "bigint[]"}
"""The array type for what a literal looks like."""


@remembered
def batch_sql(shown: Shown, key: str, kind: str) -> str:
    """``select … where key = ANY($1::type[])``; other values are ``$2``, ``$3``, … in the order of the query.

    Conditions that have no plain operator in SQL (full text, arrays, logic trees) are named in a comment.
    """
    cast = f"::{ARRAYS[kind]}" if kind in ARRAYS else ""
    conditions = [f"{expression(key)} = ANY($1{cast})"]
    left_out = [*shown.rest]
    for condition in shown.filters:
        if condition.column == key:
            continue
        text = condition_sql(condition, 1 + sum("$" in text for text in conditions))
        if text:
            conditions.append(text)
        else:
            left_out.append(f"{condition.column}={condition.operator}")
    lines = [f"select {columns_sql(shown.select, key)}", f"from {quoted(shown.relation)}"]
    lines.append("where " + "\n  and ".join(conditions))
    lines += [f"  -- and {' '.join(text.split())}" for text in left_out]
    if shown.order:
        lines.append("order by " + ", ".join(map(order_sql, shown.order)))
    return statement(lines)


def statement(lines: Sequence[str]) -> str:
    """The lines with their semicolon, which is no part of a comment."""
    return "\n".join(lines) + ("\n;" if lines[-1].lstrip().startswith("--") else ";")


def expression(name: str) -> str:
    """A column, or a path into JSON: ``data ->> 'k'`` for ``data->>k``."""
    column, *steps = re.split("(->>?)", name)
    pairs = zip(steps[::2], steps[1::2], strict=True)
    return " ".join([quoted(column), *(f"{arrow} {_step(step)}" for arrow, step in pairs)])


def _step(step: str) -> str:
    return step if step.isdigit() else "'" + step.replace("'", "''") + "'"


def condition_sql(condition: Filter, number: int) -> str:
    """A condition with ``$number`` for its value; empty for what has no plain operator."""
    compare = _COMPARE.get(condition.operator)
    if condition.operator == "in":
        return f"{expression(condition.column)} = ANY(${number})"
    if compare is not None:
        return f"{expression(condition.column)} {compare} ${number}"
    if condition.operator in ("is.null", "not.is.null"):
        return f"{expression(condition.column)} {'is not null' if condition.operator[0] == 'n' else 'is null'}"
    return ""


def columns_sql(select: str, key: str) -> str:
    """The columns of a plain list, the key (if any) among them; ``*`` for anything with embeds, casts or paths."""
    names = select.split(",")
    if not all(name.replace("_", "a").isalnum() for name in names):
        return "*"
    return ", ".join(map(expression, names if key in names or not key else [key, *names]))


def order_sql(item: Order) -> str:
    """An item of ``order by``."""
    words = [expression(item.column)]
    if item.descending:
        words.append("desc")
    if item.nulls:
        words.append(f"nulls {item.nulls.removeprefix('nulls')}")
    return " ".join(words)
