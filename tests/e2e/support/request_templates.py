"""What random bursts are made of: templates of targets, heads and callers, each with the rows of the decision
table that it is an example of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from proxy.demo.stack import service_token
from tests.conftest import SECRET
from tests.e2e.support.decision_table import Row
from tests.e2e.support.literals import (
    KINDS,
    Literals,
    doc_uuids,
    huge_integers,
    integers,
    lists,
    low_integers,
    one_of,
    oversized_lists,
    owner_uuids,
    room_names,
    small_integers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Head(NamedTuple):
    """What a request says beside its target."""

    lines: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    share: float = 1.0
    """How much of all requests has it, against the others."""
    method: str = "GET"
    version: str = "1.1"
    body: str = ""

    @property
    def accept(self) -> str:
        """What it asks for."""
        found = [line.removeprefix("Accept: ") for line in self.lines if line.startswith("Accept: ")]
        return ", ".join(found) or "(none)"


class Template(NamedTuple):
    """A target with a hole, and what fills it."""

    target: str
    literals: Literals
    rows: tuple[Row, ...] = ()
    kind: str = ""
    """The column of `kinds` that it filters by."""
    head: Head | None = None
    """The one head that it takes, from a caller whom nobody knows; else any."""
    owned: bool = False
    """Whether its rows are their callers' own."""
    share: float = 1.0


def _all(
    rows: Row | tuple[Row, ...], literals: Literals, *targets: str, share: float = 1.0, head: Head | None = None
) -> Iterator[Template]:
    rows = rows if isinstance(rows, tuple) else (rows,)
    return (Template(target, literals, rows, share=share, head=head) for target in targets)


# Queries that merge, but for awkward literals.

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
"""Orders of `event` that leave no ties."""
_TOLD = ("si", "bi", "u", "t", "vc", "nm", "ch", "en", "bo", "da", "jb->>t", "jb-%3Eo-%3E%3Ek", "di")
"""Columns of `kinds` whose literals are told apart by their texts."""


NAMES = (
    *(
        "Order Id",
        '"Order Id"',
        "unit-price",
        "prénom",
        "имя",
        "名前",
        "2fa",
        '"a.b"',
        '"a,b"',
        '"select"',
        '"a&b=c;d+e"',
    ),
    *("data col->>my key", '"data col"->>"my key"', "data col->>ключ"),
)
"""Columns of `order lines`, and paths into one, as filters name them."""
_COUNTED = Head(("Prefer: count=exact",), (Row.COUNT,))


def _lines_by(name: str) -> str:
    """A query of `order lines` by a name, and in the order of another one."""
    return f"/order%20lines?select=id,%22a.b%22&{quote(name, safe='')}=eq.{{}}&order=%22Order%20Id%22.desc,id"


def _kinds(names: Iterable[str], rows: tuple[Row, ...], order: str, share: float = 1.0) -> Iterator[Template]:
    for name in names:
        more = (Row.JSON_KEY,) if "%3E%3E" in name or "->>" in name else ()
        target = f"/kinds?select=id,{name}&{name}=eq.{{}}{order}"
        yield Template(target, one_of(KINDS[name]), (*rows, *more), name, share=share * (1 + len(more)))


def _events(orders: Iterable[str], rows: tuple[Row, ...], listed: tuple[Row, ...]) -> Iterator[Template]:
    """Four queries for each order, of which each order takes two."""
    for at, order in enumerate(orders):
        if at % 2:
            yield Template(f"/event?select=k,name&k=eq.{{}}&order={order}", integers, rows)
            yield Template(f"/event?select=k,at&k=in.{{}}&order={order}", lists, listed)
        else:
            yield Template(f"/event?room=eq.{{}}&order={order}&select=id,at", room_names, rows)
            yield Template(f"/event?k=eq.{{}}&order={order}&limit=6", integers, (*rows, Row.LIMIT))


