"""Literals that can be told apart without knowing the column's type (MERGE.md §7.2).

A canonical integer or lower-case UUID is the only spelling of its value that equals the row's own text; any other
spelling that the column's type would match is found out when a row's key text is none of the literals.
"""

from proxy.model import LiteralClass

_HEX = b"0123456789abcdef"


def literal_class(literal: bytes) -> LiteralClass | None:
    """INTEGER for ``0|-?[1-9][0-9]{0,17}``, UUID for lower-case 8-4-4-4-12, else None."""
    if _is_uuid(literal):
        return LiteralClass.UUID
    digits = literal[1:] if literal[:1] == b"-" else literal
    if not digits.isdigit() or len(digits) > 18:
        return None
    if digits[0] == 0x30 and literal != b"0":
        return None
    return LiteralClass.INTEGER


def opposite(literal: bytes) -> bytes:
    """``-v`` for ``v`` and ``v`` for ``-v``: under a collation that ignores punctuation both match the same text."""
    return literal[1:] if literal[:1] == b"-" else b"-" + literal


INTEGER_RANGES = {
    "smallint": 2**15,
    "integer": 2**31,
    "bigint": 2**63,
}
"""Integer types with the size of their negative half (PostgreSQL, "Numeric Types")."""


def fits(literal: bytes, kind: LiteralClass, type_name: str) -> bool:
    """Whether a column of ``type_name`` takes the literal; True for types of which nothing is known."""
    if type_name == "uuid":
        return kind is LiteralClass.UUID
    limit = INTEGER_RANGES.get(type_name)
    if limit is None:
        return True
    return kind is LiteralClass.INTEGER and -limit <= int(literal) < limit


def _is_uuid(literal: bytes) -> bool:
    if len(literal) != 36 or literal[8:24:5] != b"----":
        return False
    digits = literal.replace(b"-", b"")
    return len(digits) == 32 and not digits.translate(None, _HEX)
