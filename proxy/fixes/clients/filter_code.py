"""One parameter of a query as a call of supabase-js or supabase-py: a filter, a logic tree, a parameter of an embed.

Both clients put values into lists and logic trees as they are, or quote some of them without escapes. So the code
quotes them itself, as PostgREST reads them: https://postgrest.org/en/v12/references/api/url_grammar.html#reserved-characters

Tests: tests/e2e/fixes/test_printed_fixes.py.
"""

import json
import re
from collections.abc import Iterator, Sequence

from proxy.analysis.fingerprint import Filter, OrderItem, parse_order

_METHODS = frozenset(("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike"))
_LOGIC = ("or", "and")
QUOTED_JS = 'const quoted = (value) => `"${String(value).replace(/["\\\\]/g, "\\\\$&")}"`;'
QUOTED_PY = (
    "def quoted(value):",
    """    return '"' + str(value).replace("\\\\", "\\\\\\\\").replace('"', '\\\\"') + '"'""",
    "",
)
_VALUE = re.compile(r"(\(\?\))?\.\?(?=[,)]|$)")
"""A value in a logic tree, and before it the language of a full-text search."""


def quoting_js(lines: Sequence[str]) -> list[str]:
    """The definition of ``quoted`` if ``lines`` need it."""
    return [QUOTED_JS] if any("quoted" in line for line in lines) else []


def quoting_py(lines: Sequence[str]) -> list[str]:
    """The same for Python."""
    return list(QUOTED_PY) if any("quoted" in line for line in lines) else []


def list_js(values: str) -> str:
    """An expression for the text of a list: ``("a","b")``."""
    return f"`(${{{values}.map(quoted).join()}})`"


def list_py(values: str) -> str:
    """The same for Python."""
    return f'"(" + ",".join(map(quoted, {values})) + ")"'


def value_words(param: str) -> list[str]:
    """Per value of a parameter outside ``ParsedFingerprint.filters``, words for the name of its argument."""
    name, form = _split(param)
    path, last = _path(name)
    if last in _LOGIC:
        return [words for match in _VALUE.finditer(form) for words in _tree_words(form, match)]
    if last in ("order", "columns", "on_conflict", "select"):
        return []
    if last in ("limit", "offset"):
        return [name] if path else []
    languages = [f"{last} language"] if "(?)" in form else []
    return [*languages, name + _list_suffix(form)] if form.endswith("?") else []


def is_unsupported(param: str) -> bool:
    """Whether no client method expresses the parameter."""
    name, form = _split(param)
    path, last = _path(name)
    if "=" not in param:  # what stands for the filters of a long query that are not parsed
        return True
    if last in _LOGIC:
        return bool(re.search(r"(?<![.(])\?|[^?]\(\?\)(?!\.)|(?<=[(,])\?", _VALUE.sub("", form)))
    if last == "offset" and path:
        return True
    return form in ("?", "not.?", "not") and last not in ("limit", "offset")


def param_js(param: str, names: Sequence[str]) -> Iterator[str]:
    """The calls for a parameter that is outside ``ParsedFingerprint.filters``, without their leading dots."""
    name, form = _split(param)
    path, last = _path(name)
    table = f", {{ referencedTable: {json.dumps(path)} }}" if path else ""
    if last in _LOGIC:
        yield f"or({_tree_js(*_or_form(path, last, form), names)}{_tree_table(path, ', {{ referencedTable: {} }}')})"
    elif last == "order" and path:
        yield from (order_js(item, path) for item in parse_order(form))
    elif last == "limit" and path:
        yield f"limit({names[0]}{table})"
    elif last not in ("columns", "on_conflict", "limit", "offset"):
        yield filter_js(Filter(name, form.removesuffix(".?"), -1), *names[::-1])


def param_py(param: str, names: Sequence[str]) -> Iterator[str]:
    """The same for Python."""
    name, form = _split(param)
    path, last = _path(name)
    if last in _LOGIC:
        yield f"or_({_tree_py(*_or_form(path, last, form), names)}{_tree_table(path, ', reference_table={}')})"
    elif last == "order" and path:
        yield from (order_py(item, path) for item in parse_order(form))
    elif last == "limit" and path:
        yield f"limit({names[0]}, foreign_table={json.dumps(path)})"
    elif last not in ("columns", "on_conflict", "limit", "offset"):
        yield filter_py(Filter(name, form.removesuffix(".?"), -1), *names[::-1])


def filter_js(condition: Filter, value: str = "", language: str = "") -> str:
    """A filter call without its leading dot; ``value`` and ``language`` (of a full-text search) are expressions."""
    column, operator = json.dumps(condition.column), condition.operator
    plain, negated = operator.removeprefix("not."), operator.startswith("not.")
    name, _, word = plain.partition(".")
    text = list_js(value) if name == "in" else value or (word if word != "unknown" else json.dumps(word))
    operator_text = f"`{name.removesuffix('(?)')}(${{{language}}})`" if language else json.dumps(name)
    if negated:
        return f"not({column}, {operator_text}, {text})"
    if name in _METHODS or (name == "is" and word != "unknown"):
        return f"{name}({column}, {text})"
    return f"filter({column}, {operator_text}, {text})"


