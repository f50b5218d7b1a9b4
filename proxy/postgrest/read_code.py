"""The read that a fingerprint stands for in the two client languages: once a request, or all of its pages.

Names are the application's own, made into identifiers; values are arguments. What no method of the clients stands for
(logic trees, filters on embeds) is named in a comment.
"""

import json
import keyword
from collections.abc import Iterator

import msgspec

from proxy.postgrest.shown import Filter, Shown

_METHODS = frozenset(("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike"))
_JS_COUNT, _PY_COUNT = ', { count: "exact", head: true }', ', count="exact", head=True'
_RESERVED = frozenset(map(str.lower, keyword.kwlist)) | frozenset(
    (
        *("case", "catch", "const", "debugger", "default", "delete", "do", "enum", "export", "extends", "function"),
        *("implements", "instanceof", "interface", "let", "new", "null", "package", "private", "protected", "public"),
        *("static", "super", "switch", "this", "throw", "typeof", "undefined", "var", "void", "arguments", "eval"),
        *("supabase", "data", "count", "error", "rows", "query", "last", "page", "cache", "functools"),
    )
)
"""Words that are no names for arguments: the languages' own, and those that the code uses."""


class _Read(msgspec.Struct, frozen=True):
    """A fingerprint with a name for each value: of filters by their place, of limit and offset by what they are."""

    shown: Shown
    filters: dict[int, str]
    bounds: dict[str, str]

    @property
    def arguments(self) -> str:
        return ", ".join([*self.filters.values(), *self.bounds.values()])


def once_js(shown: Shown) -> str:
    """A function for supabase-js that calls once in a request of the application, whoever asks."""
    read = _named(shown, camel=True, bounds=True)
    chain, result = [*_js_chain(read), *_bounds(read)], "count" if _counts(shown) else "data"
    lines = [
        'import { cache } from "react";',
        "",
        f"export const {_camel('read ' + shown.relation)} = cache(async ({read.arguments}) => {{",
        *(f"  // and {text}" for text in _left_out(shown)),
        f"  const {{ {result}, error }} = await supabase",
        *(f"    {line}" for line in chain[:-1]),
        f"    {chain[-1]};",
        "  if (error) throw error;",
        f"  return {result};",
        "});",
        "// Without React: read it once where the request begins, and pass the rows on as an argument.",
    ]
    return "\n".join(lines)


def once_py(shown: Shown) -> str:
    """The same for supabase-py: a reader to be made for each request."""
    read, name = _named(shown, camel=False, bounds=True), _snake("read " + shown.relation)
    lines = [
        "import functools",
        "",
        f"def make_{name}():",
        '    """To be made once a request of the application, and passed on with it."""',
        "    @functools.cache",
        f"    def {name}({read.arguments}):",
        *(f"        # and {text}" for text in _left_out(shown)),
        "        return (",
        *(f"            {line}" for line in (*_py_chain(read), *_bounds(read))),
        "            .execute()",
        f"            .{'count' if _counts(shown) else 'data'}",
        "        )",
        f"    return {name}",
    ]
    return "\n".join(lines)


def pages_js(shown: Shown, key: str, size: int) -> str:
    """A function for supabase-js that reads all rows, ``size`` at a time, in the order of ``key``."""
    read, column = _named(shown, camel=True), json.dumps(key)
    chain = _js_chain(read, key)
    lines = [
        f"async function {_camel('list all ' + shown.relation)}({read.arguments}) {{",
        *(f"  // and {text}" for text in _left_out(shown)),
        "  const rows = [];",
        "  for (let last; ; ) {",
        "    let query = supabase",
        *(f"      {line}" for line in chain[:-1]),
        f"      {chain[-1]};",
        f"    if (last !== undefined) query = query.gt({column}, last);",
        f"    const {{ data, error }} = await query.order({column}).limit({size});",
        "    if (error) throw error;",
        "    rows.push(...data);",
        f"    if (data.length < {size}) return rows;",
        f"    last = data.at(-1)[{column}];",
        "  }",
        "}",
    ]
    return "\n".join(lines)


