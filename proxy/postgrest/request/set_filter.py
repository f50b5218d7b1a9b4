"""One filter for many literals, and the hidden first columns that say which row is whose.

docs/explanation/merging.md#set-filter, docs/explanation/merging.md#hidden-column, and
https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

from collections.abc import Collection, Iterable
from urllib.parse import quote_from_bytes

from proxy.model import Key, MergedCall, Query
from proxy.postgrest.request.literals import PLAIN

_BLANKS = b" \t\n\r\f\v"
_QUOTED_STARTS = frozenset((b"", *(bytes([byte]) for byte in b'"' + _BLANKS)))
"""How elements begin that a bare list cannot hold."""

_BARE_BYTES = PLAIN + b","

QUOTED_FILTER_BYTES = 12
"""Bytes that quoting adds to a target at most, beside each element's own."""


def bare_elements(literals: Collection[bytes]) -> bytes | None:
    """``a,b`` where each literal stands for itself in a list, seen at a glance; else None."""
    text = b",".join(literals)
    plain = not text.translate(None, _BARE_BYTES) and text.count(b",") == len(literals) - 1
    return text if plain and b"" not in literals else None


def needs_quotes(literal: bytes) -> bool:
    """Whether ``in.(…)`` reads it otherwise than ``eq.`` does: an empty one, a comma, a blank before it."""
    return literal[:1] in _QUOTED_STARTS or b"," in literal or b")" in literal


def element(literal: bytes, quoted: bool) -> bytes:
    """A literal as it stands in a set filter: bare, or as an element of an array."""
    if not quoted and not literal.translate(None, PLAIN):
        return literal
    if quoted:
        literal = b'"' + literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return quote_from_bytes(literal, safe="").encode()


def set_filter(literals: Iterable[bytes]) -> bytes:
    """``in.(a,b)``; ``eq(any).{"a","b"}`` where one needs quotes, because quoted lists are slow to read
    (docs/explanation/merging.md#cost-of-the-set-filter).
    """
    literals = [*literals]
    text = bare_elements(literals)
    if text is not None:
        return b"in.(" + text + b")"
    if any(map(needs_quotes, literals)):
        return b"eq(any).%7B" + b",".join(element(literal, True) for literal in literals) + b"%7D"
    return b"in.(" + b",".join(element(literal, False) for literal in literals) + b")"


def hidden_columns(alias: bytes, key: bytes, carried: Iterable[bytes]) -> bytes:
    """The select items that show ``key`` as text under ``alias``, and the ``carried`` columns under numbered ones."""
    shown = [_as_text(alias, key)]
    shown += [_as_text(alias + b"%d" % at, name) for at, name in enumerate(carried)]
    return b",".join(shown)


def _as_text(alias: bytes, name: bytes) -> bytes:
    """A path into JSON that ends in ``->>`` is text already."""
    if b"->" in name:
        return alias + b":" + name.replace(b">", b"%3E")
    return alias + b":" + name + b"::text"


def merged_target(query: Query, key: Key, hidden: bytes, owners: int, literals: Collection[bytes]) -> bytes:
    """The target of ``query`` with the ``hidden`` columns put first in its select and a set filter in the place of
    ``key``.

    A limit becomes one that all ``owners`` together cannot reach, so that rows cut off show. Every other byte and the
    order of the parameters stay, because the order decides how embeds are printed.
    """
    target = query.target
    edits = [(key.start, key.end, set_filter(literals))]
    if query.select is None:
        edits.append((query.path_end + 1, query.path_end + 1, b"select=" + hidden + b",*&"))
    else:
        edits.append((query.select[0], query.select[0], hidden + b","))
    if query.limit is not None:
        value, start, end = query.limit
        edits.append((start, end, b"%d" % _merged_limit(value, owners)))
    for begin, stop, text in sorted(edits, reverse=True):
        target = target[:begin] + text + target[stop:]
    return target


def is_cut(call: MergedCall, rows: int) -> bool:
    """Whether ``rows`` rows are as many as the limit of ``call`` lets through: some key has more than its own."""
    return call.limit is not None and rows >= _merged_limit(call.limit, len(call.requests_by_value))


def _merged_limit(limit: int, owners: int) -> int:
    """The limit of a merged call: one more row than ``owners`` callers could be given
    (docs/explanation/merging.md#limit).
    """
    return owners * limit + 1
