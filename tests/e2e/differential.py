"""Random bursts, each request also sent alone to PostgREST: whatever differs is a fault of fanin.

The requests are look-alikes on purpose: of one template a burst takes many with other keys, other identities and
other spellings, because that is where merging could go wrong.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from hashlib import md5
from typing import TYPE_CHECKING
from uuid import UUID

from proxy.demo.stack import service_token
from proxy.model import Outcome
from proxy.observe.events import Answered, Called, Event, Replayed
from tests.conftest import SECRET
from tests.e2e.bursts import burst, get, sockets
from tests.e2e.compare import differences
from tests.e2e.harness import fanin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.e2e.raw import RawAnswer, RawClient

LARGEST = 60
Choice = random.Random


def uuid_of(what: str) -> str:
    """The uuid that the tables' SQL makes of ``what``."""
    return str(UUID(md5(what.encode(), usedforsecurity=False).hexdigest()))


def integers(chance: Choice) -> str:
    """Mostly there, sometimes missing, sometimes strange."""
    if chance.random() < 0.06:
        return chance.choice(AWKWARD)
    return str(chance.choice((chance.randrange(1, 40), chance.randrange(1, 1200), chance.randrange(-5, 15))))


def uuids(chance: Choice) -> str:
    value = uuid_of(f"doc:{chance.randrange(1, 660)}")
    return chance.choice((value.upper(), value.replace("-", ""), "7", "")) if chance.random() < 0.04 else value


def owners(chance: Choice) -> str:
    return uuid_of(f"owner:{chance.randrange(1, 30)}")


def _one_of(literals: Sequence[str]) -> Callable[[Choice], str]:
    return lambda chance: chance.choice(literals).replace(" ", "%20")


