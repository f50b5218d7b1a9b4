"""Random application loops: reads with every operator of PostgREST, orders, embeds, limits, and writes of every kind.

A shape is one loop. Its calls are made as they are, and the arguments of the printed code are known: the keys, then the
values of the other filters in the order of the query, then those of logic trees, embeds and quantified operators.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from hashlib import md5
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from proxy.analysis.patterns.varying import Parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


NASTY = [
    "plain",
    "with, comma",
    'quote "q"',
    "back\\slash",
    "ünï ☃",
    "paren (x)",
    '"',
    "a.b:c",
    "line\nbreak",
    "*star_%",
]
NASTY += ["in.(1,2)", " padded ", '\\"', "{br,ace}", "", "null"]


@dataclass(frozen=True)
class Param:
    """One parameter of every call, and the arguments that stand for its values; ``late``: after the plain filters."""

    name: str
    value: str
    args: tuple[Any, ...] = ()
    late: bool = False


@dataclass
class Shape:
    """One loop: a call per element of ``keys``."""

    name: str
    relation: str
    columns: tuple[str, ...]
    keys: list[tuple[Any, ...]]
    method: str = "GET"
    before: list[Param] = field(default_factory=list)
    after: list[Param] = field(default_factory=list)
    select: str = ""
    order: str = ""
    limit: int | None = None
    total: bool = False
    parallel: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    schema: str = "loops"
    bodies: list[Any] = field(default_factory=list)
    withheld: bool | None = False
    """Whether no code can keep what the calls do; None if that depends on its filters."""
    parent: Parent | None = None
    """For counts, the relation for whose rows they are."""
    spelled: dict[str, str] = field(default_factory=dict)
    """The text of a key by its text in the rows, where these differ."""
    first: str = ""
    """The target of a read before the loop, from whose rows the keys come."""

    @property
    def params(self) -> list[Param]:
        return [*self.before, *self.after]

    @property
    def args(self) -> list[Any]:
        """The arguments after the keys."""
        early = [value for param in self.params if not param.late for value in param.args]
        return early + [value for param in self.params if param.late for value in param.args]

    def target(self, key: tuple[Any, ...]) -> str:
        pairs = [("select", self.select)] if self.select else []
        pairs += [(param.name, param.value) for param in self.before]
        pairs += [(column, f"eq.{text(value)}") for column, value in zip(self.columns, key, strict=True)]
        pairs += [(param.name, param.value) for param in self.after]
        pairs += [("order", self.order)] if self.order else []
        pairs += [("limit", str(self.limit))] if self.limit is not None else []
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
        return f"/{quote(self.relation, safe='')}{'?' if query else ''}{query}"


def text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def quoted(value: Any) -> str:
    return '"' + text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def uuid_of(name: str) -> str:
    return str(UUID(md5(name.encode(), usedforsecurity=False).hexdigest()))


def filters(draw: random.Random) -> Param:
    """A constant filter of ``thing`` with a random operator."""
    n, word = draw.randrange(20), draw.choice(NASTY[:14])
    stamp = f"2024-0{draw.randrange(1, 5)}-11T00:00:00+00:00"
    plain: list[tuple[str, str, Any]] = [
        ("kind", "eq", draw.choice("abcd")),
        ("kind", "neq", draw.choice("abcd")),
        ("rank", "gt", n % 9),
        ("rank", "gte", n % 9),
        ("rank", "lt", n % 9),
        ("rank", "lte", n % 9),
        ("name", "like", "*a*"),
        ("name", "ilike", "%A%"),
        ("name", "match", "^[a-z]"),
        ("name", "imatch", "^[A-Z]"),
        ("rank", "isdistinct", n % 9),
        ("labels", "cs", f"{{l{n % 4}}}"),
        ("labels", "cd", "{l0,l1,l2,l3,l4}"),
        ("labels", "ov", f"{{l{n % 4},l6}}"),
        ("span", "sl", "[30,40)"),
        ("span", "sr", "[5,6)"),
        ("span", "nxr", "[0,30)"),
        ("span", "nxl", "[10,60)"),
        ("span", "adj", "[30,40)"),
        ("words", "fts", f"word{n % 10}"),
        ("words", "plfts", f"other{n % 3}"),
        ("words", "phfts", f"word{n % 10}"),
        ("words", "wfts", f"word{n % 10} or other1"),
        ("due", "gte", stamp),
        ("due", "lt", stamp),
        ("data->>k", "eq", word),
        ("data->>k", "neq", word),
        ("data->n", "gt", 5),
        ("data->deep->>x", "like", "1*"),
        ("name", "eq", word),
        ("score", "gt", "10.5"),
        ("data", "cs", json.dumps({"n": n})),
    ]
    special = [
        lambda: Param(draw.choice(["rank", "name", "due", "flag"]), draw.choice(["is.null", "not.is.null"])),
        lambda: Param("flag", draw.choice(["is.true", "is.false", "not.is.true", "is.unknown", "not.is.unknown"])),
        lambda: _listed("kind", draw.sample("abcd", 2), draw.random() < 0.3),
        lambda: _listed("name", draw.sample(NASTY[:14], 6), draw.random() < 0.3),
        lambda: _listed("rank", draw.sample(range(9), 4), draw.random() < 0.3),
        lambda: Param("words", f"fts(simple).word{n % 10}", ("simple", f"word{n % 10}"), late=True),
        lambda: Param("kind", "eq(any).{a,b}", ("{a,b}",), late=True),
        lambda: Param("name", "like(any).{*a*,*q*}", ("{*a*,*q*}",), late=True),
        lambda: tree(draw),
        lambda: tree(draw),
    ]
    if draw.random() < 0.3:
        return draw.choice(special)()
    column, operator, value = draw.choice(plain)
    negated = "not." if draw.random() < 0.2 else ""
    return Param(column, f"{negated}{operator}.{text(value)}", (value,))


def _listed(column: str, values: list[Any], negated: bool) -> Param:
    return Param(column, f"{'not.' if negated else ''}in.({','.join(map(quoted, values))})", (values,))


def tree(draw: random.Random) -> Param:
    """A logic tree; its arguments are its values in order."""
    word, some, n = draw.choice(NASTY[:14]), draw.sample(NASTY[:14], 3), draw.randrange(9)
    listed = ",".join(map(quoted, some))
    trees: list[tuple[str, str, tuple[Any, ...]]] = [
        ("or", f"(name.eq.{quoted(word)},rank.gt.{n})", (word, n)),
        ("or", f"(name.in.({listed}),rank.is.null)", (some,)),
        ("and", f"(rank.gte.1,not.or(name.eq.{quoted(word)},rank.eq.{n}))", (1, word, n)),
        ("not.or", f"(name.eq.{quoted(word)},rank.eq.{n})", (word, n)),
        ("not.and", f"(kind.eq.a,rank.gt.{n})", ("a", n)),
        ("or", f"(and(kind.eq.a,rank.lt.{n}),words.fts(simple).word{n},flag.is.true)", ("a", n, "simple", f"word{n}")),
        ("or", f"(name.not.like.*a*,data->>k.eq.{quoted(word)})", ("*a*", word)),
    ]
    name, value, args = draw.choice(trees)
    return Param(name, value, args, late=True)


SELECTS: tuple[str, ...] = ("", "*", "id,name", "name,kind", "id,label:name,when:due", "id,score::text")
SELECTS += ("id,data->>k,data->deep->x", "id,owner_id,name,due", "owner_id:id,name", "id,_key:name")
ORDERS: tuple[str, ...] = (
    "id",
    "id.desc",
    "rank.asc.nullsfirst,id",
    "rank.desc.nullslast,id.desc",
    "due.desc,id",
    "due.asc,id",
    "name,id",
)
ORDERS += ("due.asc.nullsfirst,id", "rank.desc,name.desc.nullsfirst,id", "data->>k,id", "score.nullslast,id")


def reads(draw: random.Random) -> Shape:
    """A loop of reads of ``thing``."""
    columns, keys = draw.choice(KEYS)(draw)
    chosen = [filters(draw) for _ in range(draw.choice([0, 0, 0, 1, 1, 2]))]
    chosen = [one for at, one in enumerate(chosen) if one.name not in [*columns, *(c.name for c in chosen[:at])]]
    order = draw.choice(("", "", *ORDERS))
    shape = Shape("read", "thing", columns, keys, select=draw.choice(SELECTS), order=order, total="id" in order)
    shape.before, shape.after = chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]
    shape.parallel = draw.random() < 0.5
    if draw.random() < 0.15 and order:
        shape.limit = draw.choice([1, 1, 2, 5])
        shape.name, shape.withheld = "read with a limit", None
    return shape


def _few(draw: random.Random, values: list[Any]) -> list[Any]:
    return draw.sample(values, min(len(values), draw.randrange(6, 11)))


def _by_two(draw: random.Random) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    first, second = draw.choice(
        [("kind", "owner_id"), ("name", "owner_id"), ("owner_id", "rank"), ("data->>k", "kind")]
    )
    values: dict[str, list[Any]] = {
        "kind": list("abcd"),
        "name": NASTY,
        "owner_id": list(range(30)),
        "rank": list(range(9)),
        "data->>k": NASTY,
    }
    pairs = {(draw.choice(values[first]), draw.choice(values[second])) for _ in range(14)}
    return (first, second), sorted(pairs, key=repr)


KEYS: tuple[Callable[[random.Random], tuple[tuple[str, ...], list[tuple[Any, ...]]]], ...] = (
    lambda draw: (("id",), [(n,) for n in _few(draw, list(range(2400)))]),
    lambda draw: (("owner_id",), [(n,) for n in _few(draw, list(range(40)))]),
    lambda draw: (("tag",), [(uuid_of(f"tag:{n}"),) for n in _few(draw, list(range(500)))]),
    lambda draw: (("name",), [(name,) for name in _few(draw, NASTY)]),
    lambda draw: (("data->>k",), [(name,) for name in _few(draw, NASTY)]),
    lambda draw: (("data->deep->>x",), [(str(n),) for n in _few(draw, list(range(30)))]),
    lambda draw: (("rank",), [(n,) for n in _few(draw, list(range(9)))]),
    _by_two,
    _by_two,
)
EMBEDS: tuple[tuple[str, list[Param]], ...] = (
    ("id,part(id,label)", []),
    ("id,name,part(*)", [Param("part.order", "id.desc")]),
    ("*,part(id)", [Param("part.order", "id.desc"), Param("part.limit", "2", (2,), late=True)]),
    (
        "id,parts:part(id,at)",
        [Param("parts.at", "gt.3", (3,), late=True), Param("parts.order", "at.desc.nullslast,id")],
    ),
    ("id,part!inner(id)", [Param("part.label", "eq.part 3", ("part 3",), late=True)]),
    ("id,part(id)", [Param("part.or", "(at.is.null,id.lt.900)", (900,), late=True)]),
    ("id,part(id)", [Param("part.id", "in.(1,2,40,41,700)", ([1, 2, 40, 41, 700],), late=True)]),
    ("name,owner(email)", []),
    ("*,owner(*)", []),
    ("name,...owner(email,joined:since)", []),
    ("id,part(count)", []),
)


def embeds(draw: random.Random) -> Shape:
    """A loop of reads with an embed."""
    columns, keys = draw.choice(KEYS)(draw)
    select, params = draw.choice(EMBEDS)
    shape = Shape(
        "read with an embed", "thing", columns, keys, select=select, order="id", total=True, after=list(params)
    )
    shape.parallel = draw.random() < 0.5
    if draw.random() < 0.3:
        shape.limit, shape.name = draw.choice([1, 3]), "read with an embed and a limit"
        shape.withheld = None
        shape.order = draw.choice(["id", "due.desc.nullslast,id", "data->>k,id.desc"])
    return shape


def singles(draw: random.Random) -> Shape:
    """A loop that reads one object per key."""
    columns, keys = draw.choice(
        [
            (("id",), [(n,) for n in _few(draw, list(range(60)))]),
            (("uid",), [(uuid_of(f"owner:{n}"),) for n in _few(draw, list(range(60)))]),
            (("email",), [(email,) for email in _few(draw, NASTY)]),
        ]
    )
    headers = {"Accept": "application/vnd.pgrst.object+json"}
    select = draw.choice(["*", "id,email", "email", "since"])
    return Shape("one object", "owner", columns, keys, select=select, headers=headers, parallel=draw.random() < 0.5)


def many(draw: random.Random) -> Shape:
    """A loop over more rows than max-rows in all."""
    keys = [(n,) for n in draw.sample(range(40), draw.randrange(20, 40))]
    order = draw.choice(["due,id", "", "rank.nullsfirst,id"])
    return Shape("beyond max-rows", "thing", ("owner_id",), keys, select="id,due", order=order, total=bool(order))


def other_schema(draw: random.Random) -> Shape:
    """A loop in a schema that is not the first."""
    keys = [(n,) for n in _few(draw, list(range(10)))]
    return Shape(
        "another schema", "thing", ("owner_id",), keys, order="id", total=True, headers={"Accept-Profile": "second"}
    )


def odd_names(draw: random.Random) -> Shape:
    """A loop by a column whose name has a blank."""
    keys = [(f"2024-01-{n:02}T00:00:00+00:00",) for n in draw.sample(range(1, 12), 7)]
    select, order = (
        draw.choice(["*", "note", "sensor,seq"]),
        draw.choice(["", "at which.desc,sensor,seq", "seq,sensor"]),
    )
    return Shape(
        "odd names", "reading", ("at which",), keys, select=select, order=order, total=bool(order),
        after=draw.choice([[], [Param("sensor", "lt.9", (9,))]]),
    )  # fmt: skip


def differing(draw: random.Random) -> Shape:
    """Calls that no list of keys can stand for: their pages, ranges or trees differ."""
    keys = [(n,) for n in _few(draw, list(range(40)))]
    shape = Shape("not to be batched", "thing", ("owner_id",), keys, order="id", total=True, withheld=True)
    if draw.random() < 0.5:
        shape.after = [Param("offset", "2"), Param("limit", "3")]
    else:
        shape.headers = {"Range-Unit": "items", "Range": "2-4"}
    return shape


def counts(draw: random.Random) -> Shape:
    """A loop of counts by HEAD: for the rows of a parent, or by any columns."""
    prefer = {"Prefer": "count=exact"}
    if draw.random() < 0.5:
        keys = [(n,) for n in _few(draw, list(range(600)))]
        shape = Shape("count by a parent", "part", ("thing_id",), keys, method="HEAD", headers=prefer, select="id")
        shape.after = draw.choice(([], [Param("label", "eq.part 3", ("part 3",))], [Param("at", "not.is.null")]))
        shape.parent = Parent("thing", "id")
        return shape
    columns, keys = draw.choice(KEYS)(draw)
    chosen = [one for one in [filters(draw)] if one.name not in columns and draw.random() < 0.5]
    return Shape(
        "count", "thing", columns, keys, method="HEAD", headers=prefer, after=chosen, select="*", withheld=None
    )


def respelled(draw: random.Random) -> Shape:
    """Keys that Postgres finds, though the rows spell them otherwise."""
    tags = [uuid_of(f"tag:{n}") for n in _few(draw, list(range(500)))]
    days = [f"2024-01-{day:02}T0{draw.choice('1235')}:00:00" for day in range(1, 9)]
    column, spelled = draw.choice(
        [
            ("tag", {tag: tag.upper() for tag in tags}),
            ("tag", {tag: f"{{{tag}}}" for tag in tags}),
            ("rank", {str(n): f"0{n}" for n in _few(draw, list(range(9)))}),
            ("due", {f"{day}+00:00": f"{day}Z" for day in days}),
        ]
    )
    columns: tuple[str, ...] = (column,)
    keys: list[tuple[Any, ...]] = [(key,) for key in spelled.values()]
    if draw.random() < 0.3:
        columns, keys = ("kind", column), [(kind, *key) for key in keys for kind in draw.sample("abcd", 2)]
    shape = Shape("respelled", "thing", columns, keys, order="id", total=True, spelled=spelled)
    shape.select, shape.parallel = draw.choice(["*", "id", f"id,{column}"]), draw.random() < 0.5
    if draw.random() < 0.2:
        shape.limit, shape.withheld = 2, None
    elif draw.random() < 0.3:
        shape.method, shape.select, shape.order, shape.headers = "HEAD", "*", "", {"Prefer": "count=exact"}
        shape.withheld = None
    return shape


def shapes(seed: int, number: int) -> Iterator[Shape]:
    """``number`` shapes of all kinds."""
    draw = random.Random(seed)
    for at in range(number):
        yield KINDS[at % len(KINDS)](draw)


KINDS: tuple[Callable[[random.Random], Shape], ...] = (reads, embeds, reads, singles, reads, counts, reads, many)
KINDS += (reads, embeds, reads, other_schema, odd_names, differing, respelled)
