"""Identifiers for JavaScript, Python and the shell, made of whatever a client writes for a name."""

import keyword
from collections.abc import Collection

RESERVED = frozenset(map(str.lower, keyword.kwlist)) | frozenset(
    (
        *("case", "catch", "const", "debugger", "default", "delete", "do", "enum", "export", "extends", "function"),
        *("implements", "instanceof", "interface", "let", "new", "null", "package", "private", "protected", "public"),
        *("static", "super", "switch", "this", "throw", "typeof", "undefined", "var", "void", "arguments", "eval"),
        *("supabase", "data", "count", "error", "rows", "query", "last", "page", "cache", "functools"),
        *("size", "past", "json", "asyncio", "columns"),
        *("changes", "chunk", "chunks", "answer", "answers", "failed", "by_key", "found"),
    )
)
"""Words that are no names for arguments: the languages' own, and those that the code of the fixes uses."""


def free_name(name: str, taken: set[str], reserved: Collection[str] = RESERVED) -> str:
    """``name``, or what comes near it, where that is no identifier, ``reserved`` or taken; ``taken`` has it then."""
    name = name or "value"
    if name[0].isdigit() or name.lower() in reserved:
        name = f"_{name}"
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


def camel_case(text: str) -> str:
    """An identifier for JavaScript."""
    first, *others = _words(text) or [""]
    return first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in others)


def snake_case(text: str) -> str:
    """An identifier for Python, and for the shell."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in text)
    return "_".join(_words(words))


def _words(text: str) -> list[str]:
    """What identifiers can be made of: runs of ASCII letters and digits."""
    return "".join(c if c.isascii() and c.isalnum() else " " for c in text).split()