AWKWARD: tuple[str, ...] = (
    "01",
    "+1",
    "-1",
    "-0",
    "%31",
    "1%20",
    "1.0",
    "99999999999",
    "a",
    "",
    "null",
    "%22%22",
    "1,2",
    "%E2%82%AC",
)
AWKWARD += (uuid_of("doc:1"), uuid_of("doc:1").upper())
TEMPLATES: tuple[tuple[int, str, Callable[[Choice], str]], ...] = (
    (6, "/num?id=eq.{}", integers),
    (3, "/num?select=id,title,j&id=eq.{}", integers),
    (2, "/num?id=eq.{}&select=title,kid(id,note)&kid.order=id.desc", integers),
    (2, "/kid?select=note,num(title)&id=eq.{}", integers),
    (1, "/num?select=id,kid(note)&kid.note=like.*1*&id=eq.{}&title=like.film*", integers),
    (1, "/num?select=id,b-%3En,j-%3E0&id=eq.{}", integers),
    (1, "/num?%73elect=id&i%64=eq.{}", integers),
    (1, "/num?&&id=eq.{}&", integers),
    (1, "/num?id=eq.{}&id=gt.3", integers),
    (1, "/num?id=eq.{}&select=id;order=id", integers),
    (2, "/num?id=eq.{}&limit=1", integers),
    (1, "/num?limit=3&id=eq.{}&select=id&order=title", integers),
    (1, "/doc?id=eq.{}&limit=100", uuids),
    (1, "/many?k=eq.{}&select=id,note&limit=2", integers),
    (1, "/many?k=eq.{}&select=id&limit=1&order=id.desc", integers),
    (1, "/num?id=eq.{}&limit=2&limit=1", integers),
    (1, "/num?id=eq.{}&limit=0", integers),
    (1, "/num?id=eq.{}&offset=0", integers),
    (1, "/num?id=eq.{}&or=(title.like.*7*,j.is.null)&order=title.desc.nullslast", integers),
    (1, "/num?id=eq.{}&select=count()", integers),
    (1, "/num?id=eq.{}&select=nope", integers),
    (1, "/num?owner=eq.{}&select=id,owner", owners),
    (4, "/doc?id=eq.{}", uuids),
    (2, "/doc?select=n,price,at&id=eq.{}&n=gt.50", uuids),
    (1, "/we%3Fird?id=eq.{}", integers),
    (2, "/many?k=eq.{}&select=id,note", integers),
    (1, "/many?k=eq.{}&select=id,note&order=note", integers),
    (1, "/many?k=eq.{}&id=lt.330", integers),
    (2, "/msg?room=eq.{}&select=id,body", integers),
    (1, "/msg?room=eq.{}&id=lt.330", integers),
    (1, "/small?k=eq.{}", integers),
    (2, "/words?k=eq.{}", integers),
    (1, "/dec?k=eq.{}", integers),
    (1, "/flo?k=eq.{}", integers),
    (1, "/cit?k=eq.{}", integers),
    (2, "/chr?k=eq.{}", integers),
    (2, "/sign?k=eq.{}", integers),
    (1, "/flag?k=eq.{}", integers),
    (1, "/cit?k=eq.{}", uuids),
    (1, "/words?k=eq.{}", uuids),
    (3, "/mine?id=eq.{}", integers),
    (1, "/nowhere?id=eq.{}", integers),
    (1, "/num?id=not.eq.{}&limit=2&order=id", integers),
)
TEXTS = (
    *("a", "A", "b", "ab", "a%20b", "a+b", "%20a", "a%20", "a,b", "a%2Cb", "(x)", "%28x%29", "%22q%22", "", "null"),
    *("%C3%A9", "é", "%C3%89", "01", "1", "-1", "a)", "%5C", "x%0Ay", "nobody", "%2C", "a%00", "%FF", "a;b", "a%3Bb"),
)
INTEGERS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "-1", "01", "+1", "%201", "1.0", "99999", "x", "")
MOODS = ("sad", "glad", "so%20so", "so+so", "Sad", "1", "SAD", "mad", "")
NUMBERS = ("1", "1.0", "1.00", "2", "-1", "12", "0.5", "1e0", "0.1", "-0", "2.50", "NaN", "2.5")
TIMES = ("10:00", "10:00:00", "10:00:00.5", "24:00:00", "1 day", "24:00", "1 mon", "30 days", "10:00+00", "12:00+02")
DAYS = (
    *("2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02", "2024-02-30", "20240227", "Feb 27 2024"),
    *("2024-02-27T00:00:00", "2024-02-27 01:00:00", "2024-02-27 02:00:00+00", "2024-02-27T03:00:00%2B00:00"),
)
KINDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("si", "bi", "oi", "di"), INTEGERS),
    "u": (*(uuid_of(f"doc:{n}") for n in range(9)), uuid_of("doc:1").upper(), uuid_of("doc:2").replace("-", ""), "7"),
    **dict.fromkeys(("t", "vc", "nm", "ch", "ci", "dt", "dc", "jb->>t", "jb-%3Eo-%3E%3Ek"), TEXTS),
    **dict.fromkeys(("en", "df"), MOODS),
    "bo": ("true", "false", "t", "f", "TRUE", "1", "yes", "maybe"),
    **dict.fromkeys(("da", "ts", "tt"), DAYS),
    **dict.fromkeys(("nu", "n2", "re", "dp", "mo", "jb->>n", "jb->n"), NUMBERS),
    **dict.fromkeys(("iv", "ti", "tz"), TIMES),
    "ba": ("a", "1", "\\x61", "\\x31", "\\x", ""),
    "ip": ("10.0.0.1", "10.0.0.1/32", "10.0.0.0/8", "::1", "0::1"),
    "ma": ("08:00:2b:01:02:01", "08-00-2b-01-02-01", "08002b010202"),
    "qc": ("1", "2", "12", "-", "-1", "a", "ab", ""),
    "ar": ("{1}", "{2}", "{}", "1"),
    "js": ("{}", "1"),
    "rg": ("[1,9)", "[2,9)", "empty", "1"),
    "bt": ("000", "001", "010", "1"),
    "tv": ("a", "1"),
}
"""Literals for the columns of ``kinds``: every type, its canonical spellings, other ones, and wrong ones."""


def rooms(chance: Choice) -> str:
    return f"room%20{chance.randrange(1, 14)}"


