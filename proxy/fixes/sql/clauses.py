"""SQL clauses of the parts of a fingerprint."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from proxy.analysis.fingerprint import Filter, OrderItem, ParsedFingerprint, describes_body
from proxy.fixes.clients.chain_code import select_items
from proxy.postgrest.names import quoted_identifier
from proxy.postgrest.request.select_list import SelectItem

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
_IS = {"null": "is null", "true": "is true", "false": "is false", "unknown": "is unknown"}
NO_EMBEDS = "No SQL: PostgREST joins embeds by foreign keys, which fanin does not see."
WILDCARD = "replace({}, '*', '%')"
"""PostgREST takes ``*`` in a pattern for ``%``."""


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
    order: Sequence[OrderItem] = (),
) -> list[str]:
    """The lines of a query of the relation."""
    lines = [f"select {columns}", f"from {table_sql(parsed)}", *where_sql(conditions)]
    # A name in an order means the output column of that name before it means the column of the table.
    prefix = f"{quoted_identifier(parsed.relation)}." if " as " in columns else ""
    return [*lines, "order by " + ", ".join(prefix + order_sql(item) for item in order)] if order else lines


def where_sql(conditions: Sequence[str]) -> list[str]:
    """One line per condition."""
    return [f"{'  and' if at else 'where'} {text}" for at, text in enumerate(conditions)]


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


def columns_sql(select: str, added: Mapping[str, str] = MappingProxyType({})) -> str:
    """The columns of a select list; empty if it has an embed or an aggregate. ``added`` are further columns by name."""
    items = select_items(select)
    if items is None or not all(isinstance(item, SelectItem) and _is_plain(item) for item in items):
        return ""
    extra = [f"{expression(column)} as {quoted_identifier(name)}" for name, column in added.items()]
    return ", ".join([*extra, *(_column_sql(item) for item in items if isinstance(item, SelectItem))])


def _is_plain(item: SelectItem) -> bool:
    return not item.aggregate and item.cast.replace("_", "a").replace(" ", "a").isalnum() >= bool(item.cast)


def _column_sql(item: SelectItem) -> str:
    text = expression(str(item.field)) if str(item.field) != "*" else "*"
    text = f"({text})::{item.cast}" if item.cast else text
    name = item.output_name or (str(item.field) if item.cast else "")
    return f"{text} as {quoted_identifier(name)}" if name else text


def key_sql(keys: Sequence[Filter], parsed: ParsedFingerprint) -> str:
    """The comparison to all keys, ``$1``: an array, or for several columns a JSON array of objects."""
    if len(keys) == 1:
        return f"{expression(keys[0].column)} = ANY($1)"
    columns = ", ".join(quoted_identifier(key.column) for key in keys)
    return f"({columns}) in (select {columns} from {records_sql(parsed, '$1::jsonb')})"  # noqa: S608 – read, not run


def records_sql(parsed: ParsedFingerprint, objects: str) -> str:
    """The JSON array ``objects`` as rows, whose columns have the types of the relation."""
    return f"jsonb_populate_recordset(null::{table_sql(parsed)}, {objects})"


def conditions_sql(filters: Iterable[Filter], values: int = 0, table: str = "") -> tuple[list[str], int]:
    """Conditions with a plain SQL operator, and the new number of values.

    ``values`` is the number of placeholders used before; the conditions continue from it.
    """
    conditions: list[str] = []
    for condition in filters:
        text = condition_sql(condition, f"${values + 1}", table)
        if text:
            conditions.append(text)
            values += not condition.operator.removeprefix("not.").startswith("is.")
    return conditions, values


def sql_reason(parsed: ParsedFingerprint, filters: Iterable[Filter]) -> str:
    """Why the query has no SQL; empty if it has."""
    if parsed.select != "*" and not columns_sql(parsed.select):
        embeds = any(not isinstance(item, SelectItem) for item in select_items(parsed.select) or ())
        return NO_EMBEDS if embeds else "No SQL: the columns are no plain list."
    texts = ", ".join(unsupported_conditions(parsed, filters))
    return f"No SQL: {texts} has no plain SQL operator." if texts else ""


def unsupported_conditions(parsed: ParsedFingerprint, filters: Iterable[Filter]) -> list[str]:
    """Filters without a plain SQL operator (full text, arrays) and other parameters (logic trees)."""
    params = [param for param in parsed.rest if param not in ("limit=?", "offset=?") and not describes_body(param)]
    others = [f"{f.column}={f.operator}" for f in filters if not condition_sql(f, "$1")]
    return [" ".join(text.split()) for text in (*params, *others)]


def condition_sql(condition: Filter, value: str, table: str = "") -> str:
    """A condition on ``value``, a placeholder or a column; empty without a plain SQL operator.

    ``table`` is the name that qualifies the column.
    """
    operator = condition.operator.removeprefix("not.")
    name, _, word = operator.partition(".")
    compare = _COMPARE.get(operator)
    column = f"{table}.{expression(condition.column)}" if table else expression(condition.column)
    text = ""
    if operator == "in":
        text = f"{column} = ANY({value})"
    elif operator == "isdistinct":
        text = f"{column} is distinct from {value}"
    elif name == "is" and word in _IS:
        text = f"{column} {_IS[word]}"
    elif compare is not None:
        text = f"{column} {compare} {WILDCARD.format(value) if operator in ('like', 'ilike') else value}"
    return f"not ({text})" if text and condition.operator.startswith("not.") else text


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
