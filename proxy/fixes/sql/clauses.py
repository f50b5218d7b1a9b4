"""SQL clauses of the parts of a fingerprint."""

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
    """The array type for a literal class; empty for text, whose column type is unknown."""
    return _ARRAYS.get(kind, "")


def table_sql(parsed: ParsedFingerprint) -> str:
    """The relation, with its schema unless that is the default."""
    return (
        f"{quoted_identifier(parsed.schema)}.{quoted_identifier(parsed.relation)}"
        if parsed.schema
        else quoted_identifier(parsed.relation)
    )


def select_sql(
    parsed: ParsedFingerprint,
    columns: str,
    conditions: Sequence[str],
    notes: Iterable[str] = (),
    order: Sequence[OrderItem] = (),
) -> list[str]:
    """The lines of a query of the relation."""
    lines = [f"select {columns}", f"from {table_sql(parsed)}", *where_sql(conditions, notes)]
    return [*lines, "order by " + ", ".join(map(order_sql, order))] if order else lines


def where_sql(conditions: Sequence[str], notes: Iterable[str]) -> list[str]:
    """One line per condition; ``notes`` become comments."""
    where = [f"{'  and' if at else 'where'} {text}" for at, text in enumerate(conditions)]
    return [*where, *(f"  -- and {text}" for text in notes)]


def finish_statement(lines: Sequence[str]) -> str:
    """The lines with a semicolon at the end, which is not inside a comment."""
    return "\n".join(lines) + ("\n;" if lines[-1].lstrip().startswith("--") else ";")


def expression(name: str) -> str:
    """A column or a JSON path: ``data ->> 'k'`` for ``data->>k``."""
    column, *steps = re.split("(->>?)", name)
    pairs = zip(steps[::2], steps[1::2], strict=True)
    return " ".join([quoted_identifier(column), *(f"{arrow} {_step(step)}" for arrow, step in pairs)])


def _step(step: str) -> str:
    return step if step.isdigit() else "'" + step.replace("'", "''") + "'"


def columns_sql(select: str, key: str = "") -> str:
    """The columns of a plain list, with ``key`` added; ``*`` for a list with embeds, casts or paths."""
    names = select.split(",")
    if not all(name.replace("_", "a").isalnum() for name in names):
        return "*"
    return ", ".join(map(expression, names if key in names or not key else [key, *names]))


def key_sql(key: str, kind: str) -> str:
    """The comparison of ``key`` to an array, ``$1``."""
    cast = f"::{array_type(kind)}" if array_type(kind) else ""
    return f"{expression(key)} = ANY($1{cast})"


def conditions_sql(filters: Iterable[Filter], values: int = 0) -> tuple[list[str], int]:
    """Conditions with a plain SQL operator, and the new number of values.

    ``values`` is the number of placeholders used before; the conditions continue from it.
    """
    conditions: list[str] = []
    for condition in filters:
        text = _condition(condition, values + 1)
        if text:
            conditions.append(text)
            values += not condition.operator.endswith("null")
    return conditions, values


def unsupported_conditions(parsed: ParsedFingerprint, filters: Iterable[Filter]) -> list[str]:
    """Filters without a plain SQL operator (full text, arrays) and other parameters (logic trees), for comments."""
    params = [param for param in parsed.rest if param not in ("limit=?", "offset=?")]
    others = [f"{f.column}={f.operator}" for f in filters if not _condition(f, 1)]
    return [" ".join(text.split()) for text in (*params, *others)]


def _condition(condition: Filter, number: int) -> str:
    """A condition with ``$number`` for its value; empty without a plain SQL operator."""
    compare = _COMPARE.get(condition.operator)
    if condition.operator == "in":
        return f"{expression(condition.column)} = ANY(${number})"
    if compare is not None:
        return f"{expression(condition.column)} {compare} ${number}"
    if condition.operator in ("is.null", "not.is.null"):
        return f"{expression(condition.column)} {'is not null' if condition.operator[0] == 'n' else 'is null'}"
    return ""


def order_sql(item: OrderItem) -> str:
    """One item of ``order by``."""
    return with_direction(expression(item.column), item)


def with_direction(value: str, item: OrderItem) -> str:
    """``value`` with the direction and the nulls option of ``item``."""
    words = [value]
    if item.descending:
        words.append("desc")
    if item.nulls:
        words.append(f"nulls {item.nulls.removeprefix('nulls')}")
    return " ".join(words)
