"""Generates bursts of look-alikes from templates, heads and callers, because that is where merging could go wrong.

What was used least comes next, so that everything occurs in a run, whatever its seed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from tests.e2e.support.decision_table import Row
from tests.e2e.support.request_templates import CALLERS, HEADS, MERGING, OTHERS, OWNERS, Caller, Head, Template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.e2e.support.literals import Random

LARGEST_BURST = 60
"""Requests in a burst at most."""
SIZES = {True: (5, 12, 20, 40, LARGEST_BURST), False: (2, 5, 9, 14)}
"""Of bursts that mostly merge, and of others."""
COPY_SHARES = (0.0, 0.05, 0.1, 0.3)
"""How much of a burst is a copy of one of its requests."""
MERGING_SHARE = 0.7
"""How much of all requests is made of templates that merge."""


HEAD_LIMIT = 51_202
"""Bytes of a head that PostgREST takes."""

Item = TypeVar("Item")


class BurstRequest(NamedTuple):
    """One request, and what it is an example of."""

    request: bytes
    target: str = ""
    """Its template's."""
    rows: frozenset[Row] = frozenset()
    kind: str = ""
    accept: str = ""

    @property
    def method(self) -> bytes:
        return self.request.partition(b" ")[0]

    @property
    def closes(self) -> bool:
        """Whether PostgREST closes the connection behind the answer."""
        return self.method == b"HEAD" or b" HTTP/1.0\r\n" in self.request or len(self.request) > HEAD_LIMIT


class Burst(NamedTuple):
    """Requests of one moment: `first`, and `rest` some turns of the loop later, while the others are in flight."""

    first: tuple[BurstRequest, ...]
    rest: tuple[BurstRequest, ...] = ()
    turns: int = 0

    @property
    def requests(self) -> tuple[BurstRequest, ...]:
        return self.first + self.rest


class LeastUsedFirst(Generic[Item]):
    """Items in the order of how little each was used so far, measured by its share."""

    def __init__(self, shares: Mapping[Item, float], chance: Random) -> None:
        self._shares = shares
        self._uses = dict.fromkeys(shares, 0.0)
        self._chance = chance

    def least_used(self, count: int = 1) -> list[Item]:
        """The ``count`` items that were used least."""
        return sorted(self._uses, key=lambda item: (self._uses[item], self._chance.random()))[:count]

    def count(self, item: Item, requests: int = 1) -> None:
        """So many requests were made with an item."""
        self._uses[item] += requests / self._shares[item]