def pages_py(shown: Shown, key: str, size: int) -> str:
    """The same for supabase-py."""
    read, column = _named(shown, camel=False), json.dumps(key)
    lines = [
        f"def {_snake('list all ' + shown.relation)}({read.arguments}):",
        *(f"    # and {text}" for text in _left_out(shown)),
        "    rows, last = [], None",
        "    while True:",
        "        query = (",
        *(f"            {line}" for line in _py_chain(read, key)),
        "        )",
        "        if last is not None:",
        f"            query = query.gt({column}, last)",
        f"        page = query.order({column}).limit({size}).execute().data",
        "        rows += page",
        f"        if len(page) < {size}:",
        "            return rows",
        f"        last = page[-1][{column}]",
    ]
    return "\n".join(lines)


def _js_chain(read: _Read, key: str = "") -> list[str]:
    """The calls on ``supabase``; a ``key`` is shown, and orders the rows."""
    shown = read.shown
    orders = [] if key else [(json.dumps(o.column), json.dumps(not o.descending)) for o in shown.order]
    return [
        f".from({json.dumps(shown.relation)})",
        f".select({json.dumps(_select(shown, key))}{_JS_COUNT if _counts(shown) else ''})",
        *(f".{_js_filter(f, read.filters.get(f.at, ''))}" for f in shown.filters),
        *(f".order({column}, {{ ascending: {ascending} }})" for column, ascending in orders),
    ]


def _py_chain(read: _Read, key: str = "") -> list[str]:
    """The same for Python."""
    shown = read.shown
    orders = [] if key else [(json.dumps(o.column), o.descending) for o in shown.order]
    return [
        f"supabase.table({json.dumps(shown.relation)})",
        f".select({json.dumps(_select(shown, key))}{_PY_COUNT if _counts(shown) else ''})",
        *(f".{_py_filter(f, read.filters.get(f.at, ''))}" for f in shown.filters),
        *(f".order({column}, desc={descending})" for column, descending in orders),
    ]


def _js_filter(condition: Filter, value: str) -> str:
    column, operator = json.dumps(condition.column), condition.operator
    plain, negated = operator.removeprefix("not."), operator.startswith("not.")
    name, _, word = plain.partition(".")
    if negated:
        return f"not({column}, {json.dumps(name)}, {value or word})"
    if name in _METHODS or name in ("in", "is"):
        return f"{name}({column}, {value or word})"
    return f"filter({column}, {json.dumps(operator)}, {value})"


def _py_filter(condition: Filter, value: str) -> str:
    column, operator = json.dumps(condition.column), condition.operator
    plain, negation = operator.removeprefix("not."), "not_." if operator.startswith("not.") else ""
    name, _, word = plain.partition(".")
    if name in _METHODS:
        return f"{negation}{name}({column}, {value})"
    if name in ("in", "is"):
        return f"{negation}{name}_({column}, {value or json.dumps(word)})"
    return f"filter({column}, {json.dumps(operator)}, {value})"


def _bounds(read: _Read) -> list[str]:
    """Limit and offset, which read alike in both languages."""
    limit, offset = read.bounds.get("limit"), read.bounds.get("offset")
    if limit and offset:
        return [f".range({offset}, {offset} + {limit} - 1)"]
    return [f".limit({limit})"] if limit else []


def _left_out(shown: Shown) -> Iterator[str]:
    for param in shown.rest:
        if param not in ("limit=?", "offset=?"):
            yield " ".join(param.split())


def _counts(shown: Shown) -> bool:
    """Whether it asks for a head: what for, but the number of rows in it?"""
    return shown.method == "HEAD"


def _select(shown: Shown, key: str) -> str:
    """A page must show the key that the next one begins behind."""
    columns = shown.select.split(",")
    return shown.select if not key or key in columns or "*" in columns else f"{key},{shown.select}"


def _named(shown: Shown, camel: bool, bounds: bool = False) -> _Read:
    taken: set[str] = set()
    valued = [condition for condition in shown.filters if not condition.operator.startswith(("is.", "not.is."))]
    filters = {condition.at: _argument(condition, camel, taken) for condition in valued}
    wanted = [name for name in ("limit", "offset") if bounds and f"{name}=?" in shown.rest]
    return _Read(shown, filters, {name: _free(name, taken) for name in wanted})


def _argument(condition: Filter, camel: bool, taken: set[str]) -> str:
    """An identifier for the value of a filter that no other one has."""
    words = condition.column + (" list" if condition.operator == "in" else "")
    return _free(_camel(words) if camel else _snake(words), taken)


def _free(name: str, taken: set[str]) -> str:
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


def _camel(text: str) -> str:
    first, *others = _words(text) or [""]
    return first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in others)


def _snake(text: str) -> str:
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in text)
    return "_".join(_words(words))
