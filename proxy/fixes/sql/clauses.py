"""The clauses of SQL that a fingerprint's parts stand for, as text that people are to read."""

import re
from collections.abc import Iterable, Sequence

from proxy.analysis.fingerprint import Filter, OrderItem, ParsedFingerprint
from proxy.postgrest.names import quoted_identifier

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
_ARRAYS = {"uuid": "uuid[]", "integer": "bigint[]"}


def array_type(kind: str) -> str:
    """The array type for what a literal looks like; empty for a text, whose type nobody knows."""
    return _ARRAYS.get(kind, "")


def table_sql(shown: ParsedFingerprint) -> str:
    """Its relation, with the schema where that has to be named."""
    return (
        f"{quoted_identifier(shown.schema)}.{quoted_identifier(shown.relation)}"
        if shown.schema
        else quoted_identifier(shown.relation)
    )


def select_sql(
    shown: ParsedFingerprint,
    columns: str,
    conditions: Sequence[str],
    notes: Iterable[str] = (),
    order: Sequence[OrderItem] = (),
) -> list[str]:
    """The lines of a query of its relation."""
    lines = [f"select {columns}", f"from {table_sql(shown)}", *where_sql(conditions, notes)]
    return [*lines, "order by " + ", ".join(map(order_sql, order))] if order else lines


def where_sql(conditions: Sequence[str], notes: Iterable[str]) -> list[str]:
    """The conditions, a line each, and what else was asked, in comments."""
    where = [f"{'  and' if at else 'where'} {text}" for at, text in enumerate(conditions)]
    return [*where, *(f"  -- and {text}" for text in notes)]


def statement(lines: Sequence[str]) -> str:
    """The lines with their semicolon, which is no part of a comment."""
    return "\n".join(lines) + ("\n;" if lines[-1].lstrip().startswith("--") else ";")


def expression(name: str) -> str:
    """A column, or a path into JSON: ``data ->> 'k'`` for ``data->>k``."""
    column, *steps = re.split("(->>?)", name)
    pairs = zip(steps[::2], steps[1::2], strict=True)
    return " ".join([quoted_identifier(column), *(f"{arrow} {_step(step)}" for arrow, step in pairs)])


def _step(step: str) -> str:
    return step if step.isdigit() else "'" + step.replace("'", "''") + "'"


def columns_sql(select: str, key: str = "") -> str:
    """The columns of a plain list, the key (if any) among them; ``*`` for anything with embeds, casts or paths."""
    names = select.split(",")
    if not all(name.replace("_", "a").isalnum() for name in names):
        return "*"
    return ", ".join(map(expression, names if key in names or not key else [key, *names]))


def key_sql(key: str, kind: str) -> str:
    """``key`` compared to an array, ``$1``."""
    cast = f"::{array_type(kind)}" if array_type(kind) else ""
    return f"{expression(key)} = ANY($1{cast})"


def conditions_sql(filters: Iterable[Filter], values: int = 0) -> tuple[list[str], int]:
    """The conditions that SQL has plain operators for, numbered behind ``values``; and how many values that makes."""
    conditions: list[str] = []
    for condition in filters:
        text = _condition(condition, values + 1)
        if text:
            conditions.append(text)
            values += not condition.operator.endswith("null")
    return conditions, values


def unsaid(shown: ParsedFingerprint, filters: Iterable[Filter]) -> list[str]:
    """The others (full text, arrays), and what is no filter (logic trees), for a comment."""
    params = [param for param in shown.rest if param not in ("limit=?", "offset=?")]
    odd = [f"{one.column}={one.operator}" for one in filters if not _condition(one, 1)]
    return [" ".join(text.split()) for text in (*params, *odd)]


def _condition(condition: Filter, number: int) -> str:
    """A condition with ``$number`` for its value; empty for what has no plain operator."""
    compare = _COMPARE.get(condition.operator)
    if condition.operator == "in":
        return f"{expression(condition.column)} = ANY(${number})"
    if compare is not None:
        return f"{expression(condition.column)} {compare} ${number}"
    if condition.operator in ("is.null", "not.is.null"):
        return f"{expression(condition.column)} {'is not null' if condition.operator[0] == 'n' else 'is null'}"
    return ""


def order_sql(item: OrderItem) -> str:
    """An item of ``order by``."""
    return directed(expression(item.column), item)


def directed(value: str, item: OrderItem) -> str:
    """``value`` with the direction of ``item``, and the place of its nulls."""
    words = [value]
    if item.descending:
        words.append("desc")
    if item.nulls:
        words.append(f"nulls {item.nulls.removeprefix('nulls')}")
    return " ".join(words)