def lists(chance: Choice) -> str:
    elements = ",".join(str(chance.randrange(0, 34)) for _ in range(chance.randrange(1, 5)))
    return chance.choice(
        (f"({elements})", f"({elements})", f"({elements})x", "()", f"%28{elements}%29", f"({elements},)")
    )


ORDERS = (
    *("id", "at", "at.desc", "at.desc.nullslast,id", "seen.desc", "seen.nullsfirst,at", "name", "name.desc,at", "mood"),
    *("mood,at.desc", "price", "price,id", "room", "at,at", "nope"),
)
"""Orders of ``event``: some total, some that leave ties, some by types that show nothing."""
_KINDS = tuple((2, f"/kinds?select=id,{name}&{name}=eq.{{}}", _one_of(texts)) for name, texts in KINDS.items())
_EVENTS = tuple((2, f"/event?select=k,name&k=eq.{{}}&order={order}", integers) for order in ORDERS)
_ROOMS = tuple((1, f"/event?room=eq.{{}}&order={order}&select=id,at", rooms) for order in ORDERS)
_LISTS = tuple((2, f"/event?select=k,at&k=in.{{}}&order={order}", lists) for order in ORDERS)
_LIMITED = tuple((1, f"/event?k=eq.{{}}&order={order}&limit={n}", integers) for order in ORDERS[:8] for n in (1, 3))
TEMPLATES += (*_KINDS, *_EVENTS, *_ROOMS, *_LISTS, *_LIMITED, (2, "/event?select=k&k=in.{}", lists))

SMALL = {"/chr?k=eq.{}", "/sign?k=eq.{}", "/dec?k=eq.{}", "/flo?k=eq.{}", "/flag?k=eq.{}"}
"""Tables with few rows: their keys are chosen among few literals, so that they meet."""


def _few(chance: Choice) -> str:
    return chance.choice(("1", "12", "-1", "2", "3", "-3", "0", "17", "true", "t"))


def _token(owner: str) -> str:
    return "Authorization: Bearer " + service_token(SECRET, {"role": "anon", "sub": owner})


CALLERS: tuple[tuple[str, ...], ...] = (
    (),
    ("X-Owner: ann",),
    ("X-Owner: bob",),
    ("Cookie: owner=ann",),
    ("Cookie: owner=bob",),
    (_token("ann"),),
    (_token("bob"),),
    ("Authorization: Bearer broken",),
)
HEADS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (30, ()),
    (4, ("Accept: application/json",)),
    (2, ("Accept: application/vnd.pgrst.array+json",)),
    (6, ("Accept: application/vnd.pgrst.object+json",)),
    (2, ("Accept: application/vnd.pgrst.object+json;nulls=stripped",)),
    (2, ("Accept: application/vnd.pgrst.array+json;nulls=stripped",)),
    (1, ("Accept: application/vnd.pgrst.object+json", "Prefer: count=exact")),
    (1, ("Accept: text/csv",)),
    (4, ("Prefer: count=exact",)),
    (1, ("Prefer: tx=rollback, count=exact",)),
    (1, ("Prefer: count=planned",)),
    (2, ("Prefer: handling=lenient, tx=rollback",)),
    (1, ("Prefer: timezone=UTC", "Prefer: return=minimal")),
    (2, ("Accept-Profile: odd",)),
    (2, ("Origin: http://a.example",)),
    (1, ("Range: 0-0",)),
    (1, ("X-Retry-Count: 1", "If-None-Match: x")),
)


def bursts(seed: int, requests: int, only: Sequence[str] | None = None) -> Iterator[list[bytes]]:
    """Bursts of 2 to 60 requests, ``requests`` in all; ``only`` names the templates to take."""
    chance = random.Random(seed)
    left = requests
    while left > 0:
        made = _burst(chance, min(LARGEST, chance.choice((2, 5, 20, 40, LARGEST))), only)
        left -= len(made)
        yield made


