"""Chooses the fewest indexes: the set grows by the largest gain, and what then adds nothing is taken out again.

It asks nothing itself: ``choose`` yields sets of indexes, and is sent what each statement costs with them.
"""

from collections.abc import Generator, Mapping, Sequence
from math import inf

import msgspec
from msgspec import structs

from proxy.plans.proposed_index import ProposedIndex

Indexes = frozenset[ProposedIndex]
Costs = Sequence[float]
"""Cost of each statement, weighted with its calls and their time."""
NEAR = 0.02
"""Gains that differ by less than this share are equal: then the smaller index is better."""
LEAST = 0.10
"""Least share of its cost that one statement must gain from an index."""
LEAST_BESIDE_WIDER = 0.25
"""The same where an index exists that begins with the same keys, and for one that holds further columns."""


class Choice(msgspec.Struct, frozen=True):
    """A chosen index, and the best of those that were not."""

    index: ProposedIndex
    gain: float
    """What it saved when it was added, in the unit of the costs."""
    runner_up: ProposedIndex | None = None
    why_lost: str = ""


class Candidate(msgspec.Struct, frozen=True):
    """An index that may be chosen."""

    index: ProposedIndex
    size: float
    """Bytes, estimated."""
    least: float = LEAST


Choices = Generator[Indexes, Costs, tuple[Choice, ...]]


def choose(candidates: Sequence[Candidate], room: float = inf) -> Choices:
    """The choices for the indexes of one table, in the order in which they were found.

    ``room`` is how many bytes all of them may have so that one that holds further columns is still added.
    """
    chosen: list[Choice] = []
    sizes = {one.index: one.size for one in candidates}
    left = sorted(candidates, key=_order)
    costs = yield frozenset()
    while left:
        now = frozenset(one.index for one in chosen)
        free = room - sum(sizes[index] for index in now)
        left = [one for one in left if not one.index.include or one.size <= free]
        tried: dict[ProposedIndex, Costs] = {}
        for one in left:
            tried[one.index] = yield now | {one.index}
        gains = {one.index: sum(costs) - sum(tried[one.index]) for one in left}
        useful = [one for one in left if gains[one.index] > 0 and _helps(costs, tried[one.index], one.least)]
        if not useful:
            break
        choice = _best(useful, gains)
        chosen.append(choice)
        costs = tried[choice.index]
        left = [one for one in useful if one.index != choice.index]  # one that is of no use alone is of none beside
    indexes = {one.index for one in chosen}
    kept = [one for one in chosen if not one.index.where or structs.replace(one.index, where="") not in indexes]
    if len(kept) < len(chosen):  # one on all rows has the keys of the partial one, as where it had existed before
        costs = yield frozenset(one.index for one in kept)
    return (yield from _without_idle(kept, costs))


def _best(useful: Sequence[Candidate], gains: Mapping[ProposedIndex, float]) -> Choice:
    """The one that gains most for its size; the runner-up is the next one that shares a key with it."""
    most = max(gains[one.index] / max(one.size, 1) for one in useful)
    near = [one for one in useful if gains[one.index] / max(one.size, 1) >= most * (1 - NEAR)]
    best = min(near, key=_order)
    others = sorted((one for one in useful if one != best), key=lambda one: (-gains[one.index], _order(one)))
    same = [one for one in others if set(one.index.keys) & set(best.index.keys)]
    if not same:
        return Choice(best.index, gains[best.index])
    return Choice(best.index, gains[best.index], same[0].index, _why_lost(best, same[0], gains))


def _why_lost(best: Candidate, other: Candidate, gains: Mapping[ProposedIndex, float]) -> str:
    share = gains[other.index] / gains[best.index]
    if share < 1 - NEAR:
        return f"gains {share:.0%} as much".replace("%", " %")
    if share <= 1 + NEAR:
        return "gains no more and is larger"
    return f"gains {share:.0%} as much, less for its size".replace("%", " %")


def _without_idle(chosen: list[Choice], costs: Costs) -> Choices:
    """Without the ones that others have made superfluous, the first ones first."""
    kept = list(chosen)
    for one in chosen:
        rest = [other for other in kept if other is not one]
        if rest == kept or not rest:
            continue
        without = yield frozenset(other.index for other in rest)
        if not _helps(without, costs, NEAR):
            kept, costs = rest, without
    return tuple(kept)


def _helps(before: Costs, after: Costs, least: float) -> bool:
    """Whether one statement gains at least that share."""
    return any(new < old * (1 - least) for old, new in zip(before, after, strict=True))


def _order(one: Candidate) -> tuple[int, float, ProposedIndex]:
    """Fewer keys and columns first, then the smaller one."""
    return len(one.index.keys) + len(one.index.include), one.size, one.index
