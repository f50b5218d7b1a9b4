"""What the rules find in each scenario of the corpus, beside what its label says; and how right each rule is."""

from __future__ import annotations

import gzip
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from proxy.recording.codec import read_traces
from rules import RULES
from tests.rules.traces import found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.model import Trace

Kind = TypeVar("Kind", bound=msgspec.Struct)

HERE = Path(__file__).parent
HELD_OUT = HERE / "heldout"


class Due(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be found in a scenario; see labels.toml."""

    fires: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def missed(self, codes: Iterable[str]) -> set[str]:
        """What had to be found, and was not."""
        none_of_either = not set(self.either) & set(codes)
        return set(self.fires) - set(codes) | (set(self.either) if none_of_either else set())

    def wrong(self, codes: Iterable[str]) -> set[str]:
        """What was found, and is none."""
        return set(codes) - set(self.fires) - set(self.may) - set(self.either)


class Label(Due, frozen=True, kw_only=True):
    """What a scenario is. ``judged``: what was thought of it when the rules disagreed."""

    why: str
    judged: str = ""


class First(Due, frozen=True, kw_only=True):
    """What a scenario was labelled, and what was found in it, on its first day; see heldout/first.toml."""

    found: tuple[str, ...] = ()


class Score(msgspec.Struct):
    """How right a rule is, over scenarios."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def labels(folder: Path = HERE) -> dict[str, Label]:
    return _read(folder / "labels.toml", Label)


def first() -> dict[str, First]:
    """The held-out scenarios on their first day."""
    return _read(HELD_OUT / "first.toml", First)


def _read(path: Path, kind: type[Kind]) -> dict[str, Kind]:
    with path.open("rb") as file:
        return msgspec.convert(tomllib.load(file), dict[str, kind])  # type: ignore[valid-type] # is known at run time


def recorded(folder: Path = HERE) -> dict[str, list[Trace]]:
    """The traces of each scenario, whose name is their route up to a ``#``."""
    scenarios: defaultdict[str, list[Trace]] = defaultdict(list)
    for file in sorted((folder / "recorded").glob("*.jsonl.gz")):
        with gzip.open(file) as lines:
            for trace in read_traces(file.name, lines):
                scenarios[trace.route.partition("#")[0]].append(trace)
    return dict(scenarios)


def codes_in(traces: Sequence[Trace]) -> list[str]:
    """The codes of what is found in them, once for each finding."""
    return [finding.code for rule in RULES for finding in found(rule, traces)]


def scores(judged: Iterable[tuple[Due, Iterable[str]]]) -> dict[str, Score]:
    """By rule."""
    table = {rule.code: Score() for rule in RULES}
    for label, all_codes in judged:
        codes = set(all_codes)
        for code in codes - label.wrong(codes) - set(label.may):
            table[code].right += 1
        for code in label.wrong(codes):
            table[code].wrong += 1
        for code in label.missed(codes) | (set(label.unseen) - codes):
            table[code].missed += 1
    return table


def told(table: Mapping[str, Score]) -> str:
    """A table for people."""
    lines = [f"{'rule':8} {'found':>6} {'wrong':>6} {'missed':>7} {'precision':>10} {'recall':>7}"]
    for code, score in table.items():
        found_, wrong, missed = score.right, score.wrong, score.missed
        lines.append(f"{code:8} {found_:6} {wrong:6} {missed:7} {score.precision:10.2f} {score.recall:7.2f}")
    return "\n".join(lines)
