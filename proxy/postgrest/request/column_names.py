"""Names of columns in filters, ``order`` and ``select``: quoted or not, in any script, with blanks and dashes.

A *column reference* is the column's own name, without quotes, or a path to JSON text as the client wrote it, decoded:
``Order Id``, ``data->>"my key"``. Only the latter contains an arrow.

https://postgrest.org/en/v12/references/api/url_grammar.html#unicode-support and …#reserved-characters
"""

from urllib.parse import quote_from_bytes

from proxy.postgrest.request.grammar import Cursor, FieldPath, GrammarError
from proxy.postgrest.request.target import LOGIC, RESERVED_PARAMS, is_plain_name

_ARROW = b"->"
_TO_TEXT = "->>"
_NO_COLUMNS = frozenset(("", "*"))
"""Names that are accepted in quotes and are no column: ``"*"`` is the whole row."""
MAX_ORDER_BYTES = 2048
"""A longer ``order`` is not read: a path into JSON may have any number of steps."""
DIRECTIONS = (".asc", ".desc")
NULLS = (".nullsfirst", ".nullslast")


def column_reference(text: bytes) -> bytes | None:
    """The column that a decoded name refers to; None if it is none, or a path to JSON that is no text."""
    if is_plain_name(text):
        return text
    try:
        cursor = Cursor(text.decode("utf-8"))
        found = _reference(cursor)
    except (UnicodeDecodeError, GrammarError):
        return None
    return found if cursor.at_end else None


def order_references(text: bytes, most: int) -> tuple[bytes, ...]:
    """The columns of a decoded ``order``; empty if it is no order by ``most`` columns or paths to JSON text at most."""
    if len(text) > MAX_ORDER_BYTES:
        return ()
    try:
        cursor = Cursor(text.decode("utf-8"))
        names = [_order_item(cursor)]
        while cursor.accept(","):
            cursor.skip_blanks()
            names.append(_order_item(cursor))
            if len(names) > most:
                return ()
    except (UnicodeDecodeError, GrammarError):
        return ()
    found = tuple(name for name in names if name is not None)
    return found if cursor.at_end and len(found) == len(names) else ()


def raw_name(reference: bytes) -> bytes:
    """The reference as it is written in a target: percent-encoded, and quoted unless it is a plain name that is no
    parameter of another kind.
    """
    if is_plain_name(reference) and reference not in RESERVED_PARAMS and reference not in LOGIC:
        return reference
    if not is_path(reference):
        reference = b'"' + reference.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return quote_from_bytes(reference, safe="").encode()


def is_path(reference: bytes) -> bool:
    """Whether the reference is a path to JSON text."""
    return _ARROW in reference


def _order_item(cursor: Cursor) -> bytes | None:
    found = _reference(cursor)
    for words in (DIRECTIONS, NULLS):
        next((word for word in words if cursor.accept(word)), "")
    return found


def _reference(cursor: Cursor) -> bytes | None:
    """The column or path that comes next."""
    begin, field = cursor.position, FieldPath(cursor.name(), cursor.path())
    if field.path:
        return cursor.since(begin).encode() if field.path[-1].arrow == _TO_TEXT else None
    name = field.name.encode()
    return None if field.name in _NO_COLUMNS or _ARROW in name or b"\0" in name else name
