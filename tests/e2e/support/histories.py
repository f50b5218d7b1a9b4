"""What clients saw of registers, and whether that is what prefetching promises: one function a promise.

Each key has one writer, which counts its version up: so the writes of a key are in order, and a version says which of
them a read has seen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Read:
    """A read of one key by a client; times are those of the client, before it asked and after it was answered."""

    key: int
    version: int
    began: float
    ended: float
    client: str
    reader: str
    """Who the answer says has read it."""
    answered_key: int
    from_memo: bool


@dataclass(frozen=True)
class Write:
    """A write of one key that was acknowledged at ``ended``."""

    key: int
    version: int
    began: float
    ended: float
    through: bool
    """Whether it went through fanin; else straight to the database."""


@dataclass(frozen=True)
class Notified:
    """fanin had dropped at ``at`` because Postgres had notified it of this version."""

    key: int
    version: int
    at: float


@dataclass
class History:
    """All operations of one run."""

    max_age: float
    reads: list[Read] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    notified: list[Notified] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    """When no notification could be received any more, and when they could be again."""
    back: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.reads) + len(self.writes)


class _Versions:
    """The writes of each key by the times when they began and ended."""

    def __init__(self, writes: list[Write]) -> None:
        self._by_key: defaultdict[int, list[Write]] = defaultdict(list)
        for write in sorted(writes, key=lambda write: write.version):
            self._by_key[write.key].append(write)

    def acknowledged(self, key: int, at: float) -> int:
        """The last version whose write was acknowledged before that time."""
        writes = self._by_key[key]
        place = bisect_left([write.ended for write in writes], at)
        return writes[place - 1].version if place else 0

    def begun(self, key: int, at: float) -> int:
        """The last version whose write began before that time."""
        writes = self._by_key[key]
        place = bisect_right([write.began for write in writes], at)
        return writes[place - 1].version if place else 0


def older_than_a_write_through_fanin(history: History) -> Iterator[str]:
    """A read is not older than the last write that anybody made through fanin and that was acknowledged before it."""
    versions = _Versions([write for write in history.writes if write.through])
    for read in history.reads:
        least = versions.acknowledged(read.key, read.began)
        if read.version < least:
            yield f"{read} began after version {least} was acknowledged"


def older_than_max_age(history: History) -> Iterator[str]:
    """A read is not older than ``max_age``: whoever wrote."""
    versions = _Versions(history.writes)
    for read in history.reads:
        least = versions.acknowledged(read.key, read.began - history.max_age)
        if read.version < least:
            yield f"{read} began more than {history.max_age} s after version {least} was acknowledged"


def read_before_it_was_written(history: History) -> Iterator[str]:
    """A read has no version whose write began after it was answered."""
    versions = _Versions(history.writes)
    for read in history.reads:
        if read.version > versions.begun(read.key, read.ended):
            yield f"{read} has a version that nobody had begun to write"


def answer_of_another_key(history: History) -> Iterator[str]:
    """A read has the row of its own key."""
    return (f"{read} has another row" for read in history.reads if read.key != read.answered_key)


def answer_of_another_identity(history: History) -> Iterator[str]:
    """A read has the answer that its own identity gets."""
    return (f"{read} was made for another" for read in history.reads if read.client != read.reader)


def older_than_a_notification(history: History) -> Iterator[str]:
    """A read is not older than a write that fanin had been notified of before the read was made."""
    by_key: defaultdict[int, list[Notified]] = defaultdict(list)
    for each in history.notified:
        by_key[each.key].append(each)
    for read in history.reads:
        told = by_key[read.key]  # in the order of time, which is that of the versions
        place = bisect_left([each.at for each in told], read.began)
        if place and read.version < told[place - 1].version:
            yield f"{read} began after fanin was notified of {told[place - 1]}"


def kept_while_nothing_is_notified(history: History) -> Iterator[str]:
    """No read that is made while notifications are lost is answered from what was read before."""
    for read in history.reads:
        place = bisect_left(history.lost, read.began)
        is_back = place == 0 or (len(history.back) >= place and history.back[place - 1] <= read.ended)
        if read.from_memo and not is_back:
            yield f"{read} was answered from before, while notifications were lost"


def older_than_the_return_of_notifications(history: History) -> Iterator[str]:
    """A read that is made after notifications came back is not older than that moment."""
    versions = _Versions(history.writes)
    for read in history.reads:
        place = bisect_left(history.back, read.began)
        if place and read.version < versions.acknowledged(read.key, history.back[place - 1]):
            yield f"{read} is older than {history.back[place - 1]}, when notifications were back"


PROMISES: tuple[Callable[[History], Iterator[str]], ...] = (
    older_than_a_write_through_fanin,
    older_than_max_age,
    read_before_it_was_written,
    answer_of_another_key,
    answer_of_another_identity,
    older_than_a_notification,
    kept_while_nothing_is_notified,
    older_than_the_return_of_notifications,
)


def broken_promises(history: History) -> dict[str, list[str]]:
    """By the name of a promise, what breaks it."""
    found = {promise.__name__: list(promise(history)) for promise in PROMISES}
    return {name: broken for name, broken in found.items() if broken}