MERGING: tuple[Template, ...] = (
    *_all(Row.PLAIN, integers, "/num?id=eq.{}", "/num?select=id,title,j&id=eq.{}", "/num?%73elect=id&i%64=eq.{}"),
    *_all(Row.PLAIN, integers, "/num?&&id=eq.{}&", "/we%3Fird?id=eq.{}", "/small?k=eq.{}", "/kids?id=eq.{}"),
    *_all(Row.PLAIN, doc_uuids, "/doc?id=eq.{}", "/doc?select=n,price,at&id=eq.{}&n=gt.50"),
    *_all(Row.PLAIN, integers, "/num?select=*&id=eq.{}", "/Gr%C3%B6%C3%9Fe?id=eq.{}", "/kids?num_id=eq.{}&order=id"),
    *_all(Row.PLAIN, integers, "/Größe?id=eq.{}&select=größe,%22the%20key%22,b:%22a,b%22"),
    *_all(Row.PLAIN, one_of(KINDS["t"]), "/moods?word=eq.{}&order=id", "/words?k=eq.{}&order=id"),
    *_all(Row.PLAIN, one_of(KINDS["en"]), "/moods?select=word,m:mood,id&mood=eq.{}&order=id.desc"),
    Template("/mine?id=eq.{}", integers, (Row.PLAIN,), owned=True, share=2),
    *_all(Row.LIMIT, integers, "/num?id=eq.{}&limit=1", "/num?limit=3&id=eq.{}&select=id&order=title"),
    *_all(Row.LIMIT, doc_uuids, "/doc?id=eq.{}&limit=100"),
    *_all(Row.LIMIT, integers, "/many?k=eq.{}&select=id&limit=5&order=id.desc"),
    *_all(Row.EMBED, integers, "/num?id=eq.{}&select=id,title,kid(id,note)&kid.order=id.desc"),
    *_all(Row.EMBED, integers, "/kid?select=note,num(title)&id=eq.{}", "/num?select=id,k:kid(num(id,title))&id=eq.{}"),
    *_all((Row.EMBED, Row.INNER), integers, "/num?select=id,kid!inner(note)&kid.id=lt.90&id=eq.{}", share=1.5),
    *_all((Row.EMBED, Row.INNER), integers, "/kid?id=eq.{}&select=*,num!inner(id)&num.id=lt.20", share=1.5),
    *_all(
        (Row.EMBED, Row.SPREAD),
        integers,
        "/kid?select=id,...num(title)&id=eq.{}",
        "/kid?id=eq.{}&select=*,...num(t:title)",
        share=1.5,
    ),
    *_all((Row.EMBED, Row.TREE), integers, "/num?select=id,kid(note)&kid.note=like.*1*&id=eq.{}&title=like.film*"),
    *_all(Row.COMPUTED, integers, "/num?select=id,loud&id=eq.{}", "/num?select=*,said:loud&id=eq.{}", share=1.5),
    *_all(Row.PATH, integers, "/num?select=id,b-%3En,j-%3E0&id=eq.{}", share=1.5),
    *_all(Row.PATH, one_of(KINDS["di"]), "/kinds?select=jb->o->>k,id&di=eq.{}&order=id", share=1.5),
    *_all(Row.TREE, integers, "/num?id=eq.{}&or=(title.like.*7*,j.is.null)&order=title.desc.nullslast"),
    *_all(
        Row.TREE, integers, "/num?id=eq.{}&and=(title.neq.x,or(id.gt.3,not.and(id.lt.9,id.gt.2)))&not.or=(b.is.null)"
    ),
    *_all(Row.TREE, integers, "/num?j=is.null&id=eq.{}", "/num?title=like.*1*&title=like.film*&id=eq.{}&select=id"),
    *_all(Row.LIST, lists, "/num?select=id,title&id=in.{}&order=id", "/kid?num_id=in.{}&order=id.desc", share=2),
    *_all(
        Row.FROM_FIRST, integers, "/num?id=eq.{}&offset=0", "/num?o%66fset=%30&select=id&id=eq.{}&limit=9", share=1.5
    ),
    *_all((Row.PAGE, Row.FROM_FIRST), low_integers, "/many?k=eq.{}&order=id&limit=2&offset=0", head=_COUNTED, share=3),
    *_all((Row.PAGE, Row.LIMIT), low_integers, "/many?select=id&k=eq.{}&order=id.desc&limit=2", head=_COUNTED, share=3),
    *_all(Row.LIST_OF_ONE, integers, "/num?select=id,title&id=in.({})", "/num?id=in.(%22{}%22)", share=1.5),
    *_all(Row.NAME, low_integers, *map(_lines_by, NAMES[:11]), share=0.5),
    *_all((Row.NAME, Row.PATH), low_integers, *map(_lines_by, NAMES[11:]), share=0.5),
    *_all(
        Row.NAME,
        integers,
        "/2nd-table?id=eq.{}",
        "/%E6%97%A5%E6%9C%AC?id=eq.{}",
        "/dot.ted?id=eq.{}",
        "/qu%22ote?id=eq.{}",
    ),
    *_all(
        Row.HUGE, huge_integers, "/huge?big=eq.{}", "/huge?select=id,exact&exact=eq.{}", "/huge?words=eq.{}", share=1.5
    ),
    *_all((Row.EMBED, Row.EMPTY_EMBED), integers, "/num?select=id,kid!inner()&id=eq.{}", "/num?select=kid()&id=eq.{}"),
    *_all(Row.EMPTY_EMBED, integers, "/kid?select=*,num!inner()&num.id=lt.20&id=eq.{}"),
    *_all(Row.PLAIN, low_integers, "/order%20lines?select=count&id=eq.{}"),
    *_all(
        Row.ROWS_COUNTED,
        low_integers,
        "/many?k=eq.{}&select=count",
        "/num?select=n:count&id=eq.{}&title=neq.x",
        share=2,
    ),
    *_kinds(_TOLD, (Row.PLAIN,), "&order=id"),
    *_events(_CERTAIN, (Row.PLAIN,), (Row.LIST,)),
)


