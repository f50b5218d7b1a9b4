"""What the rules find in each scenario of the corpus, beside what its label says; and how right each rule is."""

from __future__ import annotations

import gzip
import tomllib
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from proxy.recording.codec import read_traces
from rules import TRAFFIC_RULES
from tests.rules.traces import found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from proxy.model import Trace

Kind = TypeVar("Kind", bound=msgspec.Struct)

HERE = Path(__file__).parent
IN_SAMPLE = HERE / "in_sample"
HELD_OUT = HERE / "held_out"
PUBLIC_PATTERNS = HERE / "public_patterns"
BY_DOCUMENT = HERE / "by_document"
OTHER_HAND = HERE / "other_hand"
FIVE_TRADES = HERE / "five_trades"
BY_REVIEWER = HERE / "by_reviewer"
SETS = (IN_SAMPLE, HELD_OUT, PUBLIC_PATTERNS, BY_DOCUMENT, OTHER_HAND, FIVE_TRADES, BY_REVIEWER)


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be found in a scenario: codes of rules."""

    fires: tuple[str, ...] = ()
    """These rules must find something in it; no other may."""
    may: tuple[str, ...] = ()
    """These can be argued about: nobody is held to them."""
    either: tuple[str, ...] = ()
    """At least one of these must find something."""
    unseen: tuple[str, ...] = ()
    """What is wrong too, but nothing that fanin sees tells it: it counts as missed."""

    def missed(self, codes: Iterable[str]) -> set[str]:
        """What had to be found, and was not."""
        none_of_either = not set(self.either) & set(codes)
        return set(self.fires) - set(codes) | (set(self.either) if none_of_either else set())

    def wrong(self, codes: Iterable[str]) -> set[str]:
        """What was found, and is none."""
        return set(codes) - set(self.fires) - set(self.may) - set(self.either)


class Label(Expected, frozen=True, kw_only=True):
    """What a scenario is. ``judged``: what was thought of it when the rules disagreed."""

    why: str
    judged: str = ""


class FirstRun(Expected, frozen=True, kw_only=True):
    """What a scenario was labelled, and what was found in it, before any rule was changed for it."""

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


def groups(scenarios: Path) -> list[Path]:
    """The folders of a set of scenarios. Each has ``labels.toml``, files of scenarios, and their recording."""
    return sorted(file.parent for file in scenarios.glob("*/labels.toml"))


def labels(scenarios: Path) -> dict[str, Label]:
    """By the scenario's name, which is the route of its traces."""
    found: dict[str, Label] = {}
    for group in groups(scenarios):
        of_group = _read(group / "labels.toml", Label)
        assert found.keys().isdisjoint(of_group), f"{group}: a scenario has a name that another group uses"
        found |= of_group
    return found


def first_run(scenarios: Path) -> dict[str, FirstRun]:
    """Scenarios on their first day, of a set that was labelled before the rules ran on it."""
    return _read(scenarios / "first_run.toml", FirstRun)


def recording(group: Path) -> Path:
    return group / "recorded.jsonl.gz"


def _read(path: Path, kind: type[Kind]) -> dict[str, Kind]:
    with path.open("rb") as file:
        return msgspec.convert(tomllib.load(file), dict[str, kind])  # type: ignore[valid-type] # is known at run time


def modules(group: Path) -> Iterator[ModuleType]:
    """The Python modules of a group: scenarios that are played in Python, and cases."""
    package = ".".join(group.relative_to(HERE.parents[1]).parts)
    for file in sorted(group.glob("[!_]*.py")):
        yield import_module(f"{package}.{file.stem}")


def recorded_traces(scenarios: Path) -> dict[str, list[Trace]]:
    """The traces of each scenario, whose name is their route up to a ``#``."""
    found: defaultdict[str, list[Trace]] = defaultdict(list)
    for group in groups(scenarios):
        with gzip.open(recording(group)) as lines:
            for trace in read_traces(str(recording(group)), lines):
                found[trace.route.partition("#")[0]].append(trace)
    return dict(found)


def codes_found(traces: Sequence[Trace]) -> list[str]:
    """The codes of what is found in them, once for each finding."""
    return [finding.code for rule in TRAFFIC_RULES for finding in found(rule, traces)]


def scores(expected: Iterable[tuple[Expected, Iterable[str]]]) -> dict[str, Score]:
    """By rule."""
    table = {rule.code: Score() for rule in TRAFFIC_RULES}
    for label, all_codes in expected:
        codes = set(all_codes)
        for code in codes - label.wrong(codes) - set(label.may):
            table[code].right += 1
        for code in label.wrong(codes):
            table[code].wrong += 1
        for code in label.missed(codes) | (set(label.unseen) - codes):
            table[code].missed += 1
    return table


def total(table: Mapping[str, Score]) -> Score:
    """Over all rules."""
    scored = list(table.values())
    return Score(sum(one.right for one in scored), sum(one.wrong for one in scored), sum(one.missed for one in scored))


def as_text(table: Mapping[str, Score]) -> str:
    """A table for people."""
    lines = [f"{'rule':8} {'found':>6} {'wrong':>6} {'missed':>7} {'precision':>10} {'recall':>7}"]
    for code, score in table.items():
        found_, wrong, missed = score.right, score.wrong, score.missed
        lines.append(f"{code:8} {found_:6} {wrong:6} {missed:7} {score.precision:10.2f} {score.recall:7.2f}")
    return "\n".join(lines)
