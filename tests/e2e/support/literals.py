"""Random literals: canonical ones, other spellings of the same values, and wrong ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from hashlib import md5
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Sequence

Random = random.Random
Literals = Callable[[Random], str]
"""Makes one literal, as it stands in a target."""


def uuid_of(what: str) -> str:
    """The uuid that the tables' SQL makes of ``what``."""
    return str(UUID(md5(what.encode(), usedforsecurity=False).hexdigest()))


AWKWARD: tuple[str, ...] = (
    *("01", "+1", "-1", "-0", "%31", "1%20", "1.0", "99999999999", "a", "", "null", "%22%22", "1,2", "%E2%82%AC"),
    *(uuid_of("doc:1"), uuid_of("doc:1").upper()),
)


HUGE = (
    *("1", "2", "7", "8", "40000", "1000000", "175928847299117063", "1234567890123456789"),
    *("9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615"),
    "340282366920938463463374607431768211455",
)


def integers(chance: Random) -> str:
    """Mostly there, sometimes missing, sometimes strange."""
    if chance.random() < 0.04:
        return chance.choice(AWKWARD)
    return str(chance.choice((chance.randrange(1, 40), chance.randrange(1, 1200), chance.randrange(-5, 15))))


def small_integers(chance: Random) -> str:
    """For tables of few rows: so few that they meet."""
    return chance.choice(("1", "12", "-1", "2", "3", "-3", "0", "17", "true", "t"))


def low_integers(chance: Random) -> str:
    """Mostly there, and with several rows."""
    return chance.choice(AWKWARD) if chance.random() < 0.02 else str(chance.randrange(0, 60))


def huge_integers(chance: Random) -> str:
    """At the bounds of the types of `huge`, and beyond."""
    return chance.choice(HUGE)


def doc_uuids(chance: Random) -> str:
    """Of `doc`: as `integers`."""
    value = uuid_of(f"doc:{chance.randrange(1, 660)}")
    return chance.choice((value.upper(), value.replace("-", ""), "7", "")) if chance.random() < 0.04 else value


def owner_uuids(chance: Random) -> str:
    """Of `num`."""
    return uuid_of(f"owner:{chance.randrange(1, 30)}")


def room_names(chance: Random) -> str:
    """Of `event`."""
    return f"room%20{chance.randrange(1, 14)}"


def lists(chance: Random) -> str:
    """What follows ``in.``: mostly a plain list."""
    elements = ",".join(dict.fromkeys(str(chance.randrange(0, 34)) for _ in range(chance.randrange(1, 5))))
    odd = (f"({elements})x", "()", f"%28{elements}%29", f"({elements},)", f"({elements},{elements})")
    return chance.choice(odd) if chance.random() < 0.1 else f"({elements})"


def oversized_lists(chance: Random) -> str:
    """A list that is longer than the head that PostgREST takes."""
    return f"({','.join(str(n) for n in range(10**6, 10**6 + 6500 + chance.randrange(9)))})"


def one_of(literals: Sequence[str]) -> Literals:
    """One of these."""
    return lambda chance: chance.choice(literals).replace(" ", "%20")


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
    "bo": (*("true", "false") * 3, "t", "f", "TRUE", "1", "yes", "maybe"),
    **dict.fromkeys(("da", "ts", "tt"), DAYS),
    **dict.fromkeys(("nu", "n2", "re", "dp", "mo", "jb->>n", "jb->n"), NUMBERS),
    **dict.fromkeys(("iv", "ti", "tz"), TIMES),
    "ba": ("a", "1", "\\x61", "\\x31", "\\x", ""),
    **dict.fromkeys(("ip", "cd"), ("10.0.0.1", "10.0.0.1/32", "10.0.0.0/8", "10.0.0.0", "::1", "0::1")),
    "ma": ("08:00:2b:01:02:01", "08-00-2b-01-02-01", "08002b010202"),
    "m8": ("08:00:2b:ff:fe:01:02:01", "08:00:2b:01:02:01", "1"),
    "qc": ("1", "2", "12", "-", "-1", "a", "ab", ""),
    "ar": ("{1}", "{2}", "{}", "1"),
    "js": ("{}", "1"),
    "rg": ("[1,9)", "[2,9)", "empty", "1"),
    **dict.fromkeys(("bt", "vb"), ("000", "001", "010", "1", "01")),
    "tv": ("a", "1"),
    "ls": ("0/1", "0/2", "0/02", "1"),
    **dict.fromkeys(("po", "co"), ("(1,2)", "1")),
    "rp": ("1", "2", "3", "%22%230001%22", "01"),
}
"""Literals for the columns of `kinds`: every type (docs/explanation/merging.md#types) that the build of Postgres has.
It has no xml.
"""
