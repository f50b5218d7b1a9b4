"""Client code of a read with named columns, with an estimated count, or in parallel with other reads."""

import json
from collections.abc import Sequence

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.chain_code import ClientRead, is_count, js_chain, name_values, py_chain, unsupported_params
from proxy.fixes.function_code import checked_call_js, comments, function_js, function_py, indent, statement_py
from proxy.fixes.identifiers import camel_case, free_name, snake_case
from proxy.fixes.memoized import memoized
from proxy.fixes.read_code import read_js, read_py

_COLUMNS = "\x00"
"""Placeholder for the columns, which the code passes as a variable."""


@memoized
def narrow_js(parsed: ParsedFingerprint, key: str) -> str:
    """A supabase-js function that selects named columns: ``key``, and those that the developer adds."""
    note = '// and the columns that the code reads, e.g. "id,status"'
    code = read_js(replace(parsed, select=_COLUMNS)).replace(json.dumps(_COLUMNS), "columns")
    return f"const columns = {json.dumps(key)}; {note}\n{code}"


@memoized
def narrow_py(parsed: ParsedFingerprint, key: str) -> str:
    """The same for supabase-py."""
    note = '# and the columns that the code reads, e.g. "id,status"'
    code = read_py(replace(parsed, select=_COLUMNS)).replace(json.dumps(_COLUMNS), "columns")
    return f"columns = {json.dumps(key)}  {note}\n\n{code}"


@memoized
def estimate_js(parsed: ParsedFingerprint) -> str:
    """A supabase-js function with ``count: "estimated"``: exact for few rows, else the planner's estimate."""
    read, head = name_values(parsed, camel=True, bounds=True), is_count(parsed)
    body = [
        *comments("//", unsupported_params(parsed)),
        *checked_call_js(js_chain(read, count="estimated"), "count" if head else "data, count"),
        "return count;" if head else "return { data, count };",
    ]
    return function_js(camel_case("read " + parsed.relation), read.arguments, body)


@memoized
def estimate_py(parsed: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    read = name_values(parsed, camel=False, bounds=True)
    body = [
        *comments("#", unsupported_params(parsed)),
        *statement_py("answer =", [*py_chain(read, count="estimated"), ".execute()"]),
        "return answer.count" if is_count(parsed) else "return answer.data, answer.count",
    ]
    return function_py(snake_case("read " + parsed.relation), read.arguments, body)


def together_js(queries: Sequence[ParsedFingerprint]) -> str:
    """A supabase-js function that sends all reads in parallel."""
    reads = [name_values(query, camel=True, bounds=True) for query in queries]
    arguments = _arguments(reads)
    names = ", ".join(_variable_names(queries, arguments))
    body = ["const answers = await Promise.all(["]
    for read in reads:
        body += indent(["supabase", *indent([*js_chain(read), ".throwOnError()"], 2)], 2)
        body[-1] += ","
    body += ["]);", *_unsupported_comments("//", queries)]
    body += [f"const [{names}] = answers.map(({{ data }}) => data);", f"return {{ {names} }};"]
    return function_js("readAll", arguments, body)


def together_py(queries: Sequence[ParsedFingerprint]) -> str:
    """The same for supabase-py; it needs the asynchronous client (``acreate_client``)."""
    reads = [name_values(query, camel=False, bounds=True) for query in queries]
    body = ["answers = await asyncio.gather("]
    for read in reads:
        body += indent([*py_chain(read), ".execute()"], 4)
        body[-1] += ","
    body += [")", *_unsupported_comments("#", queries), "return [answer.data for answer in answers]"]
    return "import asyncio\n\nasync " + function_py("read_all", _arguments(reads), body)


def _arguments(reads: Sequence[ClientRead]) -> list[str]:
    """Names of the values of all reads; a name that several reads have is one argument."""
    return list(dict.fromkeys(name for read in reads for name in read.arguments))


def _variable_names(queries: Sequence[ParsedFingerprint], arguments: Sequence[str]) -> list[str]:
    """A variable name per answer: the relation's name, with a number if that is in use."""
    used = set(arguments)
    return [free_name(camel_case(query.relation) or "all", used) for query in queries]


def _unsupported_comments(mark: str, queries: Sequence[ParsedFingerprint]) -> list[str]:
    """Comments with the parameters that the client code does not express."""
    return [f"{mark} {query.name}: and {text}" for query in queries for text in unsupported_params(query)]
