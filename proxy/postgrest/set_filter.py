"""One filter for many literals, and the hidden first column that says which row is whose (MERGE.md §1.3, §6).

https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

from collections.abc import Collection, Iterable

from proxy.model import Key, Merged, Query


def in_list(literals: Iterable[bytes]) -> bytes:
    """``in.(a,b)`` for literals that need no quoting."""
    return b"in.(" + b",".join(literals) + b")"


def hidden_column(alias: bytes, key: bytes) -> bytes:
    """The select item that shows ``key`` as text under ``alias``; ``key`` is a plain column name."""
    return alias + b":" + key + b"::text"


def merged_target(query: Query, key: Key, column: bytes, literals: Collection[bytes]) -> bytes:
    """The target of ``query`` with ``column`` put first in its select and the set filter in the place of ``key``.

    A limit becomes one that all keys together cannot reach, so that rows cut off show. Every other byte and the order
    of the parameters stay, because the order decides how embeds are printed.
    """
    target = query.target
    edits = [(key.start - len(b"eq."), key.end, in_list(literals))]
    if query.select is None:
        edits.append((query.path_end + 1, query.path_end + 1, b"select=" + column + b",*&"))
    else:
        edits.append((query.select[0], query.select[0], column + b","))
    if query.limit is not None:
        value, start, end = query.limit
        edits.append((start, end, b"%d" % _guard(value, len(literals))))
    for begin, stop, text in sorted(edits, reverse=True):
        target = target[:begin] + text + target[stop:]
    return target


def is_cut(call: Merged, rows: int) -> bool:
    """Whether ``rows`` rows are as many as the limit of ``call`` lets through: some key has more than its own."""
    return call.limit is not None and rows >= _guard(call.limit, len(call.owners))


def _guard(limit: int, keys: int) -> int:
    """The limit of a merged call: one more row than ``keys`` callers could be given (MERGE.md §4.1)."""
    return keys * limit + 1