def filter_py(condition: Filter, value: str = "", language: str = "") -> str:
    """The same for Python."""
    column, operator = json.dumps(condition.column), condition.operator
    plain, negation = operator.removeprefix("not."), "not_." if operator.startswith("not.") else ""
    name, _, word = plain.partition(".")
    if name in _METHODS:
        return f"{negation}{name}({column}, {value})"
    if name == "is":
        return f"{negation}is_({column}, {json.dumps(word)})"
    operator_text = f'f"{name.removesuffix("(?)")}({{{language}}})"' if language else json.dumps(name)
    return f"{negation}filter({column}, {operator_text}, {list_py(value) if name == 'in' else value})"


def order_js(item: OrderItem, table: str = "") -> str:
    """A call for one item of an order, without its leading dot; ``table`` is the embed that it orders."""
    nulls = f", nullsFirst: {json.dumps(item.nulls == 'nullsfirst')}" if item.nulls else ""
    of = f", referencedTable: {json.dumps(table)}" if table else ""
    column, ascending = json.dumps(_order_name(item.column)), json.dumps(not item.descending)
    return f"order({column}, {{ ascending: {ascending}{nulls}{of} }})"


def order_py(item: OrderItem, table: str = "") -> str:
    """The same for Python."""
    nulls = f", nullsfirst={item.nulls == 'nullsfirst'}" if item.nulls else ""
    of = f", foreign_table={json.dumps(table)}" if table else ""
    return f"order({json.dumps(_order_name(item.column))}, desc={item.descending}{nulls}{of})"


def quoted_name(column: str) -> str:
    """A column or JSON path for a select list or a logic tree; names are quoted that contain characters with a meaning
    there. The clients remove blanks outside quotes from a select list.
    """
    return "".join(part if part in ("->", "->>") else _quoted_part(part) for part in re.split("(->>?)", column))


def _quoted_part(name: str) -> str:
    return name if name.replace("_", "a").isalnum() else json.dumps(name, ensure_ascii=False)


def _order_name(column: str) -> str:
    """A column for the clients' ``order``, which append words to it."""
    return quoted_name(column) if re.search(r"[.,\"]", column) and not column.endswith(")") else column


def _split(param: str) -> tuple[str, str]:
    name, _, form = param.partition("=")
    return name, form


def _path(name: str) -> tuple[str, str]:
    """The path of embeds and the last name; ``not`` before a logic operator belongs to neither."""
    path, _, last = name.rpartition(".")
    return path, last


def _or_form(path: str, last: str, form: str) -> tuple[str, str]:
    """What is before and in the parentheses of the one logic call that clients have: ``or``."""
    negated = path == "not" or path.endswith(".not")
    if last == "or" and not negated:
        return "", form[1:-1]
    return f"{'not.' if negated else ''}{last}", form


def _tree_table(path: str, template: str) -> str:
    table = path.removesuffix("not").removesuffix(".")
    return template.format(json.dumps(table)) if table else ""


def _tree_words(form: str, match: re.Match[str]) -> list[str]:
    element = re.split(r"[,(]", form[: match.start()])[-1]
    column, _, operator = element.removeprefix("not.").partition(".")
    words = column + (" list" if operator.removeprefix("not.") == "in" else "")
    return [f"{column} language", words] if match[1] else [words]


def _tree_pieces(form: str) -> Iterator[tuple[str, bool, bool]]:
    """Per value: the text before it, whether the language of a search comes first, and whether it is a list."""
    at = 0
    for match in _VALUE.finditer(form):
        before = form[at : match.start()]
        yield before, bool(match[1]), before.endswith(".in")
        at = match.end()
    yield form[at:], False, False


def _tree_js(before: str, form: str, names: Sequence[str]) -> str:
    pieces, left = list(_tree_pieces(form)), list(names)
    text = _template(before)
    for piece, searched, listed in pieces[:-1]:
        language = f"(${{{left.pop(0)}}})" if searched else ""
        value = left.pop(0)
        joined = f"(${{{value}.map(quoted).join()}})" if listed else f"${{quoted({value})}}"
        text += f"{_template(piece)}{language}.{joined}"
    return f"`{text}{_template(pieces[-1][0])}`"


def _template(text: str) -> str:
    return text.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")


def _tree_py(before: str, form: str, names: Sequence[str]) -> str:
    pieces, left = list(_tree_pieces(form)), list(names)
    text, values = _braced(before), []
    for piece, searched, listed in pieces[:-1]:
        if searched:
            values.append(left.pop(0))
        value = left.pop(0)
        values.append(f'",".join(map(quoted, {value}))' if listed else f"quoted({value})")
        text += _braced(piece) + ("({})" if searched else "") + (".({})" if listed else ".{}")
    whole = json.dumps(text + _braced(pieces[-1][0]), ensure_ascii=False)
    return f"{whole}.format({', '.join(values)})"


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _list_suffix(form: str) -> str:
    return " list" if form.removeprefix("not.").startswith("in.") else ""
