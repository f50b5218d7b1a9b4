"""Writes columns, literals, filters and orders as SQL expressions; UnwritableError if one cannot be written safely.

Source: PostgREST 12, ``Query/SqlFragment.hs``.
"""

from collections.abc import Callable
from functools import reduce

from sqlglot import exp

from proxy.postgrest.names import needs_quotes
from proxy.postgrest.request.api_request import OrderTerm
from proxy.postgrest.request.conditions import Condition
from proxy.postgrest.request.grammar import FieldPath, Step
from proxy.postgrest.request.select_list import SelectItem

BINARY_OPERATORS: dict[str, type[exp.Expression]] = {
    "eq": exp.EQ,
    "neq": exp.NEQ,
    "gt": exp.GT,
    "gte": exp.GTE,
    "lt": exp.LT,
    "lte": exp.LTE,
    "like": exp.Like,
    "ilike": exp.ILike,
    "match": exp.RegexpLike,
    "imatch": exp.RegexpILike,
    "isdistinct": exp.NullSafeNEQ,
    "cs": exp.ArrayContainsAll,
    "cd": exp.ArrayContainedBy,
    "ov": exp.ArrayOverlaps,
    "sl": exp.BitwiseLeftShift,
    "sr": exp.BitwiseRightShift,
    "nxr": exp.ExtendsLeft,
    "nxl": exp.ExtendsRight,
    "adj": exp.Adjacent,
}
"""``nxr`` is ``&<`` (does not extend to the right of), for which sqlglot's name is ExtendsLeft."""
SEARCH_FUNCTIONS = {
    "fts": "to_tsquery",
    "plfts": "plainto_tsquery",
    "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
}


class UnwritableError(ValueError):
    """No SQL can be written for a part of the request that is safe to print. The message names the part."""


def identifier(name: str) -> exp.Identifier:
    """A name, quoted if necessary."""
    if not name.isprintable():
        raise UnwritableError(f"a name with unprintable characters: {name}")
    return exp.Identifier(this=name, quoted=needs_quotes(name))


def constant(text: str) -> exp.Expression:
    """A literal. Unprintable characters, which could control a terminal, are escaped (PostgreSQL, §4.1.2.2)."""
    if "\0" in text:
        raise UnwritableError("a NUL, which a text in Postgres cannot contain")
    if text.isprintable():
        return exp.Literal.string(text)
    escapes = (_escape(character) for character in text)
    return exp.Var(this="E'" + "".join(escapes) + "'")


def _escape(character: str) -> str:
    if character in "'\\":
        return character * 2
    code = ord(character)
    return character if character.isprintable() else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cast(value: exp.Expression, type_name: str) -> exp.Expression:
    """``CAST(value AS type)`` with the type's name as in the request, as PostgREST writes it."""
    if not all(word.replace("_", "a").isalnum() for word in type_name.split(" ")):
        raise UnwritableError(f"a cast to {type_name}")
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=type_name))


def column(field: FieldPath, table: str, is_json: bool = True) -> exp.Expression:
    """A column or a path into it. PostgREST converts a column that is not JSON with ``to_jsonb`` first."""
    base: exp.Expression = exp.Column(this=identifier(field.name), table=identifier(table))
    if field.name == "*":
        base = exp.Column(this=exp.Star(), table=identifier(table))
    if field.path and not is_json:
        base = exp.Anonymous(this="to_jsonb", expressions=[base])
    return reduce(_json_step, field.path, base)


def _json_step(value: exp.Expression, step: Step) -> exp.Expression:
    key = exp.Literal.number(step.key) if step.index else constant(step.key)
    arrow = exp.JSONExtractScalar if step.arrow == "->>" else exp.JSONExtract
    return arrow(this=value, expression=key, only_json_types=True)


def selected(item: SelectItem, table: str, is_json: bool) -> exp.Expression:
    """An item of ``select`` with its casts, its aggregate and its alias."""
    value = column(item.field, table, is_json)
    if item.cast:
        value = cast(value, item.cast)
    if item.aggregate:
        counted = exp.Star() if item.field.name == "*" else value
        value = exp.Anonymous(this=item.aggregate, expressions=[counted])
    if item.aggregate_cast:
        value = cast(value, item.aggregate_cast)
    return exp.Alias(this=value, alias=identifier(item.output_name)) if item.output_name else value


Write = Callable[[str], exp.Expression]
"""Writes a literal of a filter: as a constant, or as a parameter of the statement."""


def condition(where: Condition, left: exp.Expression, write: Write = constant, lists: bool = True) -> exp.Expression:
    """A filter as an expression; ``left`` is its left operand. Without ``lists``, ``in`` is ``= ANY (array)``."""
    if where.operator == "in":
        test = _in(where.values, left, write) if lists else _any(where.values, left, write)
    elif where.operator == "is":
        test = _is(where.value, left)
    elif where.operator in SEARCH_FUNCTIONS:
        language = [constant(where.argument)] if where.argument else []
        search = exp.Anonymous(this=SEARCH_FUNCTIONS[where.operator], expressions=[*language, write(where.value)])
        test = exp.MatchAgainst(this=search, expressions=[left])
    else:
        test = BINARY_OPERATORS[where.operator](this=left, expression=_right(where, write))
    return exp.Not(this=test) if where.negated else test


def _right(where: Condition, write: Write) -> exp.Expression:
    is_pattern = where.operator in ("like", "ilike")
    value = write(where.value.replace("*", "%") if is_pattern else where.value)
    return exp.Anonymous(this=where.argument.upper(), expressions=[value]) if where.argument else value


def _in(values: tuple[str, ...], left: exp.Expression, write: Write) -> exp.Expression:
    """To PostgREST, a list with one empty element is an empty list. SQL can write that only as an array."""
    if values == ("",):
        return _any(values, left, write)
    return exp.In(this=left, expressions=[write(value) for value in values])


def _any(values: tuple[str, ...], left: exp.Expression, write: Write) -> exp.Expression:
    return exp.EQ(this=left, expression=exp.Anonymous(this="ANY", expressions=[write(array_text(values))]))


def array_text(values: tuple[str, ...]) -> str:
    """An array's text (PostgreSQL, §8.15.2), in which PostgREST sends the list of ``in``."""
    if values == ("",):
        return "{}"
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _is(value: str, left: exp.Expression) -> exp.Expression:
    if value == "not_null":
        return exp.Not(this=exp.Is(this=left, expression=exp.Null()))
    return exp.Is(this=left, expression=exp.Var(this=value.upper()))


def ordered(item: OrderTerm, value: exp.Expression) -> exp.Expression:
    """An item of ``order``. By default, nulls are larger than every other value."""
    descending = item.direction == "desc"
    nulls_first = item.nulls == "first" or (descending and not item.nulls)
    return exp.Ordered(this=value, desc=descending, nulls_first=nulls_first)
