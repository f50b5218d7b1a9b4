"""The batch read in the two client languages: one function that takes all keys and gives rows back by key."""

import json

from proxy.postgrest.shown import Filter, Shown

_METHODS = frozenset(("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike"))


def batch_name(relation: str, key: str) -> str:
    """``listPayoutProfilesByCreatorIds`` for ``creator_payout_profiles`` and ``creator_id``."""
    stem = key.removesuffix("_id")
    subject = relation.removeprefix(stem + "_") if key != stem else relation
    return "list" + _camel(subject) + "By" + _camel(key) + "s"


def supabase_js(shown: Shown, key: str, many: bool) -> str:
    """A function for supabase-js; ``many`` says that a key has several rows."""
    keys = js_name(key) + "s"
    lines = [
        f"async function {batch_name(shown.relation, key)}({', '.join([keys, *js_arguments(shown, key)])}) {{",
        "  const { data, error } = await supabase",
        *(f"    {line}" for line in js_chain(shown, key, keys)),
    ]
    lines[-1] += ";"
    lines.append("  if (error) throw error;")
    member = f"row[{json.dumps(_shown_as(key))}]"
    if many:
        lines.append(f"  return Map.groupBy(data, (row) => {member});")
    else:
        lines.append(f"  return new Map(data.map((row) => [{member}, row]));")
    return "\n".join([*lines, "}"])


def supabase_py(shown: Shown, key: str, many: bool) -> str:
    """The same for supabase-py."""
    keys = py_name(key) + "s"
    lines = [
        f"def {py_name(batch_name(shown.relation, key))}({', '.join([keys, *py_arguments(shown, key)])}):",
        "    rows = (",
        *(f"        {line}" for line in py_chain(shown, key, keys)),
        "    )",
    ]
    if many:
        lines += [
            "    by_key = {}",
            "    for row in rows:",
            f"        by_key.setdefault(row[{json.dumps(_shown_as(key))}], []).append(row)",
            "    return by_key",
        ]
    else:
        lines.append(f"    return {{row[{json.dumps(_shown_as(key))}]: row for row in rows}}")
    return "\n".join(lines)


def js_chain(shown: Shown, key: str, keys: str) -> list[str]:
    """The calls on ``supabase``, one a line, that read the rows of ``keys``."""
    return [
        f".from({json.dumps(shown.relation)})",
        f".select({json.dumps(_with_key(shown.select, key))})",
        f".in({json.dumps(key)}, {keys})",
        *(_js_filter(f) for f in _others(shown, key)),
        *(f".order({json.dumps(o.column)}, {{ ascending: {_js(not o.descending)} }})" for o in shown.order),
    ]


def py_chain(shown: Shown, key: str, keys: str) -> list[str]:
    """The same for Python, as an expression of several lines."""
    return [
        f"supabase.table({json.dumps(shown.relation)})",
        f".select({json.dumps(_with_key(shown.select, key))})",
        f".in_({json.dumps(key)}, {keys})",
        *(_py_filter(f) for f in _others(shown, key)),
        *(f".order({json.dumps(o.column)}, desc={o.descending})" for o in shown.order),
        ".execute()",
        ".data",
    ]


def js_arguments(shown: Shown, key: str) -> list[str]:
    """What a function must be told beside its keys."""
    return [js_name(f.column) for f in _others(shown, key) if f.operator in _METHODS]


def py_arguments(shown: Shown, key: str) -> list[str]:
    """The same for Python."""
    return [py_name(f.column) for f in _others(shown, key) if f.operator in _METHODS]


def _others(shown: Shown, key: str) -> list[Filter]:
    return [condition for condition in shown.filters if condition.column != key]


def _with_key(select: str, key: str) -> str:
    """The select must show the key, or the rows could not be told apart."""
    columns = select.split(",")
    return select if ("*" in columns and "->" not in key) or key in columns else f"{key},{select}"


def _shown_as(key: str) -> str:
    """The member of a row that holds the key: PostgREST names a path into JSON by its last step."""
    return key.rpartition("->>")[2]


def _js_filter(condition: Filter) -> str:
    column, value = json.dumps(condition.column), js_name(condition.column)
    if condition.operator in _METHODS:
        return f".{condition.operator}({column}, {value})"
    if condition.operator == "is.null":
        return f".is({column}, null)"
    return f".filter({column}, {json.dumps(condition.operator)}, {value})"


def _py_filter(condition: Filter) -> str:
    column, value = json.dumps(condition.column), py_name(condition.column)
    if condition.operator in _METHODS:
        return f".{condition.operator}({column}, {value})"
    if condition.operator == "is.null":
        return f'.is_({column}, "null")'
    return f".filter({column}, {json.dumps(condition.operator)}, {value})"


def _js(value: bool) -> str:
    return "true" if value else "false"


def _camel(name: str) -> str:
    """``creator_id`` as ``CreatorId``; characters that no identifier takes are dropped."""
    words = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def js_name(name: str) -> str:
    """``creatorId`` for ``creator_id``."""
    camel = _camel(name)
    return camel[:1].lower() + camel[1:]


def py_name(name: str) -> str:
    """``creator_id`` for ``creatorId``."""
    out = "".join("_" + c.lower() if c.isupper() else (c if c.isascii() and c.isalnum() else "_") for c in name)
    return out.strip("_")
