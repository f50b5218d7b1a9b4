"""What a run of random bursts covered: by row of the decision table, by type, by Accept, by bypass reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.errors.codes import BYPASS_REASONS
from tests.e2e.support.decision_table import Row, Verdict
from tests.e2e.support.literals import KINDS
from tests.e2e.support.request_templates import HEADS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.support.burst_generator import BurstRequest
    from tests.e2e.support.raw_client import RawAnswer

ENOUGH = 20
"""Requests that have to be an example of each thing."""
ENOUGH_REFUSED = 5
"""The same for each bypass reason."""
OF_SETTINGS = {
    "mode": "mode=observe or mode=shadow forbids merging, whatever is asked",
    "outside-mount": "needs a mount; here every path is PostgREST's",
    **dict.fromkeys(
        ("list", "list-order", "list-total", "chunk-limit"),
        "needs rules.fan005=rewrite, which answers what PostgREST refuses",
    ),
    "differing-header": "needs many reads that differ in one header: test_differing_headers.py",
    "mismatch-paused": "needs shadow.share, and a merged answer that is wrong",
    **dict.fromkeys(
        ("foreign-table", "volatile-view", "volatile-column", "volatile-policy", "security-barrier", "rules"),
        "needs a relation that the catalog knows to be unsafe: test_hazards.py",
    ),
    "mismatched": "needs a relation that answers merged calls wrong: test_trust.py",
    **dict.fromkeys(
        ("write-form", "write-key", "write-table"),
        "writes share calls only with rules.fan004 = rewrite: tests/e2e/exactness/test_merged_writes.py",
    ),
}
"""Bypass reasons that no request provokes, and why."""
ACCEPTS = tuple(dict.fromkeys(head.accept for head in HEADS))
PROVOKED = tuple(reason for reason in BYPASS_REASONS if reason not in OF_SETTINGS)
_SHOWN = ("merged", "shared", "fallback", "passed")

OutcomesByName = dict[str, Counter[str]]
"""By thing: how requests were answered."""


@dataclass
class Coverage:
    """Counters of one run, or of several."""

    rows: OutcomesByName = field(default_factory=dict)
    kinds: OutcomesByName = field(default_factory=dict)
    accepts: OutcomesByName = field(default_factory=dict)
    bypass_reasons: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def see(self, asked: BurstRequest, answer: RawAnswer) -> None:
        """``answer`` says in ``X-Fanin: passed; reason=limit`` how it came about."""
        (told,) = answer.values(b"x-fanin")
        outcome = told.partition(b";")[0].decode("ascii")
        self.outcomes[outcome] += 1
        for row in asked.rows:
            _count(self.rows, row.name, outcome)
        if asked.kind:
            _count(self.kinds, asked.kind, outcome)
        _count(self.accepts, asked.accept, outcome)

    def add(self, other: Coverage) -> None:
        """Count what another run saw too."""
        self.bypass_reasons += other.bypass_reasons
        self.outcomes += other.outcomes
        for mine, more in ((self.rows, other.rows), (self.kinds, other.kinds), (self.accepts, other.accepts)):
            for name, outcomes in more.items():
                mine.setdefault(name, Counter()).update(outcomes)

    def missing(self) -> list[str]:
        """What occurred too rarely, or was answered in a way that the decision table forbids."""
        return [
            *self._wrong_rows(),
            *_rare("type", self.kinds, KINDS),
            *_rare("Accept", self.accepts, ACCEPTS),
            *(
                f"bypass_reason {reason}: {self.bypass_reasons[reason]} times"
                for reason in PROVOKED
                if self.bypass_reasons[reason] < ENOUGH_REFUSED
            ),
        ]

    def _wrong_rows(self) -> Iterator[str]:
        yield from _rare("row", self.rows, Row.__members__)
        for row in Row:
            merged = self.rows.get(row.name, Counter())["merged"]
            if row.value.verdict is Verdict.MERGES and merged < ENOUGH:
                yield f"row {row.name}: merged only {merged} times"
            if row.value.verdict is Verdict.NEVER and merged:
                yield f"row {row.name}: merged {merged} times, and never must be"

    def table(self) -> str:
        """All of it, for people."""
        lines = ["", f"{'requests':52}{'asked':>7}" + "".join(f"{name:>10}" for name in _SHOWN)]
        lines += [_line(f"{row.value.what} ({row.value.verdict.value})", self.rows.get(row.name)) for row in Row]
        lines += [_line(f"type of kinds.{name}", self.kinds.get(name)) for name in KINDS]
        lines += [_line(f"Accept: {name}", self.accepts.get(name)) for name in ACCEPTS]
        lines += [f"refused, {reason:43}{self.bypass_reasons[reason]:7}" for reason in PROVOKED]
        lines += [f"refused, {reason:43}      – {why}" for reason, why in OF_SETTINGS.items()]
        return "\n".join(lines)


def _count(seen: OutcomesByName, name: str, outcome: str) -> None:
    seen.setdefault(name, Counter())[outcome] += 1


def _rare(what: str, seen: OutcomesByName, names: Mapping[str, object] | tuple[str, ...]) -> Iterator[str]:
    for name in names:
        asked = seen.get(name, Counter()).total()
        if asked < ENOUGH:
            yield f"{what} {name}: asked only {asked} times"


def _line(what: str, outcomes: Counter[str] | None) -> str:
    found = outcomes or Counter()
    return f"{what[:51]:52}{found.total():7}" + "".join(f"{found[name]:10}" for name in _SHOWN)
