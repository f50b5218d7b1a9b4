"""One read of the application in the two client languages, as the calls on its client: names are the application's own.

Names are made into identifiers; values are arguments. What no method of the clients stands for (logic trees, filters on
embeds) is left to a comment.
"""

import json
import keyword
from collections.abc import Collection, Iterator

import msgspec

from proxy.postgrest.shown import Filter, Shown

_METHODS = frozenset(("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike"))
_RESERVED = frozenset(map(str.lower, keyword.kwlist)) | frozenset(
    (
        *("case", "catch", "const", "debugger", "default", "delete", "do", "enum", "export", "extends", "function"),
        *("implements", "instanceof", "interface", "let", "new", "null", "package", "private", "protected", "public"),
        *("static", "super", "switch", "this", "throw", "typeof", "undefined", "var", "void", "arguments", "eval"),
        *("supabase", "data", "count", "error", "rows", "query", "last", "page", "cache", "functools"),
        *("size", "past", "json", "asyncio", "columns"),
    )
)
"""Words that are no names for arguments: the languages' own, and those that the code uses."""


class Read(msgspec.Struct, frozen=True):
    """A fingerprint with a name for each value: of filters by their place, of limit and offset by what they are."""

    shown: Shown
    filters: dict[int, str]
    bounds: dict[str, str]

    @property
    def arguments(self) -> str:
        return ", ".join([*self.filters.values(), *self.bounds.values()])


def js_chain(read: Read, key: str = "", count: str = "") -> list[str]:
    """The calls on ``supabase``; a ``key`` is shown, and orders the rows. ``count`` is how all rows are counted."""
    shown = read.shown
    head = ", head: true" if counts(shown) else ""
    how = count or ("exact" if head else "")
    options = f", {{ count: {json.dumps(how)}{head} }}" if how else ""
    orders = [] if key else [(json.dumps(o.column), json.dumps(not o.descending)) for o in shown.order]
    return [
        f".from({json.dumps(shown.relation)})",
        f".select({json.dumps(_select(shown, key))}{options})",
        *(f".{js_filter(f, read.filters.get(f.at, ''))}" for f in shown.filters),
        *(f".order({column}, {{ ascending: {ascending} }})" for column, ascending in orders),
    ]


def py_chain(read: Read, key: str = "", count: str = "") -> list[str]:
    """The same for Python."""
    shown = read.shown
    head = ", head=True" if counts(shown) else ""
    how = count or ("exact" if head else "")
    options = f", count={json.dumps(how)}{head}" if how else ""
    orders = [] if key else [(json.dumps(o.column), o.descending) for o in shown.order]
    return [
        f"supabase.table({json.dumps(shown.relation)})",
        f".select({json.dumps(_select(shown, key))}{options})",
        *(f".{py_filter(f, read.filters.get(f.at, ''))}" for f in shown.filters),
        *(f".order({column}, desc={descending})" for column, descending in orders),
    ]


def js_filter(condition: Filter, value: str) -> str:
    """A method's call with ``value``, an expression; without the dot before it."""
    column, operator = json.dumps(condition.column), condition.operator
    plain, negated = operator.removeprefix("not."), operator.startswith("not.")
    name, _, word = plain.partition(".")
    if negated:
        return f"not({column}, {json.dumps(name)}, {value or word})"
    if name in _METHODS or name in ("in", "is"):
        return f"{name}({column}, {value or word})"
    return f"filter({column}, {json.dumps(operator)}, {value})"


def py_filter(condition: Filter, value: str) -> str:
    """The same for Python."""
    column, operator = json.dumps(condition.column), condition.operator
    plain, negation = operator.removeprefix("not."), "not_." if operator.startswith("not.") else ""
    name, _, word = plain.partition(".")
    if name in _METHODS:
        return f"{negation}{name}({column}, {value})"
    if name in ("in", "is"):
        return f"{negation}{name}_({column}, {value or json.dumps(word)})"
    return f"filter({column}, {json.dumps(operator)}, {value})"


def bounds_of(read: Read) -> list[str]:
    """Limit and offset, which read alike in both languages."""
    limit, offset = read.bounds.get("limit"), read.bounds.get("offset")
    if limit and offset:
        return [f".range({offset}, {offset} + {limit} - 1)"]
    return [f".limit({limit})"] if limit else []


def left_out(shown: Shown) -> Iterator[str]:
    """What no method stands for, for a comment."""
    for param in shown.rest:
        if param not in ("limit=?", "offset=?"):
            yield " ".join(param.split())


def counts(shown: Shown) -> bool:
    """Whether it asks for a head: what for, but the number of rows in it?"""
    return shown.method == "HEAD"


def _select(shown: Shown, key: str) -> str:
    """A page must show the key that the next one begins behind."""
    columns = shown.select.split(",")
    return shown.select if not key or key in columns or "*" in columns else f"{key},{shown.select}"


def named(shown: Shown, camel: bool, bounds: bool = False, taken: Collection[str] = ()) -> Read:
    """Names for its values, in camel or snake case, none of them among ``taken``; for limit and offset too where
    ``bounds`` are wanted.
    """
    taken = set(taken)
    valued = [condition for condition in shown.filters if not condition.operator.startswith(("is.", "not.is."))]
    filters = {condition.at: _argument(condition, camel, taken) for condition in valued}
    wanted = [name for name in ("limit", "offset") if bounds and f"{name}=?" in shown.rest]
    return Read(shown, filters, {name: free_name(name, taken) for name in wanted})


def _argument(condition: Filter, camel: bool, taken: set[str]) -> str:
    """An identifier for the value of a filter that no other one has."""
    words = condition.column + (" list" if condition.operator == "in" else "")
    return free_name(camel_case(words) if camel else snake_case(words), taken)


def free_name(name: str, taken: set[str]) -> str:
    """``name``, or what comes near it, where that is no identifier or taken."""
    name = name or "value"
    if name[0].isdigit() or name.lower() in _RESERVED:
        name = f"_{name}"
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


def _words(text: str) -> list[str]:
    """What identifiers can be made of: runs of ASCII letters and digits."""
    return "".join(c if c.isascii() and c.isalnum() else " " for c in text).split()


def camel_case(text: str) -> str:
    """An identifier for JavaScript."""
    first, *others = _words(text) or [""]
    return first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in others)


def snake_case(text: str) -> str:
    """An identifier for Python."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in text)
    return "_".join(_words(words))
