"""Splits request targets as PostgREST does, with the position of every parameter.

https://postgrest.org/en/v12/references/api/tables_views.html
"""

from urllib.parse import unquote_to_bytes

import msgspec

RESERVED_PARAMS = frozenset((b"select", b"order", b"limit", b"offset", b"columns", b"on_conflict"))
AFTER_MOUNT = (b"/", b"?", b"")
"""What follows the mount in a target that is for PostgREST."""
LOGIC = frozenset((b"and", b"or", b"not.and", b"not.or"))


class Param(msgspec.Struct, frozen=True, gc=False):
    """One raw ``name=value`` of the query; the value begins at ``start`` in the target."""

    name: bytes
    value: bytes
    start: int


def split_target(target: bytes) -> tuple[int, tuple[Param, ...]]:
    """The end of the path, and the parameters in order. A target without ``?`` has none."""
    path_end = target.find(b"?")
    if path_end < 0:
        return len(target), ()
    params = []
    at = path_end + 1
    for part in target[at:].split(b"&"):
        name, _, value = part.partition(b"=")
        params.append(Param(name, value, at + len(name) + 1))
        at += len(part) + 1
    return path_end, tuple(params)


def relation_of(target: bytes, path_end: int, mount: bytes) -> bytes | None:
    """The raw path segment that names a table or view under ``mount`` (no trailing slash); None if there is none."""
    if not target.startswith(mount + b"/"):
        return None
    segment = target[len(mount) + 1 : path_end]
    if not segment or b"/" in segment or segment == b"rpc":
        return None
    return segment


def function_of(target: bytes, path_end: int, mount: bytes) -> bytes | None:
    """The raw path segment that names a function under ``mount``; None if there is none."""
    if not target.startswith(mount + b"/rpc/"):
        return None
    segment = target[len(mount) + 5 : path_end]
    return segment if segment and b"/" not in segment else None


def decoded(raw: bytes) -> bytes:
    """``raw`` with ``+`` and percent-encodings decoded. Malformed encodings stay, as in PostgREST."""
    if b"%" not in raw and b"+" not in raw:
        return raw
    return unquote_to_bytes(raw.replace(b"+", b" "))


def clean_text(raw: bytes) -> bytes | None:
    """The decoded bytes if they are UTF-8 without NUL; else None, because upstream treats such bytes specially."""
    text = decoded(raw)
    return text if is_clean(text) else None


def is_clean(text: bytes) -> bool:
    """Whether decoded bytes are UTF-8 without NUL."""
    if b"\0" in text:
        return False
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_plain_name(name: bytes) -> bool:
    """Whether a name is a column name that needs no quotes in ``select``."""
    return name.replace(b"_", b"a").isalnum() and name.isascii() and not name[:1].isdigit()
