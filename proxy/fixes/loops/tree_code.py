"""A read of many keys that are the values of a logic tree of equalities: one tree per key, joined by ``or``.

A row belongs to the keys whose tree it fulfils. The code compares texts: if a row has the values of no key, because the
database takes other texts for equal, each key is read by a call of its own.

Tests: tests/e2e/fixes/test_printed_lookups.py.
"""

import json
import re
from collections.abc import Callable, Iterator

import msgspec
from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import KEY_ALIAS, has_column, js_chain, name_values, py_chain
from proxy.fixes.clients.filter_code import quoting_js, quoting_py
from proxy.fixes.clients.function_code import function_js, function_py, indent, statement_js, statement_py
from proxy.fixes.clients.identifiers import camel_case, free_name, snake_case
from proxy.fixes.loops.key_code import ALONE_JS, ALONE_PY, CODE_NAMES, HALVES_JS, HALVES_PY, chunk_size

EQUAL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.eq\.\?")
_TOKENS = re.compile(r"(?:and|or)\(|[),]|[A-Za-z_][A-Za-z0-9_]*\.eq\.\?")
NO_SQL = "No SQL: a function would need the types of the values, which are unknown."
TREE_NAMES = (*CODE_NAMES, "same", "id", "found", "matches")
"""Variables of the generated code."""
SAME_JS = "const same = (one, other) => one !== null && String(one) === String(other);"
SAME_PY = ("def same(one, other):", "    return one is not None and str(one) == str(other)", "")


class TreeKeys(msgspec.Struct, frozen=True):
    """A logic tree and the read of all else."""

    name: str
    text: str
    """``or(a.eq.?,b.eq.?)``."""
    rest: ParsedFingerprint
    """Its rows have the columns of the tree."""
    added: dict[str, str]
    """By their names in a row, the columns that the query itself does not select."""
    size: int
    many: bool

    @property
    def columns(self) -> list[str]:
        """Per value of a key, its column."""
        return EQUAL.findall(self.text)

    def names(self, case: Callable[[str], str]) -> list[str]:
        """Per value of a key, a variable."""
        used = set(TREE_NAMES)
        return [free_name(case(column), used) for column in self.columns]

    def test(self, names: list[str], operators: dict[str, str]) -> str:
        """An expression that says whether ``row`` fulfils the tree."""
        aliases, left = {column: alias for alias, column in self.added.items()}, iter(names)

        def part(tokens: Iterator[str]) -> str:
            token = next(tokens)
            if not token.endswith("("):
                column = token.removesuffix(".eq.?")
                return f"same(row[{json.dumps(aliases.get(column, column))}], {next(left)})"
            parts = [part(tokens)]
            while next(tokens) == ",":
                parts.append(part(tokens))
            return f"({operators[token].join(parts)})"

        return part(iter(_TOKENS.findall(self.text)))


def tree_fix(calls: SimilarCalls, name: str, rest: ParsedFingerprint, many: bool) -> Fix | None:
    """The read of all values of a logic tree, which ``rest`` lacks; None if the tree has other than equalities."""
    text = calls.others[0].replace("=", "", 1)
    if "".join(_TOKENS.findall(text)) != text or not text.startswith(("or(", "and(")):
        return None
    taken, added = set(rest.select.replace(":", ",").split(",")), dict[str, str]()
    for column in dict.fromkeys(EQUAL.findall(text)):
        if not has_column(rest.select, column):
            added[free_name(KEY_ALIAS, taken, ())] = column
    select = ",".join([*(f"{alias}:{column}" for alias, column in added.items()), rest.select])
    tree = TreeKeys(name, text, replace(rest, select=select), added, chunk_size(calls), many)
    return Fix("", _js(tree), _py(tree), NO_SQL)


def _js(tree: TreeKeys) -> str:
    names, size = tree.names(camel_case), tree.size
    listed, left = ", ".join(names), iter(names)
    read = name_values(tree.rest, camel=True, used={*names, *TREE_NAMES})
    sent = EQUAL.sub(lambda match: f"{match[1]}.eq.${{quoted({next(left)})}}", tree.text)
    source, select, *others = js_chain(read, count="exact")
    chain = [source, select, f".or(chunk.map(([{listed}]) => `{sent}`).join())", *others]
    call = statement_js("const { data, count, error } = await supabase", chain)
    test = tree.test(names, {"or(": " || ", "and(": " && "})
    own = f"(({{ {', '.join(tree.added)}, ...own }}) => own)(row)" if tree.added else "row"
    value = f"[...(byKey.get(id) ?? []), {own}]" if tree.many else own
    body = [
        *quoting_js(call),
        SAME_JS,
        "const byKey = new Map(), chunks = [];",
        f"// each key is [{listed}]",
        "const unique = [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()];",
        f"for (let at = 0; at < unique.length; at += {size}) chunks.push(unique.slice(at, at + {size}));",
        "for (const chunk of chunks) {",
        *indent([*call, "if (error) throw error;", *HALVES_JS], 2),
        f"  const matches = (row) => chunk.filter(([{listed}]) => {test});",
        *indent(["if (chunk.length > 1 && data.some((row) => !matches(row).length)) {", *ALONE_JS], 2),
        "  for (const row of data) {",
        "    const found = chunk.length > 1 ? matches(row) : chunk;",
        f"    for (const id of found.map((key) => JSON.stringify(key))) byKey.set(id, {value});",
        "  }",
        "}",
        f"return byKey; // by JSON.stringify([{listed}])",
    ]
    return function_js(tree.name, ["keys", *read.arguments], body)


def _py(tree: TreeKeys) -> str:
    names, size = tree.names(snake_case), tree.size
    listed = ", ".join(names) + ("," if len(names) == 1 else "")
    read = name_values(tree.rest, camel=False, used={*names, *TREE_NAMES})
    sent = json.dumps(EQUAL.sub(lambda match: f"{match[1]}.eq.{{}}", tree.text))
    source, select, *others = py_chain(read, count="exact")
    condition = f'.or_(",".join({sent}.format(*map(quoted, key)) for key in chunk))'
    call = statement_py("answer =", [source, select, condition, *others, ".execute()"])
    own = "{name: row[name] for name in row if name not in added}" if tree.added else "row"
    body = [
        *quoting_py(call),
        *SAME_PY,
        *([f"added = {{{', '.join(map(json.dumps, tree.added))}}}"] if tree.added else []),
        f"by_key, unique = {{}}, list(dict.fromkeys(keys))  # each key is ({listed})",
        f"chunks = [unique[at : at + {size}] for at in range(0, len(unique), {size})]",
        "for chunk in chunks:",
        *indent([*call, *HALVES_PY], 4),
        "    found = [",
        f"        [({listed}) for {listed} in chunk if {tree.test(names, {'or(': ' or ', 'and(': ' and '})}]",
        "        for row in answer.data",
        "    ]",
        *indent(["if len(chunk) > 1 and not all(found):", *ALONE_PY], 4),
        "    for row, matches in zip(answer.data, found):",
        "        for key in matches if len(chunk) > 1 else chunk:",
        f"            {f'by_key.setdefault(key, []).append({own})' if tree.many else f'by_key[key] = {own}'}",
        "return by_key",
    ]
    return function_py(snake_case(tree.name), ["keys", *read.arguments], body)