# Queries that merge sometimes or never.

_JSON = "Content-Type: application/json"
_BACK = "Prefer: tx=rollback"
_WHOLE = "Prefer: tx=rollback, return=representation"


def _write(row: Row, method: str, target: str, body: str = "", *lines: str) -> Template:
    """A write that is undone, whatever PostgREST answers: this needs its `db-tx-end=commit-allow-override`."""
    return Template(
        target, one_of(("1", "2", "5", "9", "12", "a")), (row,), head=Head(lines, (), 1, method, body=body), share=2
    )


_UNCERTAIN = ("seen.desc", "name", "mood", "price", "price,id", "room", "nope")
_UPSERT = "Prefer: tx=rollback, return=representation, resolution=merge-duplicates"
OTHERS: tuple[Template, ...] = (
    *_all(Row.AGGREGATE, integers, "/num?id=eq.{}&select=count()", "/many?k=eq.{}&select=k,id.max()", share=2),
    *_all(Row.AGGREGATE, integers, "/many?k=eq.{}&select=json_agg", "/num?id=eq.{}&select=n:count::text", share=2),
    *_all(Row.OFFSET, integers, "/num?id=eq.{}&offset=1", "/num?id=gt.{}&order=id&limit=3&offset=2", share=2),
    *_all(
        Row.NO_LIMIT,
        integers,
        "/num?id=eq.{}&limit=0",
        "/num?id=eq.{}&limit=2&limit=1",
        "/num?limit=a&id=eq.{}",
        share=1.5,
    ),
    *_all(Row.SEMICOLON, integers, "/num?id=eq.{}&select=id;order=id", "/num?select=id;id=eq.{}", share=2),
    *_all(Row.REPEATED, integers, "/num?id=eq.{}&id=gt.3", "/num?select=id&select=title&id=eq.{}", share=2),
    *_all(Row.EMPTY_SELECT, integers, "/num?select=&id=eq.{}", "/num?id=eq.{}&select=,id", share=2),
    *_all(Row.BYTES, one_of(("a%00", "%FF", "film%00%201", "%C3", "1%00")), "/num?title=eq.{}", share=4),
    *_all(
        Row.OPERATOR, integers, "/num?id=not.eq.{}&limit=2&order=id", "/num?id=gt.{}&limit=3", "/num?j=is.null&id=lt.{}"
    ),
    *_all(
        Row.UNORDERED,
        integers,
        "/many?k=eq.{}&select=id,note&limit=2",
        "/many?k=eq.{}&select=id,note",
        "/msg?room=eq.{}",
    ),
    *_all(
        Row.UNORDERED,
        integers,
        "/many?k=eq.{}&select=id,note&order=note",
        "/turned?k=eq.{}&order=price",
        "/kids?num_id=eq.{}",
    ),
    *_all(Row.UNORDERED, integers, "/num?id=eq.{}&order=title.desc&order=title", "/msg?room=eq.{}&id=lt.330&select=id"),
    *_all(Row.UNORDERED, integers, "/many?k=eq.{}&select=id&limit=1&order=id.desc", "/many?k=eq.{}&id=lt.330"),
    Template("/mine?id=lt.{}&order=id", integers, (Row.OPERATOR,), owned=True, share=2),
    *_all(Row.UNORDERED, owner_uuids, "/num?owner=eq.{}&select=id,owner"),
    *_all(Row.COMPUTED, integers, "/num?id=eq.{}&select=id,noisy"),
    *_all(Row.COMPUTED, one_of(tuple("123456789")), "/num?id=eq.{}&select=id,boom"),
    *_all(
        (),
        integers,
        "/num?id=eq.{}&select=nope",
        "/nowhere?id=eq.{}",
        "/num/x?id=eq.{}",
        "/rpc/add_up?a=1&b={}",
        share=0.7,
    ),
    *_all((), one_of(("3", "5")), "/rpc/titles?upto={}", share=0.7),
    *_all(
        Row.SPELLINGS,
        small_integers,
        "/dec?k=eq.{}",
        "/flo?k=eq.{}",
        "/chr?k=eq.{}",
        "/sign?k=eq.{}",
        "/flag?k=eq.{}",
        share=2,
    ),
    *_all(
        Row.SPELLINGS,
        one_of(("1", "12", "17", "2", "0")),
        "/chr?k=eq.{}&select=id&order=id",
        "/chd?k=eq.{}&select=id&order=id",
        share=3,
    ),
    *_all(Row.SPELLINGS, one_of(("3", "-3", "7", "1", "12")), "/sign?k=eq.{}&select=id&order=id", share=3),
    *_all(Row.SPELLINGS, one_of(("abc", "ABC", "Abc", "1", "12", "x")), "/cit?k=eq.{}", share=3),
    *_all(Row.SPELLINGS, doc_uuids, "/cit?k=eq.{}", "/words?k=eq.{}"),
    Template(f"/num?title=neq.{'x' * 7000}&id=eq.{{}}", integers, head=Head(), share=3),
    Template("/large?id=eq.{}", one_of([str(n) for n in range(1, 25)]), (Row.PLAIN,), head=Head()),
    Template("/num?select=id&id=in.{}", oversized_lists, head=Head(), share=3),
    *_kinds([name for name in KINDS if name not in _TOLD], (Row.SPELLINGS,), "", share=4),
    *_kinds(_TOLD, (Row.UNORDERED,), ""),
    *_events(_UNCERTAIN, (Row.UNORDERED,), ()),
    *_all((), lists, "/event?select=k&k=in.{}", "/turned?k=in.{}"),
    _write(Row.PATCH, "PATCH", "/acc?id=eq.{}", '{"note":"x"}', _JSON, _BACK),
    _write(Row.PATCH, "PATCH", "/acc?id=eq.{}&select=id,note", '{"note":"x"}', _JSON, _WHOLE),
    _write(Row.DELETE, "DELETE", "/acc?id=eq.{}", "", _BACK),
    _write(Row.DELETE, "DELETE", "/acc?id=eq.{}&order=id", "", _WHOLE),
    _write(Row.WRITE, "POST", "/acc", '{"id":{},"note":"x"}', _JSON, _WHOLE),
    _write(Row.WRITE, "POST", "/acc", '{"id":{},"note":"x"}', _JSON, _UPSERT),
    _write(Row.WRITE, "PUT", "/acc?id=eq.{}", '{"id":{},"note":"x"}', _JSON, _WHOLE),
    _write(Row.WRITE, "POST", "/rpc/add_up", '{"a":{},"b":2}', _JSON),
)
TEMPLATES = MERGING + OTHERS


