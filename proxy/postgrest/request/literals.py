"""What a literal looks like, before anything is known of its column.

Source: docs/explanation/merging.md#canonical-literals.

A canonical integer or lower-case UUID is the only spelling of its value that equals the row's own text; any other
spelling that the column's type would match is found out when a row's key text is none of the literals.
"""

import unicodedata

from proxy.model import LiteralClass
from proxy.postgrest.request.target import clean_text

_HEX = b"0123456789abcdef"
PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
"""Bytes that mean themselves everywhere."""


def canonical(literal: bytes) -> LiteralClass | None:
    """INTEGER for ``0|-?[1-9][0-9]{0,17}``, UUID for lower-case 8-4-4-4-12, else None."""
    if is_uuid(literal):
        return LiteralClass.UUID
    digits = literal[1:] if literal[:1] == b"-" else literal
    if not digits.isdigit() or len(digits) > 18:
        return None
    if digits[0] == 0x30 and literal != b"0":
        return None
    return LiteralClass.INTEGER


def read_literal(raw: bytes) -> bytes | None:
    """What PostgREST makes of the raw bytes after ``eq.``; None where they hold a ``;``, a NUL or no UTF-8."""
    if not raw.translate(None, PLAIN):
        return raw
    return None if b";" in raw else clean_text(raw)


def read_list(raw: bytes) -> tuple[bytes, ...] | None:
    """The elements of the raw bytes after ``in.``, where all are bare and no one stands twice; else None.

    PostgREST forgives much in a list (quotes, blanks, what follows it), so everything but the plainest is left alone.
    """
    text = read_literal(raw)
    if text is None or text[:1] != b"(" or text[-1:] != b")":
        return None
    elements = tuple(text[1:-1].split(b","))
    plain = all(element and not element.translate(None, PLAIN) for element in elements)
    return elements if plain and len(set(elements)) == len(elements) else None


def class_of(literals: tuple[bytes, ...]) -> LiteralClass:
    """The class that all of ``literals`` have."""
    if len(literals) == 1:
        return canonical(literals[0]) or LiteralClass.TEXT
    classes = {canonical(literal) for literal in literals}
    return (classes.pop() if len(classes) == 1 else None) or LiteralClass.TEXT


_EQUIVALENT_LETTERS = bytes.maketrans(b"yqw", b"ikv")
"""Letters that a language writes as accents of each other: i and y in Lithuanian and Frisian, k' and q in Greenlandic,
v and w in Swedish and Finnish (all that ICU 72 has, of texts of up to three ASCII characters)."""


def fold(literal: bytes) -> bytes:
    """What is left when accents, case, punctuation and leading zeros are taken away.

    Under a collation that ignores some of these, only literals with the same fold can be equal; ASCII ones, that is,
    since other letters have equals of their own in some language.
    """
    if not literal.translate(None, b"0123456789abcdefghijklmnopqrstuvwxyz") and literal[:1] != b"0":
        literal = literal.translate(_EQUIVALENT_LETTERS)
        return literal if literal.isalpha() or literal.isdigit() else _without_leading_zeros(literal)
    text = unicodedata.normalize("NFKD", literal.decode("utf-8", "replace"))
    text = "".join(c for c in text if not unicodedata.combining(c)).casefold()
    return _without_leading_zeros("".join(c for c in text if c.isalnum()).encode().translate(_EQUIVALENT_LETTERS))


def _without_leading_zeros(text: bytes) -> bytes:
    """Zeros that begin a number left out: some collations compare numbers by value."""
    kept = bytearray()
    for at, byte in enumerate(text):
        in_number = kept[-1:].isdigit()
        if byte != 0x30 or in_number or not text[at + 1 : at + 2].isdigit():
            kept.append(byte)
    return bytes(kept)


def is_uuid(literal: bytes) -> bool:
    """Lower-case 8-4-4-4-12."""
    if len(literal) != 36 or literal[8:24:5] != b"----":
        return False
    digits = literal.replace(b"-", b"")
    return len(digits) == 32 and not digits.translate(None, _HEX)


def are_uuids(text: bytes) -> bool:
    """Whether ``text`` is nothing but lower-case UUIDs with commas between them: seen at a glance, however many."""
    count, rest = divmod(len(text) + 1, 37)
    if rest or not count or text[36::37] != b"," * (count - 1):
        return False
    hyphens = all(text[at::37] == b"-" * count for at in (8, 13, 18, 23))
    return hyphens and len(text.translate(None, _HEX)) == 5 * count - 1
