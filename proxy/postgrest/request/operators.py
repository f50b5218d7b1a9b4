"""Shapes of filters: the filter without its values, for fingerprints.

Only PostgREST's operators are kept. Any other text in an operator's place may be a value without an operator, and a
fingerprint must not contain values.

https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

from proxy.postgrest.request.target import LOGIC

OPERATORS = frozenset(
    b"eq neq gt gte lt lte like ilike match imatch in is isdistinct".split()
    + b"fts plfts phfts wfts cs cd ov sl sr nxr nxl adj".split()
)
QUANTIFIERS = frozenset((b"any)", b"all)"))
IS_VALUES = frozenset((b"null", b"true", b"false", b"unknown"))

MAX_DEPTH = 8
"""Levels of and/or that a fingerprint contains. A client can send any depth, up to the length of a URL."""

_OPEN_TREES = tuple(name + b"(" for name in sorted(LOGIC))


def filter_shape(value: bytes) -> tuple[bytes, bytes]:
    """Split a decoded filter value into its shape and its literal: ``eq.1`` into ``eq.?`` and ``1``."""
    if value[:4] == b"not.":
        form, literal = _condition(value[4:])
        return b"not." + form, literal
    return _condition(value)


def tree_shape(value: bytes, depth: int = 1) -> tuple[bytes, bytes]:
    """The same for the value of ``or``/``and``: ``(a.eq.1,b.is.null)`` gives ``(a.eq.?,b.is.null)`` and ``1``."""
    if depth > MAX_DEPTH:
        return b"(?)", value
    shapes, literals = [], []
    for element in _elements(value.removeprefix(b"(").removesuffix(b")")):
        form, literal = _element(element, depth)
        shapes.append(form)
        literals.append(literal)
    return b"(" + b",".join(shapes) + b")", b"\0".join(literals)


def _condition(value: bytes) -> tuple[bytes, bytes]:
    operator, dot, literal = value.partition(b".")
    name, parenthesis, argument = operator.partition(b"(")
    if not dot or name not in OPERATORS:
        return b"?", value
    if name == b"is" and literal in IS_VALUES:
        return value, b""
    if parenthesis and argument not in QUANTIFIERS:  # the language of a full-text search
        return name + b"(?).?", argument + b"." + literal
    return operator + b".?", literal


def _element(element: bytes, depth: int) -> tuple[bytes, bytes]:
    for opening in _OPEN_TREES:
        if element.startswith(opening):
            name = opening[:-1]
            form, literal = tree_shape(element[len(name) :], depth + 1)
            return name + form, literal
    name, dot, rest = element.partition(b".")
    if not dot:
        return b"?", element
    form, literal = filter_shape(rest)
    return name + b"." + form, literal


def _elements(inner: bytes) -> list[bytes]:
    """``inner`` split at its outermost commas; those in quotes do not count. A backslash in quotes escapes a quote."""
    elements, depth, quoted, begin, escaped = [], 0, False, 0, False
    for at, byte in enumerate(inner):
        if escaped:
            escaped = False
        elif quoted and byte == 0x5C:
            escaped = True
        elif byte == 0x22:
            quoted = not quoted
        elif quoted:
            continue
        elif byte in b"({":
            depth += 1
        elif byte in b")}":
            depth -= 1
        elif byte == 0x2C and depth == 0:
            elements.append(inner[begin:at])
            begin = at + 1
    return [*elements, inner[begin:]]