def _burst(chance: Choice, size: int, only: Sequence[str] | None) -> list[bytes]:
    """A burst of one to three templates, one or two callers, one or two heads."""
    wanted = [template for template in TEMPLATES if only is None or template[1] in only]
    weights = [weight for weight, _, _ in wanted]
    templates = chance.choices(wanted, weights, k=chance.choice((1, 1, 2, 3)))
    mine = any("/mine" in target for _, target, _ in templates)
    callers = chance.sample(CALLERS[1:7], k=3) if mine else chance.choices(CALLERS, [9, 1, 1, 1, 1, 1, 1, 1], k=2)
    heads = chance.choices([head for _, head in HEADS], [weight for weight, _ in HEADS], k=chance.choice((1, 1, 2)))
    made = []
    for _ in range(size):
        _, target, literals = chance.choice(templates)
        literal = _few(chance) if target in SMALL else literals(chance)
        made.append(get(target.replace("{}", literal), *chance.choice(callers), *chance.choice(heads)))
    return made


@dataclass
class Report:
    """What a run compared and saw."""

    seed: int
    requests: int = 0
    merged: int = 0
    replayed: int = 0
    direct: int = 0
    """Calls that it takes without fanin: one a request."""
    calls: int = 0
    """Upstream calls through fanin."""
    refusals: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def watch(self, event: Event) -> None:
        if isinstance(event, Answered):
            self.merged += event.span.outcome is Outcome.MERGED
            self.replayed += event.span.outcome is Outcome.REPLAYED
            if event.span.refusal:
                self.refusals[event.span.refusal] += 1
        elif isinstance(event, Called):
            self.calls += 1
        elif isinstance(event, Replayed):
            self.doubts[event.reason] += 1

    def __str__(self) -> str:
        share = 100 * self.merged / max(1, self.requests)
        lines = [
            f"seed {self.seed}: {self.requests} requests, {share:.0f} % answered merged, {self.replayed} replayed",
            f"upstream calls: {self.direct} direct, {self.calls} through fanin",
            f"refusals: {dict(self.refusals.most_common())}",
            f"doubts: {dict(self.doubts.most_common())}",
        ]
        return "\n".join([*lines, *self.faults[:5]])


async def compare(url: str, seed: int, made: Iterator[list[bytes]], enough: int = 10**9) -> Report:
    """Send every burst through a fanin in this process, and each request alone; stop after ``enough`` faults."""
    report = Report(seed)
    # A pause after a failure would hide what the next burst could show; a busy machine is not what this is about.
    changes = {"merge__pause_first": 1e-9, "merge__pause_max": 1e-9, "merge__deadline_floor": 10.0}
    async with fanin(url, **changes) as sidecar, sockets(sidecar.port, LARGEST) as clients, sockets(url, 4) as alone:
        sidecar._events.subscribe(report.watch)
        known: dict[bytes, RawAnswer] = {}
        chance = random.Random(seed)
        for requests in made:
            through = await _waves(clients, requests, chance)
            await _ask_alone(alone, [request for request in set(requests) if request not in known], known)
            report.requests += len(requests)
            report.direct += len(requests)
            for request, two in zip(requests, through, strict=True):
                found = differences(known[request], two)
                if found:
                    report.faults.append("\n".join([request.decode(), *found]))
            if len(report.faults) >= enough:
                break
    return report


async def _waves(clients: Sequence[RawClient], requests: list[bytes], chance: Choice) -> list[RawAnswer]:
    """All at once, or in waves some turns of the loop apart, so that some come while others are in flight."""
    cut = chance.choice((0, 0, chance.randrange(len(requests))))
    first = asyncio.gather(burst(clients, requests[:cut]))
    for _ in range(chance.randrange(30) if cut else 0):
        await asyncio.sleep(0)
    rest = await burst(clients[cut:], requests[cut:])
    return (await first)[0] + rest


async def _ask_alone(clients: Sequence[RawClient], requests: list[bytes], known: dict[bytes, RawAnswer]) -> None:
    """Each request alone on its connection; nothing is written meanwhile, so an answer stays right."""
    for at in range(0, len(requests), len(clients)):
        some = requests[at : at + len(clients)]
        known.update(zip(some, await burst(clients, some), strict=True))
