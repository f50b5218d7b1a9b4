"""With what a request would merge, key by key. The plan is made by the code that makes it for callers."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec

from proxy.model import Column, Key, LiteralClass, MergedCall, PendingRequest, Query
from proxy.path.columns import unknown_columns
from proxy.path.fingerprint import read_query
from proxy.path.plan import CallLimits, order_of, plan
from proxy.postgrest.types import NEVER_MERGED, SINGLE_SPELLING_TYPES, can_merge, is_totally_ordered, known_column
from proxy.settings.model import Settings

ALIAS = b"f" + b"0" * 24
"""As long as the real one, which is random."""
MERGES, DEPENDS, ALONE = "merges", "depends", "never"
KnownColumns = Mapping[bytes, Column]


class Ties(msgspec.Struct, frozen=True):
    """What the order means for several rows of a key.

    ``verdict``: ``one`` (there are none), ``total``, ``carried``, ``any``, ``unknown``, or ``ties``.
    """

    verdict: str
    text: str


class MergeWay(msgspec.Struct, frozen=True):
    """One filter that may vary. ``verdict``: ``merges``, ``depends`` (on a type), ``never``."""

    column: str
    filter: str
    literal: str
    """What the literals look like: integer, uuid or text."""
    verdict: str
    others: str
    types: str
    asked: tuple[str, ...]
    """Columns whose types fanin would find out."""
    ties: Ties
    supposed: str
    """What ``call`` supposes, where it is not known."""
    sibling: str
    """The filter of the other request in ``call``, made up."""
    call: str
    """The merged call's target for this request and one more; its alias is shown as ``f…``."""


class MergeQuestion(msgspec.Struct, frozen=True):
    """A request that could merge, and all that bears on it."""

    member: PendingRequest
    settings: Settings
    mount: bytes
    known: KnownColumns

    @property
    def query(self) -> Query:
        return self.member.query

    @property
    def certain(self) -> bool:
        """Whether types come from the catalog, which knows collations too."""
        return self.settings.db_uri is not None

    @property
    def learns(self) -> bool:
        """Whether fanin finds types out: from the catalog, or by asking."""
        return self.certain or self.settings.merge.ask_types

    def supposing(self, columns: KnownColumns) -> "MergeQuestion":
        """The same where more is known."""
        return msgspec.structs.replace(self, known={**self.known, **columns})


Joined = tuple[PendingRequest, MergedCall]
"""Another request, and the call that it shares with the one in question."""


def way(case: MergeQuestion, key: Key) -> MergeWay:
    """What becomes of ``case`` where ``key`` is what varies."""
    found, supposed = _joined(case, key), ""
    if found is None and case.learns:
        found, supposed = _supposed(case, key)
    name = key.name.decode()
    other = None if found is None else next(own for own in found[0].query.keys if own.name == key.name)
    return MergeWay(
        column=name,
        filter=key.value.decode(),
        literal=key.kind.value,
        verdict=ALONE if found is None else DEPENDS if supposed else MERGES,
        others=f"requests of the same identity that are byte-equal but for the value of {name}",
        types=_types(case, key),
        asked=_asked(case, key) if case.learns else (),
        ties=_ties(case, key),
        supposed=supposed,
        sibling="" if other is None else other.value.decode(),
        call="" if found is None else found[1].target.decode("utf-8", "replace").replace(ALIAS.decode(), "f…"),
    )


def _joined(case: MergeQuestion, key: Key) -> Joined | None:
    """Another request for which the plan makes one call with this one; None where it makes two."""
    merge = case.settings.merge
    for other in _siblings(case, key):
        calls = plan([case.member, other], ALIAS, CallLimits(merge.max_keys, merge.max_url, case.known))
        if len(calls) == 1 and isinstance(calls[0], MergedCall):
            return other, calls[0]
    return None


def _supposed(case: MergeQuestion, key: Key) -> tuple[Joined | None, str]:
    """The same for the first types under which there is one, and what they are."""
    wanted = [name for name in _asked(case, key) if name != key.name.decode()]
    orders = {name.encode(): Column("timestamp with time zone", case.certain) for name in wanted}
    for type_name in _fitting(case, key) or ("",):
        columns = {key.name: Column(type_name, case.certain), **orders} if type_name else orders
        found = _joined(case.supposing(columns), key) if columns else None
        if found is not None:
            return found, ", ".join(f"{name.decode()} is {column.type}" for name, column in columns.items())
    return None, ""


def _siblings(case: MergeQuestion, key: Key) -> Iterator[PendingRequest]:
    """The same request for other values of the same class."""
    head, target = case.member.head, case.query.target
    schema, longest = case.settings.catalog.schemas[0], case.settings.merge.max_url
    form = b"eq.%b" if key.value[:3] == b"eq." else b"in.(%b)"
    for literal in _literals(key):
        if literal not in key.literals:
            raw = target[: key.start] + form % literal + target[key.end :]
            yield PendingRequest(read_query(case.query.method, raw, head, case.mount, schema, longest), head, 0.0)


