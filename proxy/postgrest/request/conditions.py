"""Parses filters with their values: ``column=operator.value``, and trees of ``and``/``or``.

Source: PostgREST 12, ``ApiRequest/QueryParams.hs``; https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

import msgspec

from proxy.postgrest.request.grammar import Cursor, FieldPath, TooDeepError

QUANTIFIABLE = frozenset(("eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch"))
"""Operators that accept ``(any)`` and ``(all)``."""
SEARCHES = ("fts", "plfts", "phfts", "wfts")
"""Full-text search operators, which accept ``(language)``."""
VALUE_OPERATORS = QUANTIFIABLE | {"neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", "isdistinct"}
IS_VALUES = ("null", "not_null", "true", "false", "unknown")
MAX_DEPTH = 50
"""Largest depth of a tree that is parsed; a URL could nest thousands of levels."""


class Condition(msgspec.Struct, frozen=True):
    """``field=not.operator(argument).value``. The operator ``in`` has ``values``, every other one has ``value``."""

    field: FieldPath
    operator: str
    value: str = ""
    values: tuple[str, ...] = ()
    negated: bool = False
    argument: str = ""
    """``any``, ``all``, or the language of a full-text search."""


class Tree(msgspec.Struct, frozen=True):
    """``not.or(…)``: conditions joined by ``and`` or ``or``."""

    operator: str
    negated: bool
    parts: "tuple[Condition | Tree, ...]"


Where = Condition | Tree


def read_filter(name: str, value: str) -> tuple[tuple[str, ...], Condition, str]:
    """Parse a filter parameter. Returns the path of its embed, the condition, and trailing text that PostgREST ignores.

    GrammarError if PostgREST does not accept it.
    """
    cursor = Cursor(name)
    path = [cursor.name()]
    while cursor.accept("."):
        path.append(cursor.name())
    field = FieldPath(path.pop(), cursor.path())
    cursor = Cursor(value)
    condition = _condition(cursor, field, in_tree=False)
    return tuple(path), condition, cursor.rest


def read_tree(name: str, value: str) -> tuple[tuple[str, ...], Tree, str]:
    """Parse a tree, such as ``or``, ``not.and`` or ``kids.or``. Returns the same as ``read_filter``.

    GrammarError if PostgREST does not accept it, TooDeepError below ``MAX_DEPTH``.
    """
    cursor = Cursor(name)
    path = [cursor.name()]
    while cursor.accept("."):
        path.append(cursor.name())
    operator = path.pop()
    cursor = Cursor(value)
    parts = _parts(cursor, 0)
    return tuple(word for word in path if word != "not"), Tree(operator, "not" in path, parts), cursor.rest


def _parts(cursor: Cursor, depth: int) -> tuple[Where, ...]:
    if depth > MAX_DEPTH:
        raise TooDeepError(MAX_DEPTH)
    cursor.skip_blanks()
    cursor.expect("(")
    parts: list[Where] = []
    while not parts or cursor.accept(","):
        cursor.skip_blanks()
        parts.append(_part(cursor, depth))
        cursor.skip_blanks()
    cursor.expect(")")
    cursor.skip_blanks()
    return tuple(parts)


def _part(cursor: Cursor, depth: int) -> Where:
    begin = cursor.position
    negated = cursor.accept("not.")
    for operator in ("and", "or"):
        if cursor.peek(operator + "("):
            cursor.accept(operator)
            return Tree(operator, negated, _parts(cursor, depth + 1))
    cursor.position = begin
    field = cursor.field()
    cursor.expect(".")
    return _condition(cursor, field, in_tree=True)


def _condition(cursor: Cursor, field: FieldPath, in_tree: bool) -> Condition:
    negated = cursor.accept("not.")
    begin, name = cursor.position, cursor.take_while(str.isalpha)
    if name == "in" and cursor.accept("."):
        return Condition(field, name, values=_list(cursor), negated=negated)
    if name == "is" and cursor.accept("."):
        return Condition(field, name, _is(cursor), negated=negated)
    argument = _argument(cursor, name)
    if name not in VALUE_OPERATORS and name not in SEARCHES:
        cursor.position = begin
        raise cursor.error("an operator (eq, gt, in, is, …)")
    cursor.expect(".")
    return Condition(field, name, _value(cursor, in_tree), negated=negated, argument=argument)


def _argument(cursor: Cursor, operator: str) -> str:
    if not cursor.accept("("):
        return ""
    if operator in SEARCHES:
        argument = cursor.identifier()
    elif operator in QUANTIFIABLE:
        argument = next((word for word in ("any", "all") if cursor.accept(word)), "")
        if not argument:
            raise cursor.error("'any' or 'all'")
    else:
        raise cursor.error("'.'")
    cursor.expect(")")
    return argument


def _is(cursor: Cursor) -> str:
    for word in IS_VALUES:
        if cursor.rest[: len(word)].lower() == word:
            cursor.position += len(word)
            return word
    raise cursor.error(", ".join(IS_VALUES))


def _value(cursor: Cursor, in_tree: bool) -> str:
    """The rest of the text; in a tree, up to the next comma or parenthesis that is not in quotes or braces."""
    if not in_tree:
        return cursor.take_while(lambda _: True)
    array = _braces(cursor)
    return _element(cursor) if array is None else array


def _braces(cursor: Cursor) -> str | None:
    begin = cursor.position
    if cursor.accept("{"):
        inner = cursor.take_while(lambda character: character not in "{}")
        if cursor.accept("}"):
            return "{" + inner + "}"
    cursor.position = begin
    return None


def _list(cursor: Cursor) -> tuple[str, ...]:
    cursor.skip_blanks()
    cursor.expect("(")
    cursor.skip_blanks()
    elements = [_element(cursor)]
    while cursor.accept(","):
        elements.append(_element(cursor))
    cursor.expect(")")
    cursor.skip_blanks()
    return tuple(elements)


def _element(cursor: Cursor) -> str:
    begin = cursor.position
    quoted = cursor.quoted()
    if quoted is not None and (cursor.at_end or cursor.peek(",", ")")):
        return quoted
    cursor.position = begin
    return cursor.take_while(lambda character: character not in ",)")
