"""A plan in words: what each node does, as a tree, with the most expensive node marked.

PostgreSQL, "Using EXPLAIN" and ``src/backend/commands/explain.c`` for the node types.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from proxy.plans.tree import Plan, PlanNode, most_expensive, own_shares

MATTERS = 0.05
"""A node that only passes rows on is left out if its own share is smaller."""
PASSING = frozenset(
    ("Result", "Subquery Scan", "Materialize", "Hash", "Gather", "Gather Merge", "ProjectSet", "CTE Scan")
)
LONGEST = 160
"""Most characters of a condition that are shown."""
_VALUES = re.compile(r"'(?:[^']|'')*'|(?<![\w\"$.])-?\d+(?:\.\d+)?(?![\w\"])")
"""Constants in a condition: what Postgres writes in quotes, and numbers."""

WORDS: Mapping[str, str] = {
    "Append": "reads its parts one after another",
    "Bitmap Heap Scan": "reads the blocks of {name} in which an index found rows",
    "Bitmap Index Scan": "searches index {index}",
    "BitmapAnd": "intersects what several indexes found",
    "BitmapOr": "unites what several indexes found",
    "CTE Scan": "reads the rows of a WITH query",
    "Foreign Scan": "reads {name} from another server",
    "Function Scan": "calls function {function}",
    "Gather": "collects the rows of parallel workers",
    "Gather Merge": "merges the sorted rows of parallel workers",
    "Group": "groups sorted rows by {keys}",
    "Hash": "puts the rows into a hash table",
    "Incremental Sort": "sorts by {keys}; the rows come partly sorted",
    "Index Only Scan": "reads index {index} alone, without the rows of {name}",
    "Index Scan": "reads rows of {name} by index {index}",
    "Limit": "stops after {rows}",
    "LockRows": "locks the rows",
    "Materialize": "keeps the rows to read them again",
    "Memoize": "keeps answers by key, to look each up once",
    "Merge Append": "merges sorted parts",
    "ModifyTable": "writes to {name}",
    "ProjectSet": "calls a function that returns several rows",
    "Recursive Union": "repeats until no new rows come",
    "Result": "computes values",
    "Sample Scan": "reads a sample of {name}",
    "Seq Scan": "reads the whole table {name}",
    "SetOp": "compares two sets of rows",
    "Sort": "sorts by {keys}",
    "Subquery Scan": "passes the rows of a subquery on",
    "Tid Scan": "reads rows of {name} by their place",
    "Unique": "drops equal neighbours",
    "Values Scan": "reads a list of values",
    "WindowAgg": "computes over windows of rows",
    "WorkTable Scan": "reads the rows of the last round",
}
AGGREGATES = {
    "Plain": "aggregates all rows into one",
    "Sorted": "groups sorted rows by {keys}",
    "Hashed": "groups rows by {keys} in a hash table",
    "Mixed": "groups rows by several sets of columns",
}
JOINS = {
    "Nested Loop": "for each row of the first, runs the second",
    "Hash Join": "joins by a hash table where {condition}",
    "Merge Join": "joins two sorted inputs where {condition}",
}
KEPT = {
    "Left": "; keeps rows without a match",
    "Right": "; keeps rows of the second without a match",
    "Full": "; keeps rows without a match of both",
    "Anti": "; keeps rows without a match only",
    "Semi": "; stops at the first match",
}
INDEXED = frozenset(("Index Scan", "Index Only Scan", "Bitmap Index Scan", "Tid Scan"))


def hide_values(text: str) -> str:
    """A condition without its constants, for reports: they may be values of users."""
    return _VALUES.sub("?", text)


def as_is(text: str) -> str:
    """A condition with its constants, for a request whose values the user has typed."""
    return text


Show = Callable[[str], str]
"""``hide_values`` or ``as_is``."""


def said(node: PlanNode, show: Show = hide_values) -> str:
    """What a node does, in one sentence without a full stop."""
    text = AGGREGATES.get(node.strategy, "aggregates rows") if node.kind == "Aggregate" else ""
    text = text or JOINS.get(node.kind, "") + KEPT.get(node.join, "") or WORDS.get(node.kind, node.kind)
    words = text.format(
        name=node.name or "a table",
        index=node.index,
        function=node.function,
        keys=", ".join(map(show, node.keys)) or "nothing",
        condition=_short(show(node.condition)) or "the keys are equal",
        rows=amount(node.rows, "row"),
    )
    if node.kind in INDEXED:
        words += f" where {_short(show(node.condition))}" if node.condition else _whole_index(node)
    if node.filter:
        words += f", keeps those where {_short(show(node.filter))}"
    return words


def _whole_index(node: PlanNode) -> str:
    return " from its end, in its order" if node.backward else ", in its order"


def lines(plan: Plan, show: Show = hide_values) -> Iterator[str]:
    """The tree: one line per node that matters, the most expensive one marked, and with what was measured."""
    shares, worst = own_shares(plan.root), most_expensive(plan.root)
    numbered = iter(range(len(shares)))
    yield from _lines(plan.root, 0, numbered, shares, worst, show)


def _lines(
    node: PlanNode, depth: int, numbered: Iterator[int], shares: list[float], worst: int, show: Show
) -> Iterator[str]:
    place = next(numbered)
    shown = place == worst or shares[place] >= MATTERS or node.kind not in PASSING or bool(node.filter)
    if shown:
        mark = "→ " if place == worst else "  "
        subplan = f"{_subplan(node)}: " if node.role in ("SubPlan", "InitPlan") else ""
        yield f"{mark}{'  ' * depth}{subplan}{node.kind}: {said(node, show)} ({_figures(node, shares[place])})"
    for child in node.children:
        yield from _lines(child, depth + shown, numbered, shares, worst, show)


def _subplan(node: PlanNode) -> str:
    return f"once, {node.subplan}" if node.role == "InitPlan" else f"per row or hashed, {node.subplan}"


def _figures(node: PlanNode, share: float) -> str:
    part = f"{share:.0%}".replace("%", " %")
    if node.actual is None:
        return f"{amount(node.rows, 'row')} expected, cost {node.cost:,.0f}, {part} of it here"
    actual = node.actual
    if not actual.loops:
        return "never run"
    figures = [f"{amount(actual.rows, 'row')}, expected {node.rows * max(1.0, actual.loops):,.0f}"]
    figures += [f"{actual.removed:,.0f} removed"] if actual.removed else []
    figures += [f"{actual.loops:,.0f} times"] if actual.loops > 1 else []
    figures += ["on disk"] if actual.on_disk else []
    return ", ".join([*figures, f"{actual.milliseconds:,.2f} ms, {part} here"])


def amount(number: float, what: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,.0f} {what}" + ("" if round(number) == 1 else "s")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
