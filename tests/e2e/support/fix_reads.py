"""Random single reads, with the arguments of the code that is printed for them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.e2e.support.fix_comparison import as_text
from tests.e2e.support.fix_runs import array_text
from tests.e2e.support.fix_shapes import Param, embeds, reads

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping


@dataclass(frozen=True)
class Request:
    """One request of an application; ``values`` are what its code is called with, in the order of its placeholders:
    plain filters, then logic trees and embeds, then limit and offset.
    """

    target: str
    values: tuple[Any, ...] = ()
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    total: bool = False
    """Whether its order leaves no tie."""
    bounds: int = 0
    """How many of the values are those of limit and offset."""

    @property
    def texts(self) -> list[str]:
        """The values as the texts of SQL literals."""
        return [array_text(value) if isinstance(value, list) else str(value) for value in self.values]

    def compare(self, ours: list[Any], theirs: list[Any]) -> None:
        """AssertionError unless the rows are equal, in any order unless the request has a total one."""
        same = ours == theirs if self.total else sorted(ours, key=_text) == sorted(theirs, key=_text)
        assert same, f"{self}: {len(ours)} instead of {len(theirs)} rows, {ours[:2]} … {theirs[:2]}"


def _text(row: Any) -> str:
    """The same for equal rows: JavaScript writes 1.0 as 1."""
    return as_text(
        json.loads(json.dumps(row), parse_float=lambda text: float(text) if float(text) % 1 else int(float(text)))
    )


def single(draw: random.Random, select: str | None = None, limited: bool = True) -> Request:
    """A read of ``thing`` with every kind of filter, order, embed and limit."""
    shape = draw.choice([reads, reads, embeds])(draw)
    if select is not None:
        shape.select = select
        shape.after = [param for param in shape.after if "." not in param.name or param.name.startswith("not.")]
    shape.limit = draw.choice([None, None, 3, 40]) if limited and shape.total else None
    key = draw.choice(shape.keys)
    if draw.random() < 0.5:
        shape.columns, key = (), ()
        shape.before = [Param("id", "lt.900", (900,)), *shape.before]  # less than max-rows, which cuts no SQL
    early = [value for param in shape.before if not param.late for value in param.args]
    early += [*key, *(value for param in shape.after if not param.late for value in param.args)]
    late = [value for param in shape.params if param.late for value in param.args]
    bounds = [] if shape.limit is None else [shape.limit]
    return Request(shape.target(key), (*early, *late, *bounds), total=shape.total, bounds=len(bounds))
