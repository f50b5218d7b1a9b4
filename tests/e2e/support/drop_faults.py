"""Faults of dropping what is kept, which a race of reads with writers has to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.path.kept.drops import DropClock

if TYPE_CHECKING:
    from proxy.model import RelationSet

Patch = pytest.MonkeyPatch


def nothing_is_dropped(patch: Patch) -> None:
    patch.setattr(DropClock, "drop", lambda *_: None)


def nothing_is_dropped_when_a_write_is_answered(patch: Patch) -> None:
    """What was asked for while a write was in flight is used after it."""
    original = DropClock.record_ended

    def record_ended(self: DropClock, changed: RelationSet, now: float, is_known: bool) -> None:
        with Patch.context() as inner:
            nothing_is_dropped(inner)
            original(self, changed, now, is_known)

    patch.setattr(DropClock, "record_ended", record_ended)
