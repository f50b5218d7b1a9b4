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
    name, keys = batch_name(shown.relation, key), _lower(_camel(key)) + "s"
    others = [f for f in shown.filters if f.column != key]
    arguments = ", ".join([keys, *(_lower(_camel(f.column)) for f in others if f.operator in _METHODS)])
    lines = [
        f"async function {name}({arguments}) {{",
        "  const { data, error } = await supabase",
        f"    .from({json.dumps(shown.relation)})",
        f"    .select({json.dumps(_with_key(shown.select, key))})",
        f"    .in({json.dumps(key)}, {keys})",
        *(f"    {_js_filter(f)}" for f in others),
        *(f"    .order({json.dumps(o.column)}, {{ ascending: {_js(not o.descending)} }})" for o in shown.order),
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
    name, keys = _snake(batch_name(shown.relation, key)), _snake(key) + "s"
    others = [f for f in shown.filters if f.column != key]
    arguments = ", ".join([keys, *(_snake(f.column) for f in others if f.operator in _METHODS)])
    lines = [
        f"def {name}({arguments}):",
        "    rows = (",
        f"        supabase.table({json.dumps(shown.relation)})",
        f"        .select({json.dumps(_with_key(shown.select, key))})",
        f"        .in_({json.dumps(key)}, {keys})",
        *(f"        {_py_filter(f)}" for f in others),
        *(f"        .order({json.dumps(o.column)}, desc={o.descending})" for o in shown.order),
        "        .execute()",
        "        .data",
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


def _with_key(select: str, key: str) -> str:
    """The select must show the key, or the rows could not be told apart."""
    columns = select.split(",")
    return select if ("*" in columns and "->" not in key) or key in columns else f"{key},{select}"


def _shown_as(key: str) -> str:
    """The member of a row that holds the key: PostgREST names a path into JSON by its last step."""
    return key.rpartition("->>")[2]


def _js_filter(condition: Filter) -> str:
    column, value = json.dumps(condition.column), _lower(_camel(condition.column))
    if condition.operator in _METHODS:
        return f".{condition.operator}({column}, {value})"
    if condition.operator == "is.null":
        return f".is({column}, null)"
    return f".filter({column}, {json.dumps(condition.operator)}, {value})"


def _py_filter(condition: Filter) -> str:
    column, value = json.dumps(condition.column), _snake(condition.column)
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


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _snake(name: str) -> str:
    out = "".join("_" + c.lower() if c.isupper() else (c if c.isascii() and c.isalnum() else "_") for c in name)
    return out.strip("_")
