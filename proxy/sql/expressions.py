"""Columns, literals, filters and orders as SQL expressions. What cannot be written safely is refused, never guessed.

Source: PostgREST 12, ``Query/SqlFragment.hs``.
"""

from functools import reduce

from sqlglot import exp

from proxy.postgrest.names import needs_quotes
from proxy.postgrest.request.api_request import OrderTerm
from proxy.postgrest.request.conditions import Condition
from proxy.postgrest.request.grammar import FieldPath, Step
from proxy.postgrest.request.select_list import Item

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
"""``nxr`` is ``&<`` (does not extend to the right of), which sqlglot calls by its direction."""
SEARCH_FUNCTIONS = {
    "fts": "to_tsquery",
    "plfts": "plainto_tsquery",
    "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
}


class UnwritableError(ValueError):
    """There is no SQL for this that would be safe to print; the message says for what."""


def identifier(name: str) -> exp.Identifier:
    """A name, quoted where SQL wants it."""
    if not name.isprintable():
        raise UnwritableError(f"a name with unprintable characters: {name}")
    return exp.Identifier(this=name, quoted=needs_quotes(name))


def constant(text: str) -> exp.Expression:
    """A literal; characters that could move a cursor, or be overlooked, as escapes (PostgreSQL, §4.1.2.2)."""
    if "\0" in text:
        raise UnwritableError("a NUL, which no text in Postgres holds")
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
    """``CAST(value AS type)``, as PostgREST writes it: the type's name as it came."""
    if not all(word.replace("_", "a").isalnum() for word in type_name.split(" ")):
        raise UnwritableError(f"a cast to {type_name}")
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=type_name))


def column(field: FieldPath, table: str, is_json: bool = True) -> exp.Expression:
    """A column or a path into it. PostgREST makes a column JSON first that is of another type."""
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


def selected(item: Item, table: str, is_json: bool) -> exp.Expression:
    """An item of ``select`` with its casts, its aggregate and its name."""
    value = column(item.field, table, is_json)
    if item.cast:
        value = cast(value, item.cast)
    if item.aggregate:
        counted = exp.Star() if item.field.name == "*" else value
        value = exp.Anonymous(this=item.aggregate, expressions=[counted])
    if item.aggregate_cast:
        value = cast(value, item.aggregate_cast)
    return exp.Alias(this=value, alias=identifier(item.output_name)) if item.output_name else value


def condition(asked: Condition, left: exp.Expression) -> exp.Expression:
    """A filter; ``left`` is what it compares."""
    if asked.operator == "in":
        test = _in(asked.values, left)
    elif asked.operator == "is":
        test = _is(asked.value, left)
    elif asked.operator in SEARCH_FUNCTIONS:
        language = [constant(asked.argument)] if asked.argument else []
        search = exp.Anonymous(this=SEARCH_FUNCTIONS[asked.operator], expressions=[*language, constant(asked.value)])
        test = exp.MatchAgainst(this=search, expressions=[left])
    else:
        test = BINARY_OPERATORS[asked.operator](this=left, expression=_right(asked))
    return exp.Not(this=test) if asked.negated else test


def _right(asked: Condition) -> exp.Expression:
    starred = asked.operator in ("like", "ilike")
    value = constant(asked.value.replace("*", "%") if starred else asked.value)
    return exp.Anonymous(this=asked.argument.upper(), expressions=[value]) if asked.argument else value


def _in(values: tuple[str, ...], left: exp.Expression) -> exp.Expression:
    """A list of nothing but an empty element is an empty list to PostgREST, which SQL can say by an array only."""
    if values == ("",):
        return exp.EQ(this=left, expression=exp.Anonymous(this="ANY", expressions=[constant("{}")]))
    return exp.In(this=left, expressions=[constant(value) for value in values])


def _is(value: str, left: exp.Expression) -> exp.Expression:
    if value == "not_null":
        return exp.Not(this=exp.Is(this=left, expression=exp.Null()))
    return exp.Is(this=left, expression=exp.Var(this=value.upper()))


def ordered(item: OrderTerm, value: exp.Expression) -> exp.Expression:
    """An item of ``order``. Where it does not say, nulls are larger than anything else."""
    descending = item.direction == "desc"
    nulls_first = item.nulls == "first" or (descending and not item.nulls)
    return exp.Ordered(this=value, desc=descending, nulls_first=nulls_first)
