"""Which tests may be skipped where ``FRESH`` is set, as in continuous integration: a closed list.

Elsewhere any test may be skipped whose program is not there; the end of the run names them all.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

LIST = Path(__file__).with_name("skips.toml")


class Skip(NamedTuple):
    """A test that was skipped, by pytest's id, and the reason that it gave."""

    test: str
    reason: str


class Permitted(NamedTuple):
    """An entry of the list: tests by a pattern of their ids, the reason that they give, and why that is no loss.

    It does not hold where the variable ``unless`` is set.
    """

    test: str
    reason: str
    why: str
    unless: str = ""


def read(path: Path) -> list[Permitted]:
    """The list in a TOML file. Raises TypeError for an entry that lacks a field or has one that is not known."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["skip"]
    return [Permitted(**entry) for entry in entries]


def refused(skips: Sequence[Skip], permitted: Sequence[Permitted], environment: Mapping[str, str]) -> list[Skip]:
    """The skips that no entry of the list permits."""
    holding = [entry for entry in permitted if not environment.get(entry.unless)]
    return [skip for skip in skips if not any(_permits(entry, skip) for entry in holding)]


def of(reports: Sequence[pytest.TestReport | pytest.CollectReport]) -> list[Skip]:
    """The skips that pytest reports: its ``longrepr`` is a file, a line, and the reason."""
    told = [(report.nodeid, report.longrepr) for report in reports]
    return [Skip(test, str(why[2]).removeprefix("Skipped: ")) for test, why in told if isinstance(why, tuple)]


def lines(skips: Sequence[Skip], forbidden: Sequence[Skip]) -> list[str]:
    """What tells whoever ran the tests what was not run, by reason, and what fails the run for it."""
    reasons = Counter(skip.reason for skip in skips)
    told = [f"{count} skipped: {reason}" for reason, count in sorted(reasons.items())]
    if forbidden:
        told.append("FRESH is set, and tests/programs/skips.toml does not list these, so that the run fails:")
        told += [f"  {skip.test}" for skip in forbidden]
    return told


def _permits(entry: Permitted, skip: Skip) -> bool:
    return fnmatchcase(skip.test, entry.test) and entry.reason in skip.reason
