"""A read of the application, written as a rule advises it: with named columns, an estimated count, or beside others."""

import json
from collections.abc import Sequence

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.chain_code import ClientRead, counts, js_chain, left_out, named, py_chain
from proxy.fixes.function_code import answered_js, function_js, function_py, indented, remarks, statement_py
from proxy.fixes.identifiers import camel_case, free_name, snake_case
from proxy.fixes.read_code import read_js, read_py
from proxy.fixes.remembered import remembered

_HOLE = "\x00"
"""Stands for the columns, which are a variable."""


@remembered
def narrow_js(shown: ParsedFingerprint, key: str) -> str:
    """A function for supabase-js that asks for named columns: ``key``, and those that the reader adds."""
    note = '// and the columns that the code reads, e.g. "id,status"'
    code = read_js(replace(shown, select=_HOLE)).replace(json.dumps(_HOLE), "columns")
    return f"const columns = {json.dumps(key)}; {note}\n{code}"


@remembered
def narrow_py(shown: ParsedFingerprint, key: str) -> str:
    """The same for supabase-py."""
    note = '# and the columns that the code reads, e.g. "id,status"'
    code = read_py(replace(shown, select=_HOLE)).replace(json.dumps(_HOLE), "columns")
    return f"columns = {json.dumps(key)}  {note}\n\n{code}"


@remembered
def estimate_js(shown: ParsedFingerprint) -> str:
    """A function for supabase-js that has rows counted exactly while they are few, else estimated."""
    read, head = named(shown, camel=True, bounds=True), counts(shown)
    body = [
        *remarks("//", left_out(shown)),
        *answered_js(js_chain(read, count="estimated"), "count" if head else "data, count"),
        "return count;" if head else "return { data, count };",
    ]
    return function_js(camel_case("read " + shown.relation), read.arguments, body)


@remembered
def estimate_py(shown: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    read = named(shown, camel=False, bounds=True)
    body = [
        *remarks("#", left_out(shown)),
        *statement_py("answer =", [*py_chain(read, count="estimated"), ".execute()"]),
        "return answer.count" if counts(shown) else "return answer.data, answer.count",
    ]
    return function_py(snake_case("read " + shown.relation), read.arguments, body)


def together_js(shown: Sequence[ParsedFingerprint]) -> str:
    """A function that begins all reads at once, since none waits for another."""
    reads = [named(one, camel=True, bounds=True) for one in shown]
    arguments = _arguments(reads)
    names = ", ".join(_names(shown, arguments))
    body = ["const answers = await Promise.all(["]
    for read in reads:
        body += indented(["supabase", *indented([*js_chain(read), ".throwOnError()"], 2)], 2)
        body[-1] += ","
    body += ["]);", *_asides("//", shown)]
    body += [f"const [{names}] = answers.map(({{ data }}) => data);", f"return {{ {names} }};"]
    return function_js("readAll", arguments, body)


def together_py(shown: Sequence[ParsedFingerprint]) -> str:
    """The same for supabase-py, whose client has to be an asynchronous one (``acreate_client``)."""
    reads = [named(one, camel=False, bounds=True) for one in shown]
    body = ["answers = await asyncio.gather("]
    for read in reads:
        body += indented([*py_chain(read), ".execute()"], 4)
        body[-1] += ","
    body += [")", *_asides("#", shown), "return [answer.data for answer in answers]"]
    return "import asyncio\n\nasync " + function_py("read_all", _arguments(reads), body)


def _arguments(reads: Sequence[ClientRead]) -> list[str]:
    """Their values by name; one that several reads ask for is the same."""
    return list(dict.fromkeys(name for read in reads for name in read.arguments))


def _names(reads: Sequence[ParsedFingerprint], arguments: Sequence[str]) -> list[str]:
    """A name for each answer: its relation's, with a number where that is taken."""
    taken = set(arguments)
    return [free_name(camel_case(shown.relation) or "all", taken) for shown in reads]


def _asides(mark: str, shown: Sequence[ParsedFingerprint]) -> list[str]:
    """Comments that tell what the reads leave out."""
    return [f"{mark} {one.name}: and {text}" for one in shown for text in left_out(one)]
