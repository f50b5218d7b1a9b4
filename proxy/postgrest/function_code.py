"""One function around one call on a client, in the two languages."""

from collections.abc import Sequence

from proxy.postgrest.chain_code import Read, bounds_of, camel_case, js_chain, left_out, named, py_chain, snake_case
from proxy.postgrest.shown import Shown


def function_js(name: str, arguments: Sequence[str], chain: Sequence[str], notes: Sequence[str] = ()) -> str:
    """``chain`` are the calls on ``supabase``, one a line; what it gives back is ``data``, or a head's ``count``."""
    result = "count" if any("head: true" in call for call in chain) else "data"
    lines = [
        f"async function {name}({', '.join(arguments)}) {{",
        *(f"  // and {note}" for note in notes),
        f"  const {{ {result}, error }} = await supabase",
        *(f"    {call}" for call in chain[:-1]),
        f"    {chain[-1]};",
        "  if (error) throw error;",
        f"  return {result};",
        "}",
    ]
    return "\n".join(lines)


def function_py(name: str, arguments: Sequence[str], chain: Sequence[str], notes: Sequence[str] = ()) -> str:
    """The same for Python, where ``chain`` begins with the client."""
    result = "count" if any("head=True" in call for call in chain) else "data"
    lines = [
        f"def {name}({', '.join(arguments)}):",
        *(f"    # and {note}" for note in notes),
        "    return (",
        *(f"        {call}" for call in (*chain, ".execute()", f".{result}")),
        "    )",
    ]
    return "\n".join(lines)


def read_js(shown: Shown) -> str:
    """The read as it is."""
    read = named(shown, camel=True, bounds=True)
    chain = [*js_chain(read), *bounds_of(read)]
    return function_js(camel_case("read " + shown.relation), _arguments(read), chain, list(left_out(shown)))


def read_py(shown: Shown) -> str:
    """The same for Python."""
    read = named(shown, camel=False, bounds=True)
    chain = [*py_chain(read), *bounds_of(read)]
    return function_py(snake_case("read " + shown.relation), _arguments(read), chain, list(left_out(shown)))


def _arguments(read: Read) -> list[str]:
    return [*read.filters.values(), *read.bounds.values()]
