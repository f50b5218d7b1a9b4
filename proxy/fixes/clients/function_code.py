"""Source text of JavaScript and Python functions and statements around calls of a client."""

from collections.abc import Iterable, Sequence


def function_js(name: str, arguments: Iterable[str], body: Iterable[str]) -> str:
    """An asynchronous JavaScript function."""
    return "\n".join([f"async function {name}({', '.join(arguments)}) {{", *indent(body, 2), "}"])


def function_py(name: str, arguments: Iterable[str], body: Iterable[str]) -> str:
    """A synchronous Python function."""
    return "\n".join([f"def {name}({', '.join(arguments)}):", *indent(body, 4)])


def checked_call_js(chain: Sequence[str], result: str = "data", source: str = "supabase") -> list[str]:
    """Statements that make the calls, throw PostgREST's error, and define ``result``."""
    return [*statement_js(f"const {{ {result}, error }} = await {source}", chain), "if (error) throw error;"]


def statement_js(begin: str, chain: Sequence[str]) -> list[str]:
    """A statement of ``begin`` and a chain of calls, one per line."""
    *lines, last = begin, *indent(chain, 2)
    return [*lines, f"{last};"]


def statement_py(begin: str, chain: Iterable[str]) -> list[str]:
    """The same for Python; ``begin`` expects an expression, as ``rows =`` does."""
    return [f"{begin} (", *indent(chain, 4), ")"]


def indent(lines: Iterable[str], by: int) -> list[str]:
    """The lines indented by ``by`` spaces; empty lines stay empty."""
    return [f"{' ' * by}{line}" if line else "" for line in lines]
