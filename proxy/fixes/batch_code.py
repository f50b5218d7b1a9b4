"""The batch read in the two client languages: one function that takes all keys and gives rows back by key."""

import json

from msgspec.structs import replace

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, by_key
from proxy.fixes.chain_code import ClientRead, js_chain, left_out, member_of, named, py_chain, showing
from proxy.fixes.function_code import answered_js, function_js, function_py, remarks, statement_py
from proxy.fixes.identifiers import camel_case, free_name, snake_case
from proxy.fixes.remembered import remembered

_KEYS = -1
"""Place of the filter by all keys, which is none of the query's own."""
_PLACE = "at"
"""What chunks call their place in the list: too good a name for a column to be reserved everywhere."""


@remembered
def batch_name(relation: str, key: str) -> str:
    """``listPayoutProfilesByCreatorIds`` for ``creator_payout_profiles`` and ``creator_id``."""
    stem = key.removesuffix("_id")
    subject = relation.removeprefix(stem + "_") if key != stem else relation
    return "list" + _upper(subject) + "By" + _upper(key) + "s"


def _upper(name: str) -> str:
    """``CreatorId`` for ``creator_id``."""
    camel = camel_case(name)
    return camel[:1].upper() + camel[1:]


@remembered
def batch_js(shown: ParsedFingerprint, key: str, many: bool) -> str:
    """A function for supabase-js; ``many`` says that a key has several rows."""
    read, member = keyed(shown, key, camel=True), f"row[{json.dumps(member_of(key))}]"
    found = [
        "const found = new Map();",
        "for (const row of data) {",
        f"  if (!found.has({member})) found.set({member}, []);",
        f"  found.get({member}).push(row);",
        "}",
        "return found;",
    ]
    given = found if many else [f"return new Map(data.map((row) => [{member}, row]));"]
    body = [*remarks("//", left_out(shown)), *answered_js(js_chain(read)), *given]
    return function_js(batch_name(shown.relation, key), read.arguments, body)


@remembered
def batch_py(shown: ParsedFingerprint, key: str, many: bool) -> str:
    """The same for supabase-py."""
    read, member = keyed(shown, key, camel=False), f"row[{json.dumps(member_of(key))}]"
    found = [
        "by_key = {}",
        "for row in rows:",
        f"    by_key.setdefault({member}, []).append(row)",
        "return by_key",
    ]
    given = found if many else [f"return {{{member}: row for row in rows}}"]
    rows = statement_py("rows =", [*py_chain(read), ".execute()", ".data"])
    body = [*remarks("#", left_out(shown)), *rows, *given]
    return function_py(snake_case(batch_name(shown.relation, key)), read.arguments, body)


def keyed(shown: ParsedFingerprint, key: str, camel: bool) -> ClientRead:
    """The same with a list of keys, its first filter and argument, in the place of its filter by the key; its rows
    show the key, or they could not be told apart.
    """
    keys = free_name((camel_case(key) if camel else snake_case(key)) + "s", set())
    one = by_key(shown, key)
    rest = tuple(condition for condition in shown.filters if condition is not one)
    read = named(replace(shown, select=showing(shown.select, [key]), filters=rest), camel, taken=[keys, _PLACE])
    every = replace(read.shown, filters=(Filter(key, "in", _KEYS), *rest))
    return replace(read, shown=every, filters={_KEYS: keys, **read.filters})
