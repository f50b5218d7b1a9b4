"""One filter for many literals, and the hidden first column that says which row is whose (MERGE.md §1.3, §6).

https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

from collections.abc import Iterable


def in_list(literals: Iterable[bytes]) -> bytes:
    """``in.(a,b)`` for literals that need no quoting."""
    return b"in.(" + b",".join(literals) + b")"


def hidden_column(alias: bytes, key: bytes) -> bytes:
    """The select item that shows ``key`` as text under ``alias``; ``key`` is a plain column name."""
    return alias + b":" + key + b"::text"


def merged_target(
    target: bytes,
    path_end: int,
    select: tuple[int, int] | None,
    literal: tuple[int, int],
    column: bytes,
    literals: Iterable[bytes],
) -> bytes:
    """``target`` with ``column`` put first in its select and the set filter in the place of ``eq.literal``.

    Every other byte and the order of the parameters stay, because the order decides how embeds are printed.
    """
    start, end = literal[0] - len(b"eq."), literal[1]
    edits = [(start, end, in_list(literals))]
    if select is None:
        edits.append((path_end + 1, path_end + 1, b"select=" + column + b",*&"))
    else:
        edits.append((select[0], select[0], column + b","))
    for begin, stop, text in sorted(edits, reverse=True):
        target = target[:begin] + text + target[stop:]
    return target
