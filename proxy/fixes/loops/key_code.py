"""The keys of a loop in client code: how they are named, filtered by in chunks, and found in the rows."""

import json
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from proxy.analysis.answer_shape import as_rows
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.fixes.clients.chain_code import KEY_ALIAS, ORDER_ALIAS, ClientRead, has_column, name_values
from proxy.fixes.clients.filter_code import list_js, list_py, quoted_name, quoting_js, quoting_py
from proxy.fixes.clients.function_code import indent
from proxy.fixes.clients.identifiers import camel_case, free_name, snake_case
from proxy.postgrest.singular import plural

MOST_KEYS = 200
"""Keys per call: as UUIDs they make a URL of 8 kB, which the smallest common limits of servers and proxies allow."""
MOST_LONG_KEYS = 50
"""The same for texts and for keys of several columns, which are longer."""
MOST_ROWS = 1000
"""Rows per call at which the code aims: Supabase's default for db-max-rows. The code notices if it is lower."""
CODE_NAMES = ("at", "chunk", "keys", "unique", "half", "key", "row", "text", "known", "given")
"""Variables of the generated code. Not in ``RESERVED``: elsewhere a column may be called so."""


HALVES_JS = (
    "if (count > data.length && chunk.length > 1) { // cut at max-rows",
    "  const half = Math.ceil(chunk.length / 2);",
    "  chunks.push(chunk.slice(0, half), chunk.slice(half));",
    "  continue;",
    "}",
)
HALVES_PY = (
    "if answer.count > len(answer.data) and len(chunk) > 1:  # cut at max-rows",
    "    half = len(chunk) // 2",
    "    chunks += [chunk[:half], chunk[half:]]",
    "    continue",
)
"""Statements that read the halves of a chunk whose answer lacks rows."""
ALONE_JS = (
    "  chunks.push(...chunk.map((key) => [key])); // which key a row is for is not certain",
    "  continue;",
    "}",
)
ALONE_PY = (
    "    chunks += [[key] for key in chunk]  # which key a row is for is not certain",
    "    continue",
)
"""The rest of a condition under which each key of a chunk is read by a call of its own."""


class Keys(msgspec.Struct, frozen=True):
    """The keys of a function in one language, and the read of all other parts of the query."""

    read: ClientRead
    """Without the filters on the keys; its rows have the columns of the keys."""
    argument: str
    """Name of the argument with all keys."""
    parts: tuple[str, ...]
    """A name per column of a key."""
    columns: tuple[str, ...]
    aliases: tuple[str, ...]
    """Per column, its name in a row."""
    added: tuple[str, ...]
    """Names in a row that the query itself does not select."""
    plain: bool
    """Whether the clients' own ``in`` is right for the keys: numbers or UUIDs of one column."""
    numbers: bool = False
    """Whether a part of a key is a number, of which JavaScript reads no more than 53 bits."""


def keys_of(calls: SimilarCalls, camel: bool, ordered: bool = False) -> Keys:
    """The keys of similar calls, named for one language; ``ordered``: the rows have the columns of the order too."""
    case, parsed = (camel_case if camel else snake_case), calls.parsed
    columns = tuple(key.column for key in calls.keys)
    used = set(CODE_NAMES)
    parts = tuple(free_name(case(column), used) for column in columns)
    argument = free_name(plural(case(columns[0]) or "value"), used) if len(parts) == 1 else "keys"
    rest = tuple(condition for condition in parsed.filters if condition not in calls.keys)
    aliases = [column if has_column(parsed.select, column) else "" for column in columns]
    taken = set(parsed.select.replace(":", ",").split(","))
    names = tuple(alias or free_name(KEY_ALIAS, taken, ()) for alias in aliases)
    extra = {name: column for name, column, alias in zip(names, columns, aliases, strict=True) if not alias}
    for item in parsed.order if ordered else ():
        if not has_column(parsed.select, item.column):
            extra[free_name(ORDER_ALIAS, taken, ())] = item.column
    select = ",".join([*(f"{name}:{quoted_name(column)}" for name, column in extra.items()), parsed.select])
    read = name_values(replace(as_rows(parsed), select=select, filters=rest, method="GET"), camel, used=used)
    plain = len(columns) == 1 and calls.kinds[0] in ("integer", "uuid") and "->" not in columns[0]
    return Keys(read, argument, parts, columns, names, tuple(extra), plain, "integer" in calls.kinds)