def _literals(key: Key) -> Iterator[bytes]:
    first = key.literals[0]
    if key.kind is LiteralClass.INTEGER:
        yield from (b"%d" % (int(first) + step) for step in (1, -1))
    elif key.kind is LiteralClass.UUID:
        yield from (first[:-1] + digit for digit in (b"0", b"1"))
    else:
        yield from (b"another", b"other", b"true", b"false")
        try:
            yield (date.fromisoformat(first.decode()) + timedelta(days=1)).isoformat().encode()
        except (ValueError, OverflowError):
            return


# Types.


def _asked(case: MergeQuestion, key: Key) -> tuple[str, ...]:
    """Columns of which types would be found out before the plan is made."""
    other = next(_siblings(case, key), None)
    batch = [case.member] if other is None else [case.member, other]
    return tuple(name.decode() for name in unknown_columns(batch, case.known))


def _fitting(case: MergeQuestion, key: Key) -> list[str]:
    """Types that have one spelling for each literal of a key that needs a type, and has none yet."""
    if key.kind is not LiteralClass.TEXT or known_column(key.name, case.known) is not None:
        return []
    columns = [Column(name, case.certain) for name in SINGLE_SPELLING_TYPES]
    return [column.type for column in columns if all(can_merge(literal, column) for literal in key.literals)]


def _types(case: MergeQuestion, key: Key) -> str:
    name, column = key.name.decode(), known_column(key.name, case.known)
    if column is not None and not all(can_merge(literal, column) for literal in key.literals):
        return f"{name} is {column.type}, {_why_unfit(column)}"
    if column is not None:
        return f"{name} is {column.type}" + (", and unique" if column.unique else "")
    if key.kind is not LiteralClass.TEXT:
        spelling = "integer" if key.kind is LiteralClass.INTEGER else "lower-case UUID"
        return f'none has to be known of {name}: a canonical {spelling} has one spelling under every type but "char"'
    fitting = ", ".join(_fitting(case, key)) or "none that fanin knows"
    return f"{name} has to be of a type with one spelling for this value: {fitting}"


def _why_unfit(column: Column) -> str:
    if column.type in SINGLE_SPELLING_TYPES:
        return "which prints no value, or none that is certain, as it is written here"
    if column.type in NEVER_MERGED or column.type.endswith("[]"):
        return "by which nothing is merged"
    return "under which values have several spellings: canonical integers and UUIDs merge ('enum' is an enumeration)"


# Several rows a key.


def _ties(case: MergeQuestion, key: Key) -> Ties:
    order, names = order_of(case.query, case.known), _names(case.query.order)
    if (single := _single(case, key)) is not None:
        return single
    if order.is_total:
        return Ties("total", f"they keep their order: {names} leaves no ties, since one of these is unique")
    if order.columns:
        return Ties("carried", f"each row carries {names} along, hidden; where two rows tie, the originals are sent")
    unknown = _unknown_order(case)
    if unknown and case.learns:
        return Ties("unknown", f"the type of {_names(unknown)} decides: under most it shows ties, under numeric not")
    if case.settings.merge.ties == "any" and len(key.literals) == 1:
        return Ties("any", "they come in whatever order the database returns them (merge.ties=any)")
    return Ties("ties", f"the originals are sent, since {_why_tied(case, unknown)}")


def _single(case: MergeQuestion, key: Key) -> Ties | None:
    """What there is to say where several rows are out of the question."""
    column, media = known_column(key.name, case.known), case.member.head.media
    if len(key.literals) == 1 and column is not None and column.unique:
        return Ties("one", f"{key.name.decode()} is unique, so no key has several")
    if media is not None and media.singular:
        return Ties("one", "one object is asked for: where there are several, PostgREST's own 406 is given")
    return None


def _unknown_order(case: MergeQuestion) -> tuple[bytes, ...]:
    return tuple(name for name in case.query.order if known_column(name, case.known) is None)


def _why_tied(case: MergeQuestion, unknown: tuple[bytes, ...]) -> str:
    if unknown:
        return f"nobody may ask for the type of {_names(unknown)}"
    loose = tuple(name for name in case.query.order if not is_totally_ordered(known_column(name, case.known)))
    if loose:
        return f"values that look different can be tied under the type of {_names(loose)}"
    params = case.query.fingerprint.partition("?")[2].split("&")
    if any(param.startswith("order=") for param in params):
        return "the order is by something else than one to four plain columns"
    return "there is no order"


def _names(columns: tuple[bytes, ...]) -> str:
    return ", ".join(name.decode() for name in columns)
