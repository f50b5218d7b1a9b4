"""Classes of literals, independent of the column's type.

Source: docs/explanation/merging.md#canonical-literals.

A canonical integer or a lower-case UUID is the only spelling of its value that equals the row's text. If the column's
type matches another spelling, the row's key text is not among the literals, and the merged answer is not used.
"""

import unicodedata

from proxy.model import LiteralClass
from proxy.postgrest.request.target import clean_text

_HEX = b"0123456789abcdef"

MAX_INTEGER_DIGITS = 39
"""Digits of the largest 128-bit integer. A column of type ``numeric`` may hold such identifiers."""

PLAIN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
"""Bytes without a special meaning in URLs and in PostgREST's syntax."""


def canonical(literal: bytes) -> LiteralClass | None:
    """INTEGER for ``0|-?[1-9][0-9]{0,38}``, UUID for lower-case hexadecimal digits 8-4-4-4-12, else None.

    The range of the column's type does not matter: Postgres rejects a literal outside it.
    """
    digits = literal[1:] if literal[:1] == b"-" else literal
    if not digits.isdigit():
        return LiteralClass.UUID if is_uuid(literal) else None
    if len(digits) > MAX_INTEGER_DIGITS or (digits[0] == 0x30 and literal != b"0"):
        return None
    return LiteralClass.INTEGER


def read_literal(raw: bytes) -> bytes | None:
    """Decode the raw bytes after ``eq.``; None if they contain a ``;`` or a NUL, or are not UTF-8."""
    if not raw.translate(None, PLAIN_BYTES):
        return raw
    return None if b";" in raw else clean_text(raw)


_LIST_SYNTAX = b'"(),\\{}'
"""Bytes that an element without quotes does not contain if fanin reads it. PostgREST accepts more."""


def read_list(raw: bytes) -> tuple[bytes, ...] | None:
    """The elements of the raw bytes after ``in.`` if they are distinct and none is empty; else None.

    PostgREST also accepts blanks around elements, and text after the list; such a list is not merged.
    """
    text = read_literal(raw)
    if text is None or text[:1] != b"(" or text[-1:] != b")":
        return None
    found = tuple(text[1:-1].split(b",")) if b'"' not in text else _quoted_elements(text[1:-1])
    bare = b'"' in text or all(map(_is_bare, found))
    return found if found and bare and all(found) and len(set(found)) == len(found) else None


def _is_bare(text: bytes) -> bool:
    return bool(text) and text.strip() == text and len(text.translate(None, _LIST_SYNTAX)) == len(text)


def _quoted_elements(text: bytes) -> tuple[bytes, ...]:
    """The elements of a list of which some are in quotes, where a backslash escapes any byte; empty if it is odd."""
    elements: list[bytes] = []
    while True:
        if text[:1] == b'"':
            end = closing_quote(text, 1)
            element, text = _unescaped(text[1:end]), text[end + 1 :] if end > 0 else b"odd"
        else:
            element, comma, text = text.partition(b",")
            text = comma + text
            if not _is_bare(element):
                return ()
        elements.append(element)
        if not text:
            return tuple(elements)
        if text[:1] != b",":
            return ()
        text = text[1:]


def closing_quote(text: bytes, begin: int) -> int:
    """Index of the first quote from ``begin`` on that no backslash escapes; -1 if there is none."""
    end = text.find(b'"', begin)
    while end > begin and text[end - 1] == 0x5C:
        before = text[begin:end]
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            break
        end = text.find(b'"', end + 1)
    return end


def _unescaped(text: bytes) -> bytes:
    """``text`` without its backslashes, but for those that are escaped."""
    return b"\\".join([part.replace(b"\\", b"") for part in text.split(b"\\\\")])


def class_of(literals: tuple[bytes, ...]) -> LiteralClass:
    """The class of ``literals``: TEXT if they do not all have the same one."""
    if len(literals) == 1:
        return canonical(literals[0]) or LiteralClass.TEXT
    classes = {canonical(literal) for literal in literals}
    return (classes.pop() if len(classes) == 1 else None) or LiteralClass.TEXT


_EQUIVALENT_LETTERS = bytes.maketrans(b"yqw", b"ikv")
"""Letters that differ only by an accent in some language: i and y in Lithuanian and Frisian, k' and q in Greenlandic,
v and w in Swedish and Finnish (all such cases in ICU 72 for texts of up to three ASCII characters)."""


def fold(literal: bytes) -> bytes:
    """The literal without accents, case, punctuation and leading zeros.

    Under a collation that ignores some of these, two ASCII literals can be equal only if their folds are equal. This
    does not hold for other letters, which have further equivalents in some languages.
    """
    if not literal.translate(None, b"0123456789abcdefghijklmnopqrstuvwxyz") and literal[:1] != b"0":
        literal = literal.translate(_EQUIVALENT_LETTERS)
        return literal if literal.isalpha() or literal.isdigit() else _without_leading_zeros(literal)
    text = unicodedata.normalize("NFKD", literal.decode("utf-8", "replace"))
    text = "".join(c for c in text if not unicodedata.combining(c)).casefold()
    return _without_leading_zeros("".join(c for c in text if c.isalnum()).encode().translate(_EQUIVALENT_LETTERS))


def _without_leading_zeros(text: bytes) -> bytes:
    """``text`` without the leading zeros of its numbers, because some collations compare numbers by value."""
    kept = bytearray()
    for at, byte in enumerate(text):
        in_number = kept[-1:].isdigit()
        if byte != 0x30 or in_number or not text[at + 1 : at + 2].isdigit():
            kept.append(byte)
    return bytes(kept)


def is_uuid(literal: bytes) -> bool:
    """Whether ``literal`` is a lower-case UUID: hexadecimal digits 8-4-4-4-12."""
    if len(literal) != 36 or literal[8:24:5] != b"----":
        return False
    digits = literal.replace(b"-", b"")
    return len(digits) == 32 and not digits.translate(None, _HEX)


def are_uuids(text: bytes) -> bool:
    """Whether ``text`` consists of comma-separated lower-case UUIDs. No loop over the elements, so it is fast."""
    count, rest = divmod(len(text) + 1, 37)
    if rest or not count or text[36::37] != b"," * (count - 1):
        return False
    hyphens = all(text[at::37] == b"-" * count for at in (8, 13, 18, 23))
    return hyphens and len(text.translate(None, _HEX)) == 5 * count - 1
