"""The batch read in the two client languages: one function that takes all keys and gives rows back by key."""

import json
from collections.abc import Collection

from msgspec.structs import replace

from proxy.postgrest.chain_code import Read, camel_case, free_name, js_filter, named, py_filter, snake_case
from proxy.postgrest.remembered import remembered
from proxy.postgrest.shown import Shown


@remembered
def batch_name(relation: str, key: str) -> str:
    """``listPayoutProfilesByCreatorIds`` for ``creator_payout_profiles`` and ``creator_id``."""
    stem = key.removesuffix("_id")
    subject = relation.removeprefix(stem + "_") if key != stem else relation
    return "list" + _upper(subject) + "By" + _upper(key) + "s"


@remembered
def supabase_js(shown: Shown, key: str, many: bool) -> str:
    """A function for supabase-js; ``many`` says that a key has several rows."""
    keys = js_name(key)
    lines = [
        f"async function {batch_name(shown.relation, key)}({', '.join([keys, *js_arguments(shown, key)])}) {{",
        "  const { data, error } = await supabase",
        *(f"    {line}" for line in js_chain(shown, key, keys)),
    ]
    lines[-1] += ";"
    lines.append("  if (error) throw error;")
    member = f"row[{json.dumps(_shown_as(key))}]"
    if many:
        lines += [
            "  const found = new Map();",
            "  for (const row of data) {",
            f"    if (!found.has({member})) found.set({member}, []);",
            f"    found.get({member}).push(row);",
            "  }",
            "  return found;",
        ]
    else:
        lines.append(f"  return new Map(data.map((row) => [{member}, row]));")
    return "\n".join([*lines, "}"])


@remembered
def supabase_py(shown: Shown, key: str, many: bool) -> str:
    """The same for supabase-py."""
    keys = py_name(key)
    lines = [
        f"def {snake_case(batch_name(shown.relation, key))}({', '.join([keys, *py_arguments(shown, key)])}):",
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
    rest = others(shown, key, camel=True)
    return [
        f".from({json.dumps(shown.relation)})",
        f".select({json.dumps(_with_key(shown.select, key))})",
        f".in({json.dumps(key)}, {keys})",
        *(f".{js_filter(f, rest.filters.get(f.at, ''))}" for f in rest.shown.filters),
        *(f".order({json.dumps(o.column)}, {{ ascending: {json.dumps(not o.descending)} }})" for o in shown.order),
    ]


def py_chain(shown: Shown, key: str, keys: str) -> list[str]:
    """The same for Python, as an expression of several lines."""
    rest = others(shown, key, camel=False)
    return [
        f"supabase.table({json.dumps(shown.relation)})",
        f".select({json.dumps(_with_key(shown.select, key))})",
        f".in_({json.dumps(key)}, {keys})",
        *(f".{py_filter(f, rest.filters.get(f.at, ''))}" for f in rest.shown.filters),
        *(f".order({json.dumps(o.column)}, desc={o.descending})" for o in shown.order),
        ".execute()",
        ".data",
    ]


def js_arguments(shown: Shown, key: str) -> list[str]:
    """What a function must be told beside its keys."""
    return list(others(shown, key, camel=True).filters.values())


def py_arguments(shown: Shown, key: str) -> list[str]:
    """The same for Python."""
    return list(others(shown, key, camel=False).filters.values())


def others(shown: Shown, key: str, camel: bool, taken: Collection[str] = ()) -> Read:
    """The filters but that by the key, and a name for each of their values, none of them among ``taken``."""
    by_key = next((f for f in shown.filters if f.column == key and f.operator in ("eq", "in")), None)
    rest = tuple(condition for condition in shown.filters if condition is not by_key)
    used = (
        js_name(key) if camel else py_name(key),
        "chunk",
        "chunks",
        "answers",
        "failed",
        "at",
        "by_key",
        "found",
        *taken,
    )
    return named(replace(shown, filters=rest), camel, taken=used)


def _with_key(select: str, key: str) -> str:
    """The select must show the key, or the rows could not be told apart."""
    columns = select.split(",")
    return select if ("*" in columns and "->" not in key) or key in columns else f"{key},{select}"


def _shown_as(key: str) -> str:
    """The member of a row that holds the key: PostgREST names a path into JSON by its last step."""
    return key.rpartition("->>")[2]


def _upper(name: str) -> str:
    """``CreatorId`` for ``creator_id``."""
    camel = camel_case(name)
    return camel[:1].upper() + camel[1:]


def js_name(key: str) -> str:
    """``creatorIds``, the argument for all values of ``creator_id``."""
    return free_name(camel_case(key) + "s", set())


def py_name(key: str) -> str:
    """The same for Python."""
    return free_name(snake_case(key) + "s", set())
