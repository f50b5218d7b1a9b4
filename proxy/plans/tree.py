"""A plan as a tree of values, read from ``EXPLAIN (FORMAT JSON)``, and the share of each node.

PostgreSQL, "EXPLAIN" and "Using EXPLAIN": costs and times of a node include those of the nodes below it, and are per
loop.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

SUBPLAN_SELECTIVITY = 0.5
"""What the planner assumes of a condition with a subplan: it is tested for twice the rows that are expected."""


class Actual(msgspec.Struct, frozen=True):
    """What was measured, over all loops."""

    rows: float
    milliseconds: float
    """With those of the nodes below."""
    loops: float
    removed: float = 0.0
    """Rows that the filter removed."""
    read_blocks: int = 0
    """Blocks from outside of the shared buffers."""
    hit_blocks: int = 0
    on_disk: bool = False
    """Whether a sort or a hash did not fit into ``work_mem``."""


class PlanNode(msgspec.Struct, frozen=True):
    """A node of a plan; texts are empty where it has none."""

    kind: str
    """The node type, such as ``Seq Scan``."""
    cost: float
    """Estimated total cost of one loop."""
    rows: float
    """Estimated rows of one loop."""
    width: int = 0
    schema: str = ""
    relation: str = ""
    index: str = ""
    function: str = ""
    condition: str = ""
    """By which an index is searched, or rows are joined."""
    filter: str = ""
    """Which rows are kept of those that were read."""
    keys: tuple[str, ...] = ()
    """Of a sort, and of groups."""
    strategy: str = ""
    join: str = ""
    backward: bool = False
    role: str = ""
    """``SubPlan``, ``InitPlan``, ``Outer``, ``Inner`` or ``Subquery``, as seen from the node above."""
    subplan: str = ""
    actual: Actual | None = None
    children: "tuple[PlanNode, ...]" = ()

    @property
    def name(self) -> str:
        """The relation with its schema, as far as the plan has them."""
        return f"{self.schema}.{self.relation}" if self.schema else self.relation

    def walk(self) -> "Iterator[PlanNode]":
        """The node and all below, in the order of EXPLAIN."""
        yield self
        for child in self.children:
            yield from child.walk()


class Plan(msgspec.Struct, frozen=True):
    """A plan; the times are None unless the statement was run."""

    root: PlanNode
    planning_ms: float | None = None
    execution_ms: float | None = None

    @property
    def cost(self) -> float:
        """Estimated cost of the whole statement."""
        return self.root.cost

    @property
    def relations(self) -> tuple[tuple[str, str], ...]:
        """Schema and name of every relation that is read, once."""
        return tuple(dict.fromkeys((node.schema, node.relation) for node in self.root.walk() if node.relation))


def read_plan(document: Sequence[Mapping[str, Any]]) -> Plan:
    """The plan in the decoded answer of ``EXPLAIN (FORMAT JSON)``. KeyError if it is none."""
    (outer,) = document
    return Plan(_node(outer["Plan"]), outer.get("Planning Time"), outer.get("Execution Time"))


def _node(fields: Mapping[str, Any]) -> PlanNode:
    conditions = ("Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "TID Cond")
    filters = [fields[name] for name in ("Filter", "Join Filter", "One-Time Filter") if name in fields]
    return PlanNode(
        kind=fields["Node Type"],
        cost=float(fields["Total Cost"]),
        rows=float(fields["Plan Rows"]),
        width=int(fields.get("Plan Width", 0)),
        schema=fields.get("Schema", "") if "Relation Name" in fields else "",
        relation=fields.get("Relation Name", ""),
        index=fields.get("Index Name", ""),
        function=fields.get("Function Name", ""),
        condition=next((fields[name] for name in conditions if name in fields), ""),
        filter=" AND ".join(filters),
        keys=tuple(fields.get("Sort Key", fields.get("Group Key", ()))),
        strategy=fields.get("Strategy", ""),
        join=fields.get("Join Type", ""),
        backward=fields.get("Scan Direction") == "Backward",
        role=fields.get("Parent Relationship", ""),
        subplan=fields.get("Subplan Name", ""),
        actual=_actual(fields),
        children=tuple(_node(child) for child in fields.get("Plans", ())),
    )


def _actual(fields: Mapping[str, Any]) -> Actual | None:
    if "Actual Loops" not in fields:
        return None
    loops = float(fields["Actual Loops"])
    removed = sum(fields.get(name, 0) for name in ("Rows Removed by Filter", "Rows Removed by Join Filter"))
    spilled = fields.get("Sort Space Type") == "Disk" or fields.get("Hash Batches", 1) > 1
    return Actual(
        rows=fields["Actual Rows"] * loops,
        milliseconds=fields.get("Actual Total Time", 0.0) * loops,
        loops=loops,
        removed=removed * loops,
        read_blocks=fields.get("Shared Read Blocks", 0),
        hit_blocks=fields.get("Shared Hit Blocks", 0),
        on_disk=spilled,
    )


def own_shares(root: PlanNode) -> list[float]:
    """Per node in the order of ``walk``, its own share of the whole, from 0 to 1, without the nodes below it.

    Of the time if it was measured, else of the estimated cost. Estimates of loops are those of the planner.
    """
    measured = root.actual is not None and root.actual.milliseconds > 0
    whole = (root.actual.milliseconds if root.actual and measured else root.cost) or 1.0
    return [own / whole for own in _own(root, whole, measured)]


def _own(node: PlanNode, total: float, measured: bool) -> Iterator[float]:
    """Own amounts in the order of ``walk``; ``total`` is the node's amount over all loops."""
    remaining, totals = total, list[float]()
    for child in node.children:
        amount = child.actual.milliseconds if measured and child.actual else _estimate(node, child, total)
        amount = min(amount, remaining)
        totals.append(amount)
        remaining -= amount
    yield remaining
    for child, amount in zip(node.children, totals, strict=True):
        yield from _own(child, amount, measured)


def _estimate(node: PlanNode, child: PlanNode, total: float) -> float:
    """The estimated cost of ``child`` over all its loops; ``total`` is that of ``node``."""
    scale = total / node.cost if node.cost else 1.0
    loops = 1.0
    if node.kind == "Nested Loop" and child.role == "Inner":
        loops = max(1.0, node.children[0].rows)
    elif child.role == "SubPlan" and "hashed " + child.subplan not in node.filter:
        loops = max(1.0, node.rows / SUBPLAN_SELECTIVITY)
    return child.cost * loops * scale


def most_expensive(root: PlanNode) -> int:
    """The place of the most expensive node in the order of ``walk``; the first of equal ones."""
    shares = own_shares(root)
    return shares.index(max(shares))