def chunk_size(calls: SimilarCalls) -> int:
    """Keys per call, so that its rows are below ``MOST_ROWS``, as far as the answers show."""
    plain = len(calls.keys) == 1 and calls.kinds[0] in ("integer", "uuid")
    values = calls.others[0].count("?") if calls.others else 0  # those of a logic tree
    most = MOST_KEYS if plain else MOST_LONG_KEYS if values <= 2 else max(1, 2 * MOST_LONG_KEYS // values)
    rows = 1 if calls.parsed.method == "HEAD" else calls.limit or calls.rows
    return max(1, min(most, MOST_ROWS // max(rows, 1)))


def chunk_filter_js(keys: Keys, chunk: str) -> str:
    """The call that filters by the keys in the variable ``chunk``.

    Of a list of texts one is repeated: PostgREST takes ``in.("")`` for an empty list.
    """
    if keys.plain:
        return f".in({json.dumps(keys.columns[0])}, {chunk})"
    if len(keys.columns) == 1:
        return f'.filter({json.dumps(keys.columns[0])}, "in", {list_js(f"[...{chunk}, {chunk}[0]]")})'
    pairs = zip(keys.columns, keys.parts, strict=True)
    each = ",".join(f"{quoted_name(column)}.eq.${{quoted({part})}}" for column, part in pairs)
    return f".or({chunk}.map(([{', '.join(keys.parts)}]) => `and({each})`).join())"


def chunk_filter_py(keys: Keys, chunk: str) -> str:
    """The same for Python."""
    if keys.plain:
        return f".in_({json.dumps(keys.columns[0])}, {chunk})"
    if len(keys.columns) == 1:
        return f'.filter({json.dumps(keys.columns[0])}, "in", {list_py(f"[*{chunk}, {chunk}[0]]")})'
    names = [quoted_name(column).replace("{", "{{").replace("}", "}}") for column in keys.columns]
    each = ",".join(f"{name}.eq.{{}}" for name in names).replace("\\", "\\\\").replace('"', '\\"')
    return f'.or_(",".join("and({each})".format(*map(quoted, key)) for key in {chunk}))'


def chunks_js(keys: Keys, size: int) -> list[str]:
    """Fill ``chunks`` with different keys."""
    unique = f"[...new Set({keys.argument})]"
    if len(keys.columns) > 1:
        unique = "[...new Map(keys.map((key) => [JSON.stringify(key), key])).values()]"
    return [
        f"const unique = {unique};{_argument_note(keys, '//')}",
        f"for (let at = 0; at < unique.length; at += {size}) chunks.push(unique.slice(at, at + {size}));",
    ]


def chunks_py(keys: Keys, size: int) -> list[str]:
    """The same for Python."""
    return [
        f"unique = list(dict.fromkeys({keys.argument})){_argument_note(keys, '#')}",
        f"chunks = [unique[at : at + {size}] for at in range(0, len(unique), {size})]",
    ]


def text_js(several: bool = False, numbers: bool = True) -> str:
    """The function ``text`` of the code: keys of which the database may take the one for the other have one text.

    ``several``: a key has several columns; ``numbers``: its numbers may have more digits than JavaScript reads.
    """
    one = 'typeof {0} === "number" && Math.abs({0}) >= 2 ** 53 ? "" : String({0})' if numbers else "String({0})"
    if not several:
        return f"const text = (key) => {f'({one})' if numbers else one}.toLowerCase();".format("key")
    each = f"(part) => {one.format('part')}" if numbers else "String"
    return f"const text = (key) => JSON.stringify(key.map({each})).toLowerCase();"


def text_py(several: bool = False) -> tuple[str, ...]:
    """The same for Python."""
    one = "tuple(str(part).lower() for part in key)" if several else "str(key).lower()"
    return ("def text(key):", f"    return {one}", "")


def spelled_js(test: str) -> list[str]:
    """Statements that read each key of a chunk by a call of its own if its rows do not tell whose they are: a text that
    ignores case, a UUID, a date or a number may be spelled otherwise than the key. ``test``: that a row does not.
    """
    return [
        "const known = new Map(chunk.map((key) => [text(key), key]));",
        f"if (chunk.length > 1 && (known.size < chunk.length || data.some((row) => {test}))) {{",
        *ALONE_JS,
    ]


def spelled_py(test: str) -> list[str]:
    """The same for Python."""
    return [
        "known = {text(key): key for key in chunk}",
        f"if len(chunk) > 1 and (len(known) < len(chunk) or any({test} for row in answer.data)):",
        *ALONE_PY,
    ]


def by_key_js(keys: Keys, size: int, call: Sequence[str], test: str, store: Sequence[str]) -> list[str]:
    """The body of a function whose ``call`` reads the rows of each chunk of ``size`` keys, and whose ``store`` puts
    them into ``byKey``. ``test``: that a row does not tell whose it is.
    """
    note = f" // by JSON.stringify([{', '.join(keys.parts)}])" if len(keys.columns) > 1 else ""
    return [
        *quoting_js(call),
        text_js(len(keys.columns) > 1, keys.numbers),
        "const byKey = new Map(), chunks = [];",
        *chunks_js(keys, size),
        "for (const chunk of chunks) {",
        *indent([*call, *HALVES_JS, *spelled_js(test), *store], 2),
        "}",
        f"return byKey;{note}",
    ]


def by_key_py(keys: Keys, size: int, call: Sequence[str], test: str, store: Sequence[str]) -> list[str]:
    """The same for Python: ``by_key``."""
    return [
        *quoting_py(call),
        *text_py(len(keys.columns) > 1),
        "by_key = {}",
        *chunks_py(keys, size),
        "for chunk in chunks:",
        *indent([*call, *HALVES_PY, *spelled_py(test), *store], 4),
        "return by_key",
    ]


def _argument_note(keys: Keys, mark: str) -> str:
    if len(keys.columns) == 1:
        return ""
    inner = ", ".join(keys.parts)
    return f" {mark} each key is [{inner}]" if mark == "//" else f"  {mark} each key is ({inner})"
