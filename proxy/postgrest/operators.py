"""Filters without their values: what makes two queries look alike.

https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

from proxy.postgrest.target import LOGIC

_OPEN_TREES = tuple(name + b"(" for name in sorted(LOGIC))


def shape(value: bytes) -> tuple[bytes, bytes]:
    """A decoded filter value as (operator with a ``?``, literal): ``eq.1`` is ``eq.?`` and ``1``."""
    operator, dot, literal = value.partition(b".")
    if not dot:
        return b"?", value
    if operator == b"not":
        inner, rest = shape(literal)
        return b"not." + inner, rest
    if operator == b"is":
        return value, b""
    return operator + b".?", literal


def tree_shape(value: bytes) -> tuple[bytes, bytes]:
    """The same for the value of ``or``/``and``: ``(a.eq.1,b.is.null)`` is ``(a.eq.?,b.is.null)`` and ``1``."""
    shapes, literals = [], []
    for element in _elements(value.removeprefix(b"(").removesuffix(b")")):
        name, form, literal = _element(element)
        shapes.append(name + form)
        literals.append(literal)
    return b"(" + b",".join(shapes) + b")", b"\0".join(literals)


def _element(element: bytes) -> tuple[bytes, bytes, bytes]:
    for opening in _OPEN_TREES:
        if element.startswith(opening):
            name = opening[:-1]
            return (name, *tree_shape(element[len(name) :]))
    name, _, rest = element.partition(b".")
    return (name + b".", *shape(rest))


def _elements(inner: bytes) -> list[bytes]:
    """``inner`` cut at its outermost commas; quotes hide commas and parentheses."""
    elements, depth, quoted, begin = [], 0, False, 0
    for at, byte in enumerate(inner):
        if byte == 0x22:
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
