"""Folds the constant parts of a parsed expression, as the planner of Postgres does before it runs one.

``CASE WHEN true THEN a ELSE b END`` is ``a``, and ``true OR f()`` is ``true``: what is left is what runs. Conditions
have three values: true, false and null.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import Any, NamedTuple

from sqlglot import exp

BOOLEANS = {"true": True, "t": True, "yes": True, "on": True, "1": True}
BOOLEANS |= {"false": False, "f": False, "no": False, "off": False, "0": False}
EQUALITIES: Mapping[type[exp.Expr], Callable[[Any, Any], bool]] = {exp.EQ: eq, exp.NEQ: ne}
ORDERS: Mapping[type[exp.Expr], Callable[[Any, Any], bool]] = {exp.GT: gt, exp.GTE: ge, exp.LT: lt, exp.LTE: le}
ARITHMETIC: Mapping[type[exp.Expr], Callable[[Any, Any], Any]] = {exp.Add: add, exp.Sub: sub, exp.Mul: mul}
NUMBERS = ("int", "smallint", "bigint", "decimal")
TEXTS = ("text", "varchar")
PARTS_OF_SELECT = ("from_", "where", "having", "limit", "offset", "group")
"""What decides whether a SELECT returns its one row."""


class Constant(NamedTuple):
    """The value of an expression, the same for each row."""

    value: bool | Decimal | str | None
    """None: it is null."""
    exact: bool = True
    """Otherwise it is the text of a value of some type, of which different texts may be equal values."""


def folded(node: exp.Expr) -> exp.Expr:
    """The expression without what the planner drops. ``node`` is changed; it must have no parent."""
    holder = exp.Paren(this=node)
    _fold(node)
    root: exp.Expr = holder.this
    root.pop()
    return root


def constant(node: exp.Expr) -> Constant | None:
    """The value of an expression that has the same for each row; None if it depends on the row or is not known."""
    node = node.unnest()
    if isinstance(node, exp.Null):
        return Constant(None)
    if isinstance(node, exp.Boolean):
        return Constant(bool(node.this))
    if isinstance(node, exp.Literal):
        return _number(node.name) if node.is_number else Constant(node.name)
    return next((read(node) for kind, read in READERS.items() if isinstance(node, kind)), None)


def _fold(node: exp.Expr) -> None:
    """Fold the operands of conditions first, then the condition itself."""
    for child in list(node.iter_expressions()):
        _fold(child)
    if node.parent is None or isinstance(node, exp.Boolean | exp.Null | exp.Literal):
        return
    if isinstance(node, exp.Case):
        node = _folded_case(node)
    elif isinstance(node, exp.Coalesce):
        node = _folded_coalesce(node)
    known = constant(node) if isinstance(node, CONDITIONS) else None
    if known is not None and (known.value is None or isinstance(known.value, bool)):
        node.replace(exp.Null() if known.value is None else exp.Boolean(this=known.value))
    elif isinstance(node, exp.And | exp.Or):
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if constant(side) == Constant(isinstance(node, exp.And)):
                node.replace(other)
                break


def _folded_case(node: exp.Case) -> exp.Expr:
    """Without the branches that are never taken; the first one that is always taken is the last."""
    kept: list[exp.Expr] = []
    default = node.args.get("default")
    for branch in node.args["ifs"]:
        known = constant(_condition(node, branch))
        if known is not None and known.value is True:
            default = branch.args["true"]
            break
        if known is None:
            kept.append(branch)
    if kept:
        node.set("ifs", kept)
        node.set("default", default)
        return node
    return _replaced(node, default if default is not None else exp.Null())


def _condition(node: exp.Case, branch: exp.Expr) -> exp.Expr:
    """What is tested before a branch: ``CASE a WHEN b`` tests ``a = b``."""
    if node.this is None:
        return branch.this  # type: ignore[no-any-return]
    return exp.EQ(this=node.this.copy(), expression=branch.this.copy())


def _folded_coalesce(node: exp.Coalesce) -> exp.Expr:
    """Without nulls, and without what stands behind a constant."""
    kept: list[exp.Expr] = []
    for each in (node.this, *node.expressions):
        known = constant(each)
        if known is not None and known.value is None:
            continue
        kept.append(each)
        if known is not None:
            break
    if len(kept) < 2:
        return _replaced(node, kept[0] if kept else exp.Null())
    node.set("this", kept[0])
    node.set("expressions", kept[1:])
    return node


def _replaced(node: exp.Expr, other: exp.Expr) -> exp.Expr:
    other.pop()
    node.replace(other)
    return other


def _number(text: str) -> Constant | None:
    try:
        return Constant(Decimal(text))
    except InvalidOperation:
        return None


def _of_cast(node: exp.Expr) -> Constant | None:
    """Of a literal with a type; ``varchar(3)`` may cut it."""
    known, target = constant(node.this), node.args["to"]
    if known is None or known.value is None:
        return known
    if node.is_type("boolean"):
        value = known.value if isinstance(known.value, bool) else BOOLEANS.get(str(known.value).strip().lower())
        return None if value is None else Constant(value)
    if target.expressions or isinstance(known.value, bool):
        return None
    if node.is_type(*NUMBERS):
        number = _number(str(known.value))
        whole = number is None or node.is_type("decimal") or number.value == int(number.value or 0)
        return number if whole else None
    if not isinstance(known.value, str):
        return None
    return known if node.is_type(*TEXTS) else Constant(f"{known.value}::{target.sql('postgres')}", exact=False)


def _of_not(node: exp.Expr) -> Constant | None:
    known = constant(node.this)
    if known is None or not (known.value is None or isinstance(known.value, bool)):
        return None
    return Constant(None if known.value is None else not known.value)


def _of_connector(node: exp.Expr) -> Constant | None:
    """AND and OR: one operand may decide. ``a IS NULL OR a IS NOT NULL`` is true."""
    absorbing = Constant(isinstance(node, exp.Or))
    sides = (constant(node.this), constant(node.expression))
    if absorbing in sides or _complements(node.this.unnest(), node.expression.unnest()):
        return absorbing
    if None in sides:
        return None
    return Constant(None) if Constant(None) in sides else Constant(not absorbing.value)


def _complements(first: exp.Expr, second: exp.Expr) -> bool:
    """Whether one is the test for null, or for true, of the other's operand, and the other its opposite."""
    both = isinstance(first, exp.Is) and isinstance(second, exp.Is)
    opposite = bool(first.args.get("negate")) != bool(second.args.get("negate"))
    return both and opposite and (first.this, first.expression) == (second.this, second.expression)


