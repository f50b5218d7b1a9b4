"""Work in steps: a generator that yields after each small piece, so that the event loop can serve requests in between.

The size of a piece depends on no input but the largest number of spans of a trace (``trace.max_spans``).
"""

from collections.abc import Generator, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work with a result, which it returns at the end."""
SLICE = 200
"""Spans that are examined in one step, where each takes more than a microsecond."""


def slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """``items`` in runs of at most ``SLICE``."""
    for at in range(0, len(items), SLICE):
        yield items[at : at + SLICE]


def result_of(steps: Steps[T]) -> T:
    """Run all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
