"""Finds request headers that differ in every call, so that similar reads share no call for no other reason.

It looks at a bounded sample of the reads that were sent alone, and keeps hashes instead of values.

Source: docs/explanation/architecture.md#identity-and-headers.
"""

from collections import OrderedDict, deque
from typing import Protocol

import msgspec

from proxy.model import RequestHead
from proxy.postgrest.request.tracing import names_caller

SAMPLES_PER_SECOND, MAX_SAVED = 100, 500
"""The most reads per second whose headers are looked at, and the most in a burst, for which quiet seconds save. Each
takes about 10 µs.
"""
MAX_QUERIES = 256
"""The most queries whose last reads are kept."""
READS_PER_QUERY = 8
"""The most reads that are kept per query."""
MAX_DIFFERENCES = 32
"""The most sets of header names that are counted. Clients can invent any number of names."""
MAX_REPORTED = 16
"""The most sets that are reported by name."""
MAX_LINES = 100
"""A read with more header lines is not kept."""
MAX_NAMES = 3
"""A set with more names is not counted: too much differs."""
MAX_NAME_BYTES = 80
MIN_PAIRS = 20
"""Number of reads that are needed to report a set."""
DISTINCT_SHARE = 0.8
"""Share of them with values of their own that is needed: a header of a few tenants or devices has fewer."""
MAX_VALUES = 200
"""The most hashes of values that are kept per set."""
RECENT = 1.0
"""Seconds after the last such read in which other reads of the query are taken to be alone for the same reason."""

MEANINGFUL = frozenset(
    (
        *(b"authorization", b"proxy-authorization", b"apikey", b"x-api-key", b"cookie", b"host"),
        *(b"accept", b"accept-profile", b"content-profile", b"content-type", b"prefer", b"range", b"range-unit"),
        *(b"origin", b"forwarded", b"x-real-ip", b"cf-connecting-ip", b"true-client-ip", b"client-ip"),
    )
)
"""Headers on which access or PostgREST's answer depends. Nobody is told to ignore them, nor those that seem to name the
caller: SQL may read them in a policy.
"""
MEANINGFUL_PREFIXES = (b"x-forwarded-",)


def is_meaningful(name: bytes) -> bool:
    """Whether access or PostgREST's answer depends on the header ``name`` (lower case), or may depend on it."""
    return name in MEANINGFUL or name.startswith(MEANINGFUL_PREFIXES) or names_caller(name)


class Scheduler(Protocol):
    """What is known of the requests with one query and one identity."""

    @property
    def in_flight(self) -> int: ...


class _Read(msgspec.Struct, frozen=True, eq=False):
    scheduler: Scheduler
    values: dict[bytes, int]
    """Hash of each header's lines, by name."""


class _Difference:
    """How often a set of headers was all in which reads differed, and with how many different values."""

    def __init__(self) -> None:
        self.reads = 0
        self.values: set[int] = set()

    @property
    def is_per_call(self) -> bool:
        seen = min(self.reads, MAX_VALUES)
        return self.reads >= MIN_PAIRS and len(self.values) >= DISTINCT_SHARE * seen


class DifferingHeaders:
    """The sample. It does no I/O, and the time in seconds is an argument."""

    def __init__(self) -> None:
        self._recent: OrderedDict[str | int, deque[_Read]] = OrderedDict()
        self._differences: dict[tuple[bytes, ...], _Difference] = {}
        self._reported: dict[tuple[bytes, ...], int] = {}
        self._known: dict[str | int, tuple[str, float]] = {}
        """By query: the reported names, and when a read was last alone because of them."""
        self._budget, self._since = float(MAX_SAVED), 0.0
        """Reads that may still be looked at, and when it last grew."""

    @property
    def reported(self) -> list[str]:
        """The names of each reported set, joined by commas."""
        return [_joined(names) for names in self._reported]

    def observe(self, query_key: str | int, head: RequestHead, scheduler: Scheduler, now: float) -> tuple[str, int]:
        """A read is sent alone. The headers (names joined by commas) that are the only reason why it shares no call
        with others in flight, and the number of reads to report for them; an empty text if there are none.
        """
        known, last = self._known.get(query_key, ("", 0.0))
        if not self._may_sample(now):
            return (known, 1) if known and now - last <= RECENT else ("", 0)
        if head.identity.count(b"\n") > MAX_LINES:
            return "", 0
        read = _Read(scheduler, _hashes(head.identity))
        recent = self._recent_reads(query_key)
        names = next((names for other in recent if (names := _only_difference(read, other))), ())
        recent.append(read)
        return self._count(query_key, names, read, now) if names else ("", 0)

    def _may_sample(self, now: float) -> bool:
        self._budget = min(MAX_SAVED, self._budget + SAMPLES_PER_SECOND * (now - self._since))
        self._since = now
        if self._budget < 1:
            return False
        self._budget -= 1
        return True

    def _recent_reads(self, query_key: str | int) -> deque[_Read]:
        recent = self._recent.get(query_key)
        if recent is None:
            recent = self._recent[query_key] = deque(maxlen=READS_PER_QUERY)
            if len(self._recent) > MAX_QUERIES:
                dropped, _ = self._recent.popitem(last=False)
                self._known.pop(dropped, None)
        else:
            self._recent.move_to_end(query_key)
        return recent

    def _count(self, query_key: str | int, names: tuple[bytes, ...], read: _Read, now: float) -> tuple[str, int]:
        difference = self._differences.get(names)
        if difference is None:
            if len(self._differences) >= MAX_DIFFERENCES:
                oldest = next((other for other in self._differences if other not in self._reported), names)
                self._differences.pop(oldest, None)
            difference = self._differences[names] = _Difference()
        difference.reads += 1
        if len(difference.values) < MAX_VALUES:
            difference.values.add(hash(tuple(read.values.get(name, 0) for name in names)))
        if names not in self._reported:
            if not difference.is_per_call or len(self._reported) >= MAX_REPORTED:
                return "", 0
            self._reported[names] = 0
        unreported, self._reported[names] = difference.reads - self._reported[names], difference.reads
        text = _joined(names)
        self._known[query_key] = text, now
        return text, unreported


def _joined(names: tuple[bytes, ...]) -> str:
    return ",".join(name[:MAX_NAME_BYTES].decode("ascii", "replace") for name in names)


def _hashes(lines: bytes) -> dict[bytes, int]:
    values: dict[bytes, int] = {}
    for line in lines.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        lower = name.lower()
        values[lower] = hash((values.get(lower), value.strip(b" \t")))
    return values


def _only_difference(read: _Read, other: _Read) -> tuple[bytes, ...]:
    """The few headers in which a read in flight differs; empty if there is none, or if access depends on one."""
    if not other.scheduler.in_flight or other.scheduler is read.scheduler:
        return ()
    names = {name for name, _ in read.values.items() ^ other.values.items()}
    if len(names) > MAX_NAMES or any(map(is_meaningful, names)):
        return ()
    return tuple(sorted(names))
