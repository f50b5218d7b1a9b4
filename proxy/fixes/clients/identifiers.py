"""Valid identifiers for JavaScript, Python and the shell, from any name that a client sends."""

import keyword
from collections.abc import Collection

RESERVED = frozenset(map(str.lower, keyword.kwlist)) | frozenset(
    (
        *("case", "catch", "const", "debugger", "default", "delete", "do", "enum", "export", "extends", "function"),
        *("implements", "instanceof", "interface", "let", "new", "null", "package", "private", "protected", "public"),
        *("static", "super", "switch", "this", "throw", "typeof", "undefined", "var", "void", "arguments", "eval"),
        *("supabase", "data", "count", "error", "rows", "query", "last", "page", "cache", "functools"),
        *("size", "past", "json", "asyncio", "columns"),
        *("changes", "chunk", "chunks", "answer", "answers", "failed", "by_key", "bykey"),
        *("quoted", "rpc", "kept", "key"),
    )
)
"""Names that arguments may not have: keywords of both languages, and variables of the generated code."""


def free_name(name: str, used: set[str], reserved: Collection[str] = RESERVED) -> str:
    """``name`` or, if it is not an identifier, ``reserved`` or in ``used``, a similar name; adds it to ``used``."""
    name = name or "value"
    if name[0].isdigit() or name.lower() in reserved:
        name = f"_{name}"
    free, number = name, 2
    while free in used:
        free, number = f"{name}_{number}", number + 1
    used.add(free)
    return free


def camel_case(text: str) -> str:
    """``text`` as an identifier for JavaScript; may be empty."""
    first, *others = _words(text) or [""]
    return first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in others)


def snake_case(text: str) -> str:
    """``text`` as an identifier for Python and the shell; may be empty."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in text)
    return "_".join(_words(words))


def _words(text: str) -> list[str]:
    """Runs of ASCII letters and digits in ``text``."""
    return "".join(c if c.isascii() and c.isalnum() else " " for c in text).split()
