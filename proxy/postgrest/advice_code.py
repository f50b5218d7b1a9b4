"""A read of the application, written as a rule advises it: with named columns, an estimated count, or beside others."""

import json
from collections.abc import Callable, Sequence

import msgspec

from proxy.postgrest.chain_code import (
    Read,
    bounds_of,
    camel_case,
    counts,
    js_chain,
    left_out,
    named,
    py_chain,
    snake_case,
)
from proxy.postgrest.remembered import remembered
from proxy.postgrest.shown import Shown


@remembered
def narrow_js(shown: Shown, key: str) -> str:
    """A function for supabase-js that asks for named columns: ``key``, and those that the reader adds."""
    note = '// and the columns that the code reads, e.g. "id,status"'
    return f"const columns = {json.dumps(key)}; {note}\n" + _function_js(_columns(shown), "")


@remembered
def narrow_py(shown: Shown, key: str) -> str:
    """The same for supabase-py."""
    note = '# and the columns that the code reads, e.g. "id,status"'
    return f"columns = {json.dumps(key)}  {note}\n\n" + _function_py(_columns(shown), "")


@remembered
def estimate_js(shown: Shown) -> str:
    """A function for supabase-js that has rows counted exactly while they are few, else estimated."""
    return _function_js(shown, "estimated")


@remembered
def estimate_py(shown: Shown) -> str:
    """The same for supabase-py."""
    return _function_py(shown, "estimated")


def together_js(shown: Sequence[Shown]) -> str:
    """A function that begins all reads at once, since none waits for another."""
    reads = [named(one, camel=True, bounds=True) for one in shown]
    names = _names(shown, camel_case)
    lines = [f"async function readAll({_arguments(reads)}) {{", "  const answers = await Promise.all(["]
    for read in reads:
        chain = [*js_chain(read), *bounds_of(read), ".throwOnError()"]
        lines += ["    supabase", *(f"      {line}" for line in chain)]
        lines[-1] += ","
    lines += ["  ]);", *(f"  // {text}" for one in shown for text in _asides(one))]
    lines.append(f"  const [{', '.join(names)}] = answers.map(({{ data }}) => data);")
    return "\n".join([*lines, f"  return {{ {', '.join(names)} }};", "}"])


def together_py(shown: Sequence[Shown]) -> str:
    """The same for supabase-py, whose client has to be an asynchronous one (``acreate_client``)."""
    reads = [named(one, camel=False, bounds=True) for one in shown]
    lines = ["import asyncio", "", f"async def read_all({_arguments(reads)}):", "    answers = await asyncio.gather("]
    for read in reads:
        lines += [f"        {line}" for line in (*py_chain(read), *bounds_of(read), ".execute()")]
        lines[-1] += ","
    lines += ["    )", *(f"    # {text}" for one in shown for text in _asides(one))]
    return "\n".join([*lines, "    return [answer.data for answer in answers]"])


def _arguments(reads: Sequence[Read]) -> str:
    """Their values by name; one that several reads ask for is the same."""
    names = [name for read in reads for name in (*read.filters.values(), *read.bounds.values())]
    return ", ".join(dict.fromkeys(names))


def _columns(shown: Shown) -> Shown:
    return msgspec.structs.replace(shown, select=_HOLE)


_HOLE = "\x00"
"""Stands for the columns, which are a variable."""


def _function_js(shown: Shown, count: str) -> str:
    read = named(shown, camel=True, bounds=True)
    chain, result = [*js_chain(read, count=count), *bounds_of(read)], _result(shown, count)
    lines = [
        f"async function {camel_case('read ' + shown.relation)}({read.arguments}) {{",
        *(f"  // and {text}" for text in left_out(shown)),
        f"  const {{ {', '.join(result)}, error }} = await supabase",
        *(f"    {line}" for line in chain[:-1]),
        f"    {chain[-1]};",
        "  if (error) throw error;",
        f"  return {result[0] if len(result) == 1 else '{ ' + ', '.join(result) + ' }'};",
        "}",
    ]
    return "\n".join(lines).replace(json.dumps(_HOLE), "columns")


def _function_py(shown: Shown, count: str) -> str:
    read = named(shown, camel=False, bounds=True)
    lines = [
        f"def {snake_case('read ' + shown.relation)}({read.arguments}):",
        *(f"    # and {text}" for text in left_out(shown)),
        "    answer = (",
        *(f"        {line}" for line in (*py_chain(read, count=count), *bounds_of(read), ".execute()")),
        "    )",
        f"    return {', '.join('answer.' + name for name in _result(shown, count))}",
    ]
    return "\n".join(lines).replace(json.dumps(_HOLE), "columns")


def _result(shown: Shown, count: str) -> list[str]:
    return ["count"] if counts(shown) else ["data", "count"] if count else ["data"]


def _names(reads: Sequence[Shown], identifier: Callable[[str], str]) -> list[str]:
    """A name for each answer: its relation's, with a number where that is taken."""
    names: list[str] = []
    for shown in reads:
        name = identifier("all " + shown.relation) if not identifier(shown.relation).isidentifier() else ""
        name = name or identifier(shown.relation)
        taken = sum(other.rstrip("0123456789_") == name for other in names)
        names.append(f"{name}{taken + 1}" if taken else name)
    return names


def _asides(shown: Shown) -> list[str]:
    """Arguments of a read, and what it leaves out, for a comment."""
    return [f"{shown.relation}: and {text}" for text in left_out(shown)]
