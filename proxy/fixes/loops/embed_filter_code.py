"""A read of many keys that are values of a filter on an inner embed: ``users.id=eq.…`` with ``users!inner(…)``.

Tests: tests/e2e/fixes/test_printed_lookups.py.
"""

import json

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import KEY_ALIAS, js_chain, name_values, py_chain, select_items
from proxy.fixes.clients.filter_code import list_js, list_py, quoted_name, quoting_js, quoting_py
from proxy.fixes.clients.function_code import function_js, function_py, indent, statement_js, statement_py
from proxy.fixes.clients.identifiers import free_name, snake_case
from proxy.fixes.loops.key_code import (
    CODE_NAMES,
    HALVES_JS,
    HALVES_PY,
    chunk_size,
    spelled_js,
    spelled_py,
    text_js,
    text_py,
)
from proxy.fixes.sql.clauses import NO_EMBEDS
from proxy.postgrest.request.select_list import Embed, SelectItem


def embed_filter_fix(calls: SimilarCalls, name: str, rest: ParsedFingerprint, many: bool) -> Fix | None:
    """The read of all values of a filter on an inner embed, which ``rest`` lacks; None for other embeds.

    Each row has one embedded row, which has its key. If it has several, the code makes one call per key.
    """
    path, _, column = calls.others[0].removesuffix("=eq").rpartition(".")
    items = select_items(calls.parsed.select) or ()
    embed = next((one for one in items if isinstance(one, Embed) and one.output_name == path), None)
    if embed is None or not embed.inner or embed.spread or not calls.others[0].endswith("=eq"):
        return None
    bounded = any(param.startswith((f"{path}.limit", f"{path}.offset")) for param in calls.parsed.rest)
    if bounded or any(isinstance(item, SelectItem) and item.aggregate for item in embed.items):
        return None
    taken = {item.output_name or str(getattr(item, "field", "")) for item in embed.items}
    alias = free_name(KEY_ALIAS, taken, ())
    select = _with_column(calls.parsed.select, path, f"{alias}:{quoted_name(column)}")
    rest = replace(rest, select=select)
    js = _js(calls, name, rest, (path, column, alias), many)
    py = _py(calls, name, rest, (path, column, alias), many)
    return Fix("", js, py, NO_EMBEDS)


def _with_column(select: str, embed: str, column: str) -> str:
    """The select with a further column in the list of an embed."""
    depth, at = 0, 0
    parts = [""]
    for character in select:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    for at, part in enumerate(parts):
        (item,) = select_items(part) or (None,)
        if isinstance(item, Embed) and item.output_name == embed:
            parts[at] = part.replace("(", f"({column},", 1) if item.items else part.replace("(", f"({column}", 1)
    return ",".join(parts)


def _js(calls: SimilarCalls, name: str, rest: ParsedFingerprint, embed: tuple[str, str, str], many: bool) -> str:
    path, column, alias = embed
    read = name_values(rest, camel=True, used={*CODE_NAMES, "keys"})
    source, select, *others = js_chain(read, count="exact")
    condition = f'.filter({json.dumps(f"{path}.{column}")}, "in", {list_js("[...chunk, chunk[0]]")})'
    call = statement_js("const { data, count, error } = await supabase", [source, select, condition, *others])
    member = f"row[{json.dumps(path)}]"
    value = f"{{ ...row, {json.dumps(path)}: Array.isArray(found) ? found.map(own) : own(found) }}"
    store = "byKey.set(key, [...(byKey.get(key) ?? []), value]);" if many else "byKey.set(key, value);"
    body = [
        *quoting_js(call),
        text_js(),
        f"const own = ({{ {alias}, ...rest }}) => rest;",
        "const byKey = new Map(), chunks = [], unique = [...new Set(keys)];",
        f"for (let at = 0; at < unique.length; at += {chunk_size(calls)}) "
        f"chunks.push(unique.slice(at, at + {chunk_size(calls)}));",
        "for (const chunk of chunks) {",
        *indent([*call, "if (error) throw error;", *HALVES_JS], 2),
        *indent(spelled_js(f"Array.isArray({member}) || !known.has(text({member}.{alias}))"), 2),
        "  for (const row of data) {",
        f"    const found = row[{json.dumps(path)}];",
        f"    const key = Array.isArray(found) ? chunk[0] : known.get(text(found.{alias})) ?? chunk[0];",
        f"    const value = {value};",
        f"    {store}",
        "  }",
        "}",
        "return byKey;",
    ]
    return function_js(name, ["keys", *read.arguments], body)


def _py(calls: SimilarCalls, name: str, rest: ParsedFingerprint, embed: tuple[str, str, str], many: bool) -> str:
    path, column, alias = embed
    read = name_values(rest, camel=False, used={*CODE_NAMES, "keys"})
    source, select, *others = py_chain(read, count="exact")
    condition = f'.filter({json.dumps(f"{path}.{column}")}, "in", {list_py("[*chunk, chunk[0]]")})'
    call = statement_py("answer =", [source, select, condition, *others, ".execute()"])
    member = f"row[{json.dumps(path)}]"
    test = f"isinstance({member}, list) or text({member}[{json.dumps(alias)}]) not in known"
    store = "by_key.setdefault(key, []).append(row)" if many else "by_key[key] = row"
    body = [
        *quoting_py(call),
        *text_py(),
        "by_key, unique = {}, list(dict.fromkeys(keys))",
        f"chunks = [unique[at : at + {chunk_size(calls)}] for at in range(0, len(unique), {chunk_size(calls)})]",
        "for chunk in chunks:",
        *indent([*call, *HALVES_PY, *spelled_py(test)], 4),
        "    for row in answer.data:",
        f"        several = isinstance({member}, list)",
        f"        found = [one.pop({json.dumps(alias)}) for one in ({member} if several else [{member}])]",
        "        key = chunk[0] if several else known.get(text(found[0]), chunk[0])",
        f"        {store}",
        "return by_key",
    ]
    return function_py(snake_case(name), ["keys", *read.arguments], body)