class BurstGenerator:
    """Makes one burst after another."""

    def __init__(
        self,
        chance: Random,
        merging: Sequence[Template] = MERGING,
        others: Sequence[Template] = OTHERS,
        share: float = MERGING_SHARE,
        heads: Sequence[Head] = HEADS,
    ) -> None:
        pools = {True: merging, False: others}
        shares = {True: share, False: 1 - share}
        self.chance = chance
        self._writes = [template for template in (*merging, *others) if template.rows == (Row.PATCH,)]
        self._sides = LeastUsedFirst({side: shares[side] for side, pool in pools.items() if pool}, chance)
        self._sizes = {side: LeastUsedFirst(dict.fromkeys(sizes, 1.0), chance) for side, sizes in SIZES.items()}
        self._templates = {
            side: LeastUsedFirst({one: one.share for one in pool}, chance) for side, pool in pools.items()
        }
        self._heads = LeastUsedFirst({head: head.share for head in heads}, chance)
        self._callers = LeastUsedFirst(CALLERS, chance)
        self._owners = LeastUsedFirst(dict.fromkeys(OWNERS, 1.0), chance)
        self._again = LeastUsedFirst(dict.fromkeys(COPY_SHARES, 1.0), chance)

    def burst(self) -> Burst:
        """A burst of one to three templates by one or two callers, with one or two heads, and with copies."""
        (side,) = self._sides.least_used()
        (size,) = self._sizes[side].least_used()
        self._sizes[side].count(size)
        self._sides.count(side, size)
        made = self._requests(self._templates[side], size)
        return burst_in_waves(made, self.chance.choice((0, 0, self.chance.randrange(size))), self.chance.randrange(30))

    def beside_a_write(self, burst: Burst) -> Burst | None:
        """The same again after a write that is not answered yet, for lists in no certain order: it takes away what the
        first time has shown of their order. None for other bursts, and without a template that writes.
        """
        if not self._writes or not any(Row.UNORDERED in one.rows for one in burst.requests):
            return None
        write = self.chance.choice(self._writes)
        return burst_in_waves([request_of(write, write.head or Head(), (), self.chance), *burst.requests], 1)

    def _requests(self, templates_by_use: LeastUsedFirst[Template], size: int) -> list[BurstRequest]:
        chance = self.chance
        templates = templates_by_use.least_used(chance.choice((1, 1, 2, 3)) if size > 10 else 1)
        heads = self._heads.least_used(chance.choice((1, 1, 2)))
        callers = self._callers.least_used(chance.choice((1, 1, 1, 2)))
        owners = self._owners.least_used(3)
        (again,) = self._again.least_used()
        self._again.count(again)
        made: list[tuple[Template, Head, Caller, BurstRequest]] = []
        for at in range(size):
            template = templates[at % len(templates)]
            head = template.head or chance.choice(heads)
            caller = () if template.head else chance.choice(owners if template.owned else callers)
            copied = bool(made) and chance.random() < again
            made.append(
                chance.choice(made) if copied else (template, head, caller, request_of(template, head, caller, chance))
            )
        for template, head, caller, _ in made:
            templates_by_use.count(template)
            if template.head is None:
                self._heads.count(head)
                (self._owners if template.owned else self._callers).count(caller)
        chance.shuffle(made)
        return [one for *_, one in made]


def bursts(generator: BurstGenerator, requests: int) -> Iterator[Burst]:
    """Bursts of ``requests`` requests in all, and a few more."""
    while requests > 0:
        made = generator.burst()
        again = generator.beside_a_write(made)
        for one in (made, again) if again else (made,):
            requests -= len(one.requests)
            yield one


def request_of(template: Template, head: Head, caller: Caller, chance: Random) -> BurstRequest:
    """One request of a template."""
    literal = template.literals(chance)
    body = head.body.replace("{}", literal).encode()
    length = (f"Content-Length: {len(body)}",) if body else ()
    first = f"{head.method} {template.target.replace('{}', literal)} HTTP/{head.version}"
    host = () if any(line.startswith("Host: ") for line in head.lines) else ("Host: h",)
    request = "\r\n".join((first, *host, *caller, *head.lines, *length, "", "")).encode() + body
    return BurstRequest(request, template.target, frozenset(template.rows + head.rows), template.kind, head.accept)


def burst_in_waves(made: Sequence[BurstRequest], cut: int = 0, turns: int = 0) -> Burst:
    """A burst of which ``cut`` requests come first; each is told what it is to the others."""
    heads: dict[str, set[bytes]] = {}
    for one in made:
        heads.setdefault(one.target, set()).add(_head(one.request))

    def wave(part: Sequence[BurstRequest], sent: frozenset[bytes]) -> Iterator[BurstRequest]:
        times = Counter(one.request for one in part)
        for one in part:
            seen = {
                Row.IDENTICAL: times[one.request] > 1,
                Row.IN_FLIGHT: one.request in sent,
                Row.DIFFERING: len(heads[one.target]) > 1,
            }
            yield one._replace(rows=one.rows | {row for row, holds in seen.items() if holds})

    first, rest = made[:cut], made[cut:]
    return Burst(tuple(wave(first, frozenset())), tuple(wave(rest, frozenset(one.request for one in first))), turns)


def _head(request: bytes) -> bytes:
    """What a request says beside its target."""
    return request.partition(b"\r\n")[2]