# Who asks, and how.


def _token(owner: str) -> str:
    return "Authorization: Bearer " + service_token(SECRET, {"role": "anon", "sub": owner})


Caller = tuple[str, ...]
"""Header lines that say who asks."""
OWNERS: tuple[Caller, ...] = (
    *(("X-Owner: ann",), ("X-Owner: bob",), ("Cookie: owner=ann",), ("Cookie: owner=bob",)),
    *((_token("ann"),), (_token("bob"),)),
)
"""Callers of whom the database knows by header, cookie or token what is theirs."""
CALLERS: dict[Caller, float] = {(): 8.0, **dict.fromkeys(OWNERS, 1.0), ("Authorization: Bearer broken",): 0.5}
"""Who asks, and how much of what belongs to nobody."""
_OBJECT, _ARRAY = "Accept: application/vnd.pgrst.object+json", "Accept: application/vnd.pgrst.array+json"
HEADS: tuple[Head, ...] = (
    Head(share=36),
    Head(("Accept: application/json",), share=4),
    Head(("Accept: */*",), share=3),
    Head((_ARRAY,), share=3),
    Head((_OBJECT,), (Row.OBJECT,), 6),
    Head((_OBJECT + ";nulls=stripped",), (Row.OBJECT,), 3),
    Head((_ARRAY + ";nulls=stripped",), (Row.STRIPPED,), 4),
    Head((_OBJECT, "Prefer: count=exact"), (Row.OBJECT, Row.COUNT), 2),
    Head(("Prefer: count=exact",), (Row.COUNT,), 5),
    Head(("Prefer: tx=rollback, count=exact",), (Row.COUNT,), 2),
    Head(("Prefer: handling=lenient, tx=rollback",), share=2),
    Head(("Prefer: handling=strict",), share=2),
    Head(("Prefer: timezone=UTC", "Prefer: return=minimal")),
    Head(("Prefer: count=planned",), (Row.PLANNED,), 0.6),
    Head(("Prefer: handling=strict, count=planned",), (Row.PLANNED,), 0.6),
    Head(("Prefer: handling=strict, count=exact, no=such",), (Row.COUNT,), 0.4),
    Head(("Accept-Profile: unusual",), share=3),
    Head(("Accept-Profile: none",), share=0.4),
    Head(("Origin: http://a.example",), share=3),
    Head(("X-Retry-Count: 1", "If-None-Match: x")),
    Head(("Accept: text/csv",), (Row.MEDIA,), 0.6),
    Head(("Accept: application/geo+json",), (Row.MEDIA,), 0.6),
    Head(("Accept: application/vnd.pgrst.plan+json",), (Row.MEDIA,), 0.6),
    Head(("Accept: application/x-none",), (Row.MEDIA,), 0.6),
    Head(("Accept: text/csv, application/json;q=0.9",), (Row.MEDIA,), 0.6),
    Head(("Accept: text/csv;q=0.5, application/json",), (Row.ACCEPTS,)),
    Head(("Accept: application/json, text/plain, */*",), (Row.ACCEPTS,), 3),
    Head(("Accept: application/json, text/javascript, */*; q=0.01",), (Row.ACCEPTS,), 1.5),
    Head(("Accept: text/html,application/xml;q=0.9,image/webp,*/*;q=0.8",), (Row.ACCEPTS,), 1.5),
    Head((_OBJECT + ", application/json;q=0.5",), (Row.ACCEPTS, Row.OBJECT), 1.5),
    Head(("Range: 0-24", "Range-Unit: items"), (Row.RANGE_LIMIT,), 3),
    Head(("Range: 0-0",), (Row.RANGE_LIMIT,), 1.5),
    Head(("Range: 0-2", "Prefer: count=exact"), (Row.RANGE_LIMIT, Row.COUNT), 1.5),
    Head(("Range: 1-2",), (Row.RANGE,), 0.7),
    Head(("Range: 3-1", "Range-Unit: items"), (Row.RANGE,), 0.4),
    Head(rows=(Row.HEAD,), share=0.8, method="HEAD"),
    Head(("Prefer: count=exact",), (Row.COUNTED,), 2, method="HEAD"),
    Head(rows=(Row.BODY,), share=0.7, body="[]"),
    Head(("X-Fanin: off",), share=0.4),
    Head(("Expect: 100-continue",), share=0.4),
    Head(share=0.4, version="1.0"),
)
