"""What rules ask of spans: which belong together, who made them, what they add up to."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter
from typing import TypeVar

from proxy.analysis.fingerprint import is_bounded
from proxy.model import Span

READS = ("GET", "HEAD")
"""Methods that ask for rows, or how many there are."""

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """``items`` by what ``key`` says of them; groups, and what is in them, are in the order of the items."""
    groups: defaultdict[Key, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def by_fingerprint(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """Spans of one kind of query each."""
    return grouped(spans, attrgetter("fingerprint"))


def is_query(span: Span) -> bool:
    """Whether it is of a relation, and no retry of a client."""
    return bool(span.relation) and not span.retry


def is_read(span: Span) -> bool:
    """Whether it is such a query for rows."""
    return span.method == "GET" and bool(span.relation) and not span.retry  # not is_query, to spare a call a span


def asks_for_all(span: Span) -> bool:
    """Whether it is such a read without limit, offset and Range."""
    return is_read(span) and span.bypass_reason != "range" and not is_bounded(span.fingerprint)


def may_write(span: Span) -> bool:
    """Whether anything may be changed by it; a GET of a function changes nothing either."""
    return span.method not in ("GET", "HEAD", "OPTIONS")


def succeeded(span: Span) -> bool:
    """Whether it was answered with a 2xx."""
    return 200 <= span.status < 300


def caller_of(spans: Iterable[Span]) -> str:
    """The code that made them, by the first of them that tells it; else empty."""
    return next((span.caller for span in spans if span.caller), "")


def kind_of(spans: Sequence[Span], column: str) -> str:
    """What the literals of a key look like; empty where it is none."""
    return dict(spans[0].key_types).get(column, "")


def calls_of(spans: Iterable[Span]) -> int:
    """How many upstream calls answered them: some may have shared one."""
    return len({span.call for span in spans if span.call})


def seconds_of(spans: Iterable[Span]) -> float:
    """Their times, added."""
    return sum(span.end - span.start for span in spans)


def seconds_spared(spans: Sequence[Span]) -> float:
    """What one call instead of all of them would take less, if it took as long as they did on average."""
    return seconds_of(spans) * (len(spans) - 1) / len(spans)


def seconds_between(spans: Sequence[Span]) -> float:
    """From the first one's start to the last one's end."""
    return max(span.end for span in spans) - min(span.start for span in spans)


def rows_of(spans: Iterable[Span]) -> int:
    """The rows of their answers, as far as they are known."""
    return sum(max(span.rows, 0) for span in spans)


def size_of(spans: Iterable[Span]) -> int:
    """Bytes of their answers' bodies."""
    return sum(span.size for span in spans)
