"""Client code of a batch read: one function that takes all keys and returns the rows by key."""

import json

from msgspec.structs import replace

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, key_filter
from proxy.fixes.chain_code import (
    ClientRead,
    js_chain,
    name_values,
    py_chain,
    row_property,
    select_with,
    unsupported_params,
)
from proxy.fixes.function_code import checked_call_js, comments, function_js, function_py, statement_py
from proxy.fixes.identifiers import camel_case, free_name, snake_case
from proxy.fixes.memoized import memoized

_KEYS = -1
"""Index of the filter by all keys, which is not a filter of the query itself."""
_OFFSET = "at"
"""Loop variable of the chunked code. Not in ``RESERVED``: elsewhere a column may be called so."""


@memoized
def batch_name(relation: str, key: str) -> str:
    """``listPayoutProfilesByCreatorIds`` for ``creator_payout_profiles`` and ``creator_id``."""
    stem = key.removesuffix("_id")
    subject = relation.removeprefix(stem + "_") if key != stem else relation
    return "list" + _pascal_case(subject) + "By" + _pascal_case(key) + "s"


def _pascal_case(name: str) -> str:
    """``CreatorId`` for ``creator_id``."""
    camel = camel_case(name)
    return camel[:1].upper() + camel[1:]


@memoized
def batch_js(parsed: ParsedFingerprint, key: str, many: bool) -> str:
    """A supabase-js function; ``many`` says that a key may have several rows."""
    read, member = read_by_keys(parsed, key, camel=True), f"row[{json.dumps(row_property(key))}]"
    by_key = [
        "const byKey = new Map();",
        "for (const row of data) {",
        f"  if (!byKey.has({member})) byKey.set({member}, []);",
        f"  byKey.get({member}).push(row);",
        "}",
        "return byKey;",
    ]
    result = by_key if many else [f"return new Map(data.map((row) => [{member}, row]));"]
    body = [*comments("//", unsupported_params(parsed)), *checked_call_js(js_chain(read)), *result]
    return function_js(batch_name(parsed.relation, key), read.arguments, body)


@memoized
def batch_py(parsed: ParsedFingerprint, key: str, many: bool) -> str:
    """The same for supabase-py."""
    read, member = read_by_keys(parsed, key, camel=False), f"row[{json.dumps(row_property(key))}]"
    by_key = [
        "by_key = {}",
        "for row in rows:",
        f"    by_key.setdefault({member}, []).append(row)",
        "return by_key",
    ]
    result = by_key if many else [f"return {{{member}: row for row in rows}}"]
    rows = statement_py("rows =", [*py_chain(read), ".execute()", ".data"])
    body = [*comments("#", unsupported_params(parsed)), *rows, *result]
    return function_py(snake_case(batch_name(parsed.relation, key)), read.arguments, body)


def read_by_keys(parsed: ParsedFingerprint, key: str, camel: bool) -> ClientRead:
    """The read with a list of keys instead of its filter on ``key``; the list is the first filter and argument.

    The rows include the key: the code groups them by it.
    """
    keys = free_name((camel_case(key) if camel else snake_case(key)) + "s", set())
    key_condition = key_filter(parsed, key)
    rest = tuple(condition for condition in parsed.filters if condition is not key_condition)
    read = name_values(
        replace(parsed, select=select_with(parsed.select, [key]), filters=rest), camel, used=[keys, _OFFSET]
    )
    by_list = replace(read.parsed, filters=(Filter(key, "in", _KEYS), *rest))
    return replace(read, parsed=by_list, filters={_KEYS: keys, **read.filters})