def _of_is(node: exp.Expr) -> Constant | None:
    known, tested = constant(node.this), constant(node.expression)
    if known is None or tested is None:
        return None
    return Constant((known.value == tested.value) != bool(node.args.get("negate")))


def _of_comparison(node: exp.Expr) -> Constant | None:
    if isinstance(node.expression, exp.Any):
        return _of_any(node)
    left, right = constant(node.this), constant(node.expression)
    return None if left is None or right is None else _compared(type(node), left, right)


def _compared(operator: type[exp.Expr], left: Constant, right: Constant) -> Constant | None:
    if left.value is None or right.value is None:
        return Constant(None)
    if type(left.value) is not type(right.value):
        return None
    if operator in EQUALITIES and (left == right or (left.exact and right.exact)):
        return Constant(EQUALITIES[operator](left.value, right.value))
    numbers = operator in ORDERS and isinstance(left.value, Decimal)
    return Constant(ORDERS[operator](left.value, right.value)) if numbers else None


def _of_any(node: exp.Expr) -> Constant | None:
    """``1 = ANY (ARRAY[1, 2])``, which is how Postgres prints ``1 IN (1, 2)``."""
    elements = node.expression.this.unnest()
    left = constant(node.this)
    if left is None or not isinstance(node, exp.EQ) or not isinstance(elements, exp.Array):
        return None
    each = [
        None if (known := constant(one)) is None else _compared(exp.EQ, left, known) for one in elements.expressions
    ]
    if Constant(True) in each:
        return Constant(True)
    return Constant(False) if each and all(one == Constant(False) for one in each) else None


def _of_arithmetic(node: exp.Expr) -> Constant | None:
    left, right = constant(node.this), constant(node.expression)
    if left is None or right is None or not isinstance(left.value, Decimal) or not isinstance(right.value, Decimal):
        return None
    return Constant(ARITHMETIC[type(node)](left.value, right.value))


def _of_negative(node: exp.Expr) -> Constant | None:
    known = constant(node.this)
    return Constant(-known.value) if known is not None and isinstance(known.value, Decimal) else None


def _of_case(node: exp.Expr) -> Constant | None:
    """The value that all branches have."""
    default = node.args.get("default") or exp.Null()
    values = {constant(each) for each in (*(branch.args["true"] for branch in node.args["ifs"]), default)}
    return values.pop() if len(values) == 1 else None


def _of_coalesce(node: exp.Expr) -> Constant | None:
    """The value that all operands have, if the last is not null: then it does not matter which are."""
    values = {constant(each) for each in (node.this, *node.expressions)}
    return values.pop() if len(values) == 1 else None


def _of_select(node: exp.Expr) -> Constant | None:
    """``(SELECT true)``."""
    if any(node.args.get(part) for part in PARTS_OF_SELECT) or len(node.expressions) != 1:
        return None
    return constant(node.expressions[0].unalias())


def _of_exists(node: exp.Expr) -> Constant | None:
    """``EXISTS (SELECT 1)``: one row, whatever is in it."""
    query = node.this
    known = isinstance(query, exp.Select) and not any(query.args.get(part) for part in PARTS_OF_SELECT)
    return Constant(True) if known and query.find(exp.Func) is None else None


READERS: Mapping[type[exp.Expr], Callable[[exp.Expr], Constant | None]] = {
    exp.Cast: _of_cast,
    exp.Not: _of_not,
    exp.Connector: _of_connector,
    exp.Is: _of_is,
    **dict.fromkeys((*EQUALITIES, *ORDERS), _of_comparison),
    **dict.fromkeys(ARITHMETIC, _of_arithmetic),
    exp.Neg: _of_negative,
    exp.Case: _of_case,
    exp.Coalesce: _of_coalesce,
    exp.Select: _of_select,
    exp.Exists: _of_exists,
}
CONDITIONS: tuple[type[exp.Expr], ...] = (exp.Cast, exp.Not, exp.Connector, exp.Is, *EQUALITIES, *ORDERS)
"""What is replaced by its value, where that is true, false or null. A CASE that is left computes its conditions first,
and COALESCE its operands, even where all of them are equal."""
