"""What a check of a set-up says: its state, what to do, and the setting that is worth changing."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from proxy.text.terminal import safe

CheckState = Literal["ok", "warning", "broken", "unknown"]
MOST_CHANGES = 3
"""Settings at the end of the report."""
WIDTH = 14
"""Characters of the name of a check."""


class SetupCheck(msgspec.Struct, frozen=True):
    """The result of one check."""

    name: str
    state: CheckState
    """``broken``: requests fail or get wrong names. ``unknown``: it could not be checked."""
    text: str
    remedy: str = ""


class SettingChange(msgspec.Struct, frozen=True):
    """A setting that is worth changing."""

    line: str
    """A line of TOML: ``merge.max_rows = 1000``."""
    why: str
    weight: int
    """Rank: 100 for what is broken, down to 0 for comfort."""


class Diagnosis(msgspec.Struct, frozen=True):
    """Checks in the order in which they are printed, and changes in any order."""

    checks: tuple[SetupCheck, ...] = ()
    changes: tuple[SettingChange, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether any check is broken."""
        return any(check.state == "broken" for check in self.checks)


def combined(parts: Iterable[Diagnosis]) -> Diagnosis:
    """All checks and changes of ``parts``."""
    listed = list(parts)
    checks = tuple(check for part in listed for check in part.checks)
    return Diagnosis(checks, tuple(change for part in listed for change in part.changes))


def diagnosis_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The report. Text from upstream is escaped."""
    for check in diagnosis.checks:
        yield f"{check.state:<8} {check.name:<{WIDTH}} {safe(check.text)}"
        if check.remedy:
            yield f"{'':<{WIDTH + 9}} → {safe(check.remedy)}"
    changes = sorted(diagnosis.changes, key=lambda change: -change.weight)[:MOST_CHANGES]
    yield ""
    if not changes:
        yield "No setting is worth changing."
        return
    yield "The settings most worth changing (in fanin.toml, or as --set NAME=VALUE):"
    for number, change in enumerate(changes, 1):
        yield f"  {number}. {safe(change.line)}"
        yield f"     {safe(change.why)}"
