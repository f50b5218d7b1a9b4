"""The table of the demo, as text and as JSON.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from proxy.demo.use_cases import ADVICE, DEFAULT, OFF, ON, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from proxy.demo.measuring import CaseFigures
    from proxy.demo.use_cases import UseCase

WORDS = {DEFAULT: "by default", OFF: "as it is", ON: "turned on", ADVICE: "advice executed"}


class Reported(NamedTuple):
    """Title and expected improvement of a finding."""

    title: str
    expected: str


NOTHING = Reported("", "")


class DemoRow(NamedTuple):
    """One line of the table; times are milliseconds."""

    case: str
    rule: str
    cure: str
    settings: Mapping[str, str]
    """Settings of fanin that concern the data path and differ from the defaults."""
    requests: int
    statements_direct: int
    statements_fanin: int
    ms_direct: float
    ms_fanin: float
    ms_far_direct: float
    ms_far_fanin: float
    equal: bool
    finding: str
    """The title of what fanin has reported about the use case; empty if nothing."""
    expected: str
    """The cost after the fix, by that finding."""


def rows_of(case: UseCase, near: CaseFigures, far: CaseFigures, reported: Reported) -> list[DemoRow]:
    """A row for each cure of a use case."""
    return [
        DemoRow(
            case=case.name,
            rule=case.rule,
            cure=cure.name,
            settings={**SETTINGS, **cure.settings},
            requests=ours.requests,
            statements_direct=near.direct.statements,
            statements_fanin=ours.statements,
            ms_direct=near.direct.ms,
            ms_fanin=ours.ms,
            ms_far_direct=far.direct.ms,
            ms_far_fanin=far_ours.ms,
            equal=equal and far_equal,
            finding=reported.title,
            expected=reported.expected,
        )
        for cure, (ours, equal), (far_ours, far_equal) in zip(case.cures, near.cures, far.cures, strict=True)
    ]


def to_json(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as an array of objects."""
    return json.dumps(rows)


_CELLS: tuple[tuple[str, Callable[[DemoRow], object]], ...] = (
    ("use case", lambda r: r.case),
    ("cure", lambda r: f"{r.rule} {WORDS[r.cure]}"),
    ("requests sent", lambda r: r.requests),
    ("SQL statements", lambda r: f"{r.statements_direct} → {r.statements_fanin}"),
    ("ms near", lambda r: f"{r.ms_direct:.0f} → {r.ms_fanin:.0f}"),
    ("ms far", lambda r: f"{r.ms_far_direct:.0f} → {r.ms_far_fanin:.0f}"),
    ("answers equal", lambda r: "yes" if r.equal else "NO"),
)


def table(rows: Sequence[DemoRow]) -> list[str]:
    """The lines of the table."""
    texts = [[str(show(row)) for _, show in _CELLS] for row in rows]
    return aligned([title for title, _ in _CELLS], texts)


def aligned(titles: Sequence[str], texts: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table with these cells."""
    widths = [max(map(len, column)) for column in zip(titles, *texts, strict=True)]
    rules = ["─" * width for width in widths]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in (titles, rules, *texts)
    ]


def notes(cases: Sequence[UseCase]) -> list[str]:
    """What was turned on, and which advice was executed."""
    lines = {f"fanin: {_assigned(SETTINGS)}": None}
    for cure in (cure for case in cases for cure in case.cures):
        if cure.settings or cure.advised:
            where = f" for {', '.join(cure.relations)}" if cure.relations else ""
            lines[f"{WORDS[cure.name]}{where}: {_assigned(cure.settings) or cure.advised}"] = None
    return list(lines)


def _assigned(settings: Mapping[str, str]) -> str:
    return ", ".join(f'{name} = "{value}"' for name, value in settings.items())
