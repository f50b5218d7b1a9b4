"""Functions around calls on a client, in the two languages: how their lines are put together."""

from collections.abc import Iterable, Sequence


def function_js(name: str, arguments: Iterable[str], body: Iterable[str]) -> str:
    """An asynchronous function."""
    return "\n".join([f"async function {name}({', '.join(arguments)}) {{", *indented(body, 2), "}"])


def function_py(name: str, arguments: Iterable[str], body: Iterable[str]) -> str:
    """The same for Python, where it is none that waits."""
    return "\n".join([f"def {name}({', '.join(arguments)}):", *indented(body, 4)])


def answered_js(chain: Sequence[str], result: str = "data", source: str = "supabase") -> list[str]:
    """Statements that make the calls, and throw upstream's error; then ``result`` is there to be used."""
    return [*statement_js(f"const {{ {result}, error }} = await {source}", chain), "if (error) throw error;"]


def statement_js(begin: str, chain: Sequence[str]) -> list[str]:
    """A statement of ``begin`` and the calls of a chain, one a line."""
    *lines, last = begin, *indented(chain, 2)
    return [*lines, f"{last};"]


def statement_py(begin: str, chain: Iterable[str]) -> list[str]:
    """The same for Python: ``begin`` wants a value, as ``rows =`` does."""
    return [f"{begin} (", *indented(chain, 4), ")"]


def remarks(mark: str, texts: Iterable[str]) -> list[str]:
    """A comment for each of the texts, what the code leaves out."""
    return [f"{mark} and {text}" for text in texts]


def indented(lines: Iterable[str], by: int) -> list[str]:
    """The lines ``by`` blanks to the right; an empty one stays empty."""
    return [f"{' ' * by}{line}" if line else "" for line in lines]
