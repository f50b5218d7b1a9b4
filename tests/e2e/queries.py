"""Random bursts of queries that are look-alikes on purpose: of one template a burst takes many with other keys, other
identities and other spellings, because that is where merging could go wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from hashlib import md5
from typing import TYPE_CHECKING
from uuid import UUID

from proxy.demo.stack import service_token
from tests.conftest import SECRET
from tests.e2e.bursts import get

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LARGEST = 60
Choice = random.Random
Template = tuple[str, Callable[[Choice], str]]
"""A target with a hole, and what makes its literals."""


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
MERGING: tuple[Template, ...] = (
    ("/num?id=eq.{}", integers),
    ("/num?select=id,title,j&id=eq.{}", integers),
    ("/num?id=eq.{}&select=title,kid(id,note)&kid.order=id.desc", integers),
    ("/kid?select=note,num(title)&id=eq.{}", integers),
    ("/num?select=id,kid(note)&kid.note=like.*1*&id=eq.{}&title=like.film*", integers),
    ("/num?select=id,b-%3En,j-%3E0&id=eq.{}", integers),
    ("/num?%73elect=id&i%64=eq.{}", integers),
    ("/num?&&id=eq.{}&", integers),
    ("/num?id=eq.{}&limit=1", integers),
    ("/num?limit=3&id=eq.{}&select=id&order=title", integers),
    ("/doc?id=eq.{}&limit=100", uuids),
    ("/many?k=eq.{}&select=id&limit=1&order=id.desc", integers),
    ("/num?id=eq.{}&or=(title.like.*7*,j.is.null)&order=title.desc.nullslast", integers),
    ("/doc?id=eq.{}", uuids),
    ("/doc?select=n,price,at&id=eq.{}&n=gt.50", uuids),
    ("/we%3Fird?id=eq.{}", integers),
    ("/small?k=eq.{}", integers),
    ("/mine?id=eq.{}", integers),
)
"""Queries that merge, but for awkward literals."""
OTHERS: tuple[Template, ...] = (
    ("/num?id=gt.{}&limit=3&offset=2&order=id&select=id,title", integers),
    ("/mine?id=lt.{}&order=id", integers),
    ("/num?id=eq.{}&id=gt.3", integers),
    ("/num?id=eq.{}&select=id;order=id", integers),
    ("/many?k=eq.{}&select=id,note&limit=2", integers),
    ("/num?id=eq.{}&limit=2&limit=1", integers),
    ("/num?id=eq.{}&limit=0", integers),
    ("/num?id=eq.{}&offset=0", integers),
    ("/num?id=eq.{}&select=count()", integers),
    ("/num?id=eq.{}&select=nope", integers),
    ("/num?owner=eq.{}&select=id,owner", owners),
    ("/many?k=eq.{}&select=id,note", integers),
    ("/many?k=eq.{}&select=id,note&order=note", integers),
    ("/many?k=eq.{}&id=lt.330", integers),
    ("/msg?room=eq.{}&select=id,body", integers),
    ("/msg?room=eq.{}&id=lt.330", integers),
    ("/words?k=eq.{}", integers),
    ("/dec?k=eq.{}", integers),
    ("/flo?k=eq.{}", integers),
    ("/cit?k=eq.{}", integers),
    ("/chr?k=eq.{}", integers),
    ("/sign?k=eq.{}", integers),
    ("/flag?k=eq.{}", integers),
    ("/cit?k=eq.{}", uuids),
    ("/words?k=eq.{}", uuids),
    ("/nowhere?id=eq.{}", integers),
    ("/num?id=not.eq.{}&limit=2&order=id", integers),
)
"""Queries that merge sometimes or never."""
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
_CERTAIN = (
    "at",
    "at.desc",
    "at.desc.nullslast,id",
    "seen.nullsfirst,at",
    "name.desc,at",
    "mood,at.desc",
    "at,at",
    "id",
)
_TOLD = ("si", "bi", "u", "t", "vc", "nm", "ch", "en", "bo", "da", "jb->>t", "jb-%3Eo-%3E%3Ek", "di")


def _kinds(names: Iterable[str], order: str) -> Iterator[Template]:
    return ((f"/kinds?select=id,{name}&{name}=eq.{{}}{order}", _one_of(KINDS[name])) for name in names)


def _events(orders: Iterable[str]) -> Iterator[Template]:
    for order in orders:
        yield f"/event?select=k,name&k=eq.{{}}&order={order}", integers
        yield f"/event?room=eq.{{}}&order={order}&select=id,at", rooms
        yield f"/event?select=k,at&k=in.{{}}&order={order}", lists
        yield f"/event?k=eq.{{}}&order={order}&limit=3", integers


MERGING += (*_kinds(_TOLD, "&order=id"), *_events(_CERTAIN))
OTHERS += (
    *_kinds(KINDS, ""),
    *_events(order for order in ORDERS if order not in _CERTAIN),
    ("/event?select=k&k=in.{}", lists),
)
TEMPLATES = MERGING + OTHERS

BODILESS = 0.02
"""Of the requests, those that ask for a head only."""

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


class Deck:
    """Deals each of its cards once before it deals one again."""

    def __init__(self, cards: Sequence[Template], chance: Choice) -> None:
        self._cards = cards
        self._chance = chance
        self._left: list[Template] = []

    def deal(self) -> Template:
        if not self._left:
            self._left = self._chance.sample(self._cards, len(self._cards))
        return self._left.pop()


def bursts(seed: int, requests: int) -> Iterator[list[bytes]]:
    """Bursts of 2 to 60 requests, ``requests`` in all; of every template about as many."""
    chance = random.Random(seed)
    merging, others = Deck(MERGING, chance), Deck(OTHERS, chance)
    left = requests
    while left > 0:
        deck = merging if chance.random() < 0.85 else others
        made = burst_of([deck.deal() for _ in range(chance.choice((1, 1, 2, 3)))], chance)
        left -= len(made)
        yield made


def burst_of(templates: Sequence[Template], chance: Choice) -> list[bytes]:
    """A burst of these templates by one or two callers, with one or two heads, and with repetitions."""
    mine = any("/mine" in target for target, _ in templates)
    callers = chance.sample(CALLERS[1:7], k=3) if mine else chance.choices(CALLERS, [9, 1, 1, 1, 1, 1, 1, 1], k=2)
    heads = chance.choices([head for _, head in HEADS], [weight for weight, _ in HEADS], k=chance.choice((1, 1, 2)))
    made: list[bytes] = []
    again = chance.choice((0.0, 0.1, 0.3))
    for _ in range(chance.choice((2, 5, 20, 40, LARGEST))):
        if made and chance.random() < again:
            made.append(chance.choice(made))
            continue
        target, literals = chance.choice(templates)
        literal = _few(chance) if target in SMALL else literals(chance)
        request = get(target.replace("{}", literal), *chance.choice(callers), *chance.choice(heads))
        made.append(request.replace(b"GET", b"HEAD", 1) if chance.random() < BODILESS else request)
    return made
