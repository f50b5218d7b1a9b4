"""Builds the target of a merged call: one set filter for many literals, and hidden columns.

The hidden columns come first in each row; they contain the key, and the order columns if ties must be detected.

Sources: docs/explanation/merging.md#set-filter, docs/explanation/merging.md#hidden-column and
https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

from collections.abc import Collection, Iterable
from urllib.parse import quote_from_bytes

from proxy.model import Key, MergedCall, Query
from proxy.postgrest.request.column_names import is_path, raw_name
from proxy.postgrest.request.literals import PLAIN_BYTES
from proxy.postgrest.request.target import decoded

_BLANKS = b" \t\n\r\f\v"
_QUOTED_STARTS = frozenset((b"", *(bytes([byte]) for byte in b'"' + _BLANKS)))
"""First bytes of elements that must be quoted in a list."""

_BARE_BYTES = PLAIN_BYTES + b","

COUNTED_ROWS = 1000
"""Rows per filter value that a call for HEADs reads at most, all values together."""

QUOTED_FILTER_BYTES = 12
"""Largest number of bytes by which a filter with quoted elements is longer, apart from the elements themselves."""


def bare_elements(literals: Collection[bytes]) -> bytes | None:
    """``a,b`` if no literal needs quotes or escapes; else None. A fast check without a loop over the literals."""
    text = b",".join(literals)
    plain = not text.translate(None, _BARE_BYTES) and text.count(b",") == len(literals) - 1
    return text if plain and b"" not in literals else None


def needs_list_quotes(literal: bytes) -> bool:
    """Whether an unquoted element of ``in.(…)`` would mean something else than the same literal after ``eq.``.

    This is so for an empty literal, a leading blank or quote, a comma and a closing parenthesis.
    """
    return literal[:1] in _QUOTED_STARTS or b"," in literal or b")" in literal


def element(literal: bytes, quoted: bool) -> bytes:
    """A percent-encoded literal of a set filter; ``quoted`` writes it as a quoted element of an array."""
    if not quoted and not literal.translate(None, PLAIN_BYTES):
        return literal
    if quoted:
        literal = b'"' + literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return quote_from_bytes(literal, safe="").encode()


def set_filter(literals: Iterable[bytes]) -> bytes:
    """``in.(a,b)``; ``eq(any).{"a","b"}`` if one needs quotes, because PostgREST parses quoted lists slowly
    (docs/explanation/merging.md#cost-of-the-set-filter).
    """
    literals = [*literals]
    text = bare_elements(literals)
    if text is not None:
        return b"in.(" + text + b")"
    if any(map(needs_list_quotes, literals)):
        return b"eq(any).%7B" + b",".join(element(literal, True) for literal in literals) + b"%7D"
    return b"in.(" + b",".join(element(literal, False) for literal in literals) + b")"


def hidden_columns(alias: bytes, key: bytes, order_columns: Iterable[bytes]) -> bytes:
    """The select items for ``key`` as text under ``alias``, and for ``order_columns`` under numbered aliases."""
    items = [_as_text(alias, key)]
    items += [_as_text(alias + b"%d" % at, name) for at, name in enumerate(order_columns)]
    return b",".join(items)


def _as_text(alias: bytes, name: bytes) -> bytes:
    """A path into JSON that ends in ``->>`` needs no cast, because it is text."""
    return alias + b":" + raw_name(name) + (b"" if is_path(name) else b"::text")


def merged_target(
    query: Query, key: Key, hidden: bytes, limit: int | None, literals: Collection[bytes], only_keys: bool = False
) -> bytes:
    """The target of ``query`` with the ``hidden`` columns first in its select, and a set filter in place of ``key``.

    ``limit``, if the query has one, is the limit of the merged call (``merged_limit``); a call for HEADs has one.
    ``only_keys``: the hidden columns replace the select, as they do if HEADs are ``counts_by_address``.
    Every other byte and the order of the parameters stay, because that order affects how PostgREST writes embeds.
    """
    target = query.target
    edits = [(key.start, key.end, set_filter(literals))]
    only_keys = only_keys or counts_by_address(query)
    if query.select is None:
        edits.append((query.path_end + 1, query.path_end + 1, b"select=" + hidden + (b"&" if only_keys else b",*&")))
    else:
        edits.append((*query.select, hidden) if only_keys else (query.select[0], query.select[0], hidden + b","))
    if query.limit is not None and limit is not None:
        _, start, end = query.limit
        edits.append((start, end, b"%d" % limit))
    for begin, stop, text in sorted(edits, reverse=True):
        target = target[:begin] + text + target[stop:]
    return target + b"&limit=%d" % limit if query.method == b"HEAD" and limit is not None else target


def counts_by_address(query: Query) -> bool:
    """Whether a merged call for HEADs selects the address of rows in place of all columns: the right to read the one
    is the right to read the other.
    """
    if query.method != b"HEAD":
        return False
    return query.select is None or decoded(query.target[query.select[0] : query.select[1]]) == b"*"


def is_cut(call: MergedCall, rows: int) -> bool:
    """Whether ``rows`` reaches the limit of ``call``: then some filter value has more rows than its own limit."""
    return call.limit is not None and rows >= merged_limit(call.limit, len(call.requests_by_value))


def merged_limit(limit: int, values: int) -> int:
    """The limit of a merged call: one row more than ``values`` filter values can have together, so that cut rows are
    detected (docs/explanation/merging.md#limit).
    """
    return values * limit + 1


def merged_range(call: MergedCall) -> bytes:
    """The Range line of a merged call whose requests have a Range that limits their rows; else empty."""
    head = next(iter(call.requests_by_value.values()))[0].head
    if head.range_limit is None or call.limit is None:
        return b""
    return b"Range: 0-%d\r\n" % (merged_limit(call.limit, len(call.requests_by_value)) - 1)
