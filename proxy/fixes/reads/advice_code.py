"""Client code of a read with an estimated count, or in parallel with other reads."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.clients.chain_code import ClientRead, is_count, js_chain, name_values, py_chain
from proxy.fixes.clients.filter_code import quoting_js, quoting_py
from proxy.fixes.clients.function_code import checked_call_js, function_js, function_py, indent, statement_py
from proxy.fixes.clients.identifiers import camel_case, free_name, snake_case
from proxy.fixes.clients.memoized import memoized


@memoized
def estimate_js(parsed: ParsedFingerprint) -> str:
    """A supabase-js function with ``count: "estimated"``: exact for few rows, else the planner's estimate."""
    read, head = name_values(parsed, camel=True, bounds=True), is_count(parsed)
    call = checked_call_js(js_chain(read, count="estimated"), "count" if head else "data, count")
    body = [
        *quoting_js(call),
        *call,
        "return count;" if head else "return { data, count };",
    ]
    return function_js(camel_case("read " + parsed.relation), read.arguments, body)


@memoized
def estimate_py(parsed: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    read = name_values(parsed, camel=False, bounds=True)
    call = statement_py("answer =", [*py_chain(read, count="estimated"), ".execute()"])
    body = [
        *quoting_py(call),
        *call,
        "return answer.count" if is_count(parsed) else "return answer.data, answer.count",
    ]
    return function_py(snake_case("read " + parsed.relation), read.arguments, body)


def together_js(queries: Sequence[ParsedFingerprint]) -> str:
    """A supabase-js function that sends all reads in parallel. Of a HEAD it returns the number of rows."""
    reads = _reads(queries, camel=True)
    arguments = _arguments(reads)
    names = ", ".join(_variable_names(queries, arguments))
    calls: list[str] = []
    for read in reads:
        calls += indent(["supabase", *indent([*js_chain(read), ".throwOnError()"], 2)], 2)
        calls[-1] += ","
    body = [*quoting_js(calls), "const answers = await Promise.all([", *calls, "]);"]
    answer = "({ data, count }) => data ?? count" if any(map(is_count, queries)) else "({ data }) => data"
    body += [f"const [{names}] = answers.map({answer});", f"return {{ {names} }};"]
    return function_js("readAll", arguments, body)


def together_py(queries: Sequence[ParsedFingerprint]) -> str:
    """The same for supabase-py; it needs the asynchronous client (``acreate_client``)."""
    reads = _reads(queries, camel=False)
    calls: list[str] = []
    for read in reads:
        calls += indent([*py_chain(read), ".execute()"], 4)
        calls[-1] += ","
    body = [*quoting_py(calls), "answers = await asyncio.gather(", *calls, ")"]
    if any(map(is_count, queries)):
        each = [f"answers[{at}].{'count' if is_count(query) else 'data'}" for at, query in enumerate(queries)]
        body += ["return [", *indent([f"{one}," for one in each], 4), "]"]
    else:
        body += ["return [answer.data for answer in answers]"]
    return "import asyncio\n\nasync " + function_py("read_all", _arguments(reads), body)


def _reads(queries: Sequence[ParsedFingerprint], camel: bool) -> list[ClientRead]:
    """The reads, in which no two values have one name."""
    reads: list[ClientRead] = []
    for query in queries:
        reads.append(name_values(query, camel, bounds=True, used=_arguments(reads)))
    return reads


def _arguments(reads: Sequence[ClientRead]) -> list[str]:
    """Names of the values of all reads, in order."""
    return [name for read in reads for name in read.arguments]


def _variable_names(queries: Sequence[ParsedFingerprint], arguments: Sequence[str]) -> list[str]:
    """A variable name per answer: the relation's name, with a number if that is in use."""
    used = set(arguments)
    return [free_name(camel_case(query.relation) or "all", used) for query in queries]
