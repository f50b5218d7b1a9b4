"""Per key of a request: which requests merge with it, and the merged call. It runs the planner of the request path."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec

from proxy.model import Column, Key, LiteralClass, MergedCall, PendingRequest, Query
from proxy.path.batches.plan import CallLimits, counts_rows, plan
from proxy.path.evidence.columns import unknown_columns
from proxy.path.reading.fingerprint import read_query
from proxy.postgrest.request.set_filter import counts_by_address
from proxy.postgrest.row_address import ADDRESS_TYPE, CTID
from proxy.postgrest.row_order import order_of
from proxy.postgrest.types import (
    INTEGER_RANGES,
    NEVER_MERGED,
    SINGLE_SPELLING_TYPES,
    can_merge,
    is_totally_ordered,
    known_column,
)
from proxy.settings.model import Settings

ALIAS = b"f" + b"0" * 24
"""An alias with the length of the real one, which is random."""
MERGES, DEPENDS, ALONE = "merges", "depends", "never"
PHYSICAL = (
    "there is no order, so that the call also selects ctid: they merge as long as PostgREST is seen to answer them in "
    "the order in which the table stores them (merge.ties=physical); for views, some indexes and changed rows fanin "
    "sends the original requests"
)
COUNTED = "fanin counts the rows of the call; if they are more than 1,000 per key, it sends the original requests"
COUNTED_BY_ADDRESS = "; it selects ctid, so that the relation must be a table that the caller may read as a whole"
COUNTED_KEYS = "the rows are only counted"
NOT_BY_ADDRESS = (
    "fanin sends the original requests: there is no order, and by the catalog PostgREST may return the rows in another "
    "order than the table stores them (an index on further columns, or none and a large table)"
)
KnownColumns = Mapping[bytes, Column]


class Ties(msgspec.Struct, frozen=True):
    """Whether several rows of one key keep their order in a merged answer.

    ``verdict``: ``one`` (a key has at most one row), ``total``, ``carried``, ``physical``, ``any``, ``unknown``, or
    ``ties``.
    """

    verdict: str
    text: str


class MergeWay(msgspec.Struct, frozen=True):
    """Merging by one filter, the key. ``verdict``: ``merges``, ``depends`` (on a type), ``never``."""

    column: str
    filter: str
    literal: str
    """Literal class: integer, uuid or text."""
    verdict: str
    others: str
    types: str
    asked: tuple[str, ...]
    """Columns whose types fanin looks up."""
    ties: Ties
    supposed: str
    """The types that ``call`` assumes, if they are unknown."""
    sibling: str
    """The filter of the other request in ``call``; its value is invented."""
    call: str
    """Target of the merged call for this request and one other; its alias is shown as ``f…``."""


class MergeQuestion(msgspec.Struct, frozen=True):
    """A request that may merge, with the settings, the mount and the known columns that decide it."""

    pending: PendingRequest
    settings: Settings
    mount: bytes
    known: KnownColumns

    @property
    def query(self) -> Query:
        return self.pending.query

    @property
    def certain(self) -> bool:
        """Whether types come from the catalog, which has collations too."""
        return self.settings.db_uri is not None

    @property
    def looks_up_types(self) -> bool:
        """Whether fanin looks up types: in the catalog, or with a request to PostgREST."""
        return self.certain or self.settings.merge.ask_types

    def assuming(self, columns: KnownColumns) -> "MergeQuestion":
        """The same question with more columns known."""
        return msgspec.structs.replace(self, known={**self.known, **columns})


Joined = tuple[PendingRequest, MergedCall]
"""Another request, and the call that answers both."""


def merge_way(question: MergeQuestion, key: Key) -> MergeWay:
    """How the request merges with requests that differ in ``key``."""
    if question.query.method == b"HEAD":
        question = question.assuming({CTID: Column(ADDRESS_TYPE, unique=True)})
    joined, supposed = _joined(question, key), ""
    if joined is None and question.looks_up_types:
        joined, supposed = _joined_by_assumption(question, key)
    name = key.name.decode()
    other = None if joined is None else next(own for own in joined[0].query.keys if own.name == key.name)
    return MergeWay(
        column=name,
        filter=key.value.decode(),
        literal=key.kind.value,
        verdict=ALONE if joined is None else DEPENDS if supposed else MERGES,
        others=f"requests of the same identity that are byte-equal except for the value of {name}",
        types=_type_text(question, key),
        asked=_columns_to_look_up(question, key) if question.looks_up_types else (),
        ties=_ties(question, key),
        supposed=supposed,
        sibling="" if other is None else other.value.decode(),
        call="" if joined is None else joined[1].target.decode("utf-8", "replace").replace(ALIAS.decode(), "f…"),
    )


def _joined(question: MergeQuestion, key: Key) -> Joined | None:
    """Another request that the planner merges with this one; None if it plans two calls."""
    merge = question.settings.merge
    for other in other_requests(question, key):
        calls = plan([question.pending, other], ALIAS, CallLimits(merge.max_keys, merge.max_url, question.known))
        if len(calls) == 1 and isinstance(calls[0], MergedCall):
            return other, calls[0]
    return None


def _joined_by_assumption(question: MergeQuestion, key: Key) -> tuple[Joined | None, str]:
    """The same under the first assumed types that merge, and these types as text."""
    wanted = [name for name in _columns_to_look_up(question, key) if name != key.name.decode()]
    orders = {name.encode(): Column("timestamp with time zone", question.certain) for name in wanted}
    for type_name in _fitting_types(question, key) or ("",):
        columns = {key.name: Column(type_name, question.certain), **orders} if type_name else orders
        joined = _joined(question.assuming(columns), key) if columns else None
        if joined is not None:
            return joined, ", ".join(f"{name.decode()} is {column.type}" for name, column in columns.items())
    return None, ""


def other_requests(question: MergeQuestion, key: Key) -> Iterator[PendingRequest]:
    """The same request with other values of the same literal class."""
    head, target = question.pending.head, question.query.target
    schema, longest = question.settings.catalog.schemas[0], question.settings.merge.max_url
    form = b"eq.%b" if key.value[:3] == b"eq." else b"in.(%b)"
    for literal in _literals(key):
        if literal not in key.literals:
            raw = target[: key.start] + form % literal + target[key.end :]
            yield PendingRequest(
                read_query(question.query.method, raw, head, question.mount, schema, longest), head, 0.0
            )


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


def _columns_to_look_up(question: MergeQuestion, key: Key) -> tuple[str, ...]:
    """Columns whose types fanin looks up before it plans."""
    other = next(other_requests(question, key), None)
    batch = [question.pending] if other is None else [question.pending, other]
    return tuple(name.decode() for name in unknown_columns(batch, question.known))


def _fitting_types(question: MergeQuestion, key: Key) -> list[str]:
    """Types in which each literal has one spelling; empty for a key that needs no type or has one."""
    if key.kind is not LiteralClass.TEXT or known_column(key.name, question.known) is not None:
        return []
    columns = [Column(name, question.certain) for name in SINGLE_SPELLING_TYPES]
    return [column.type for column in columns if all(can_merge(literal, column) for literal in key.literals)]


def _type_text(question: MergeQuestion, key: Key) -> str:
    name, column = key.name.decode(), known_column(key.name, question.known)
    if column is not None and not all(can_merge(literal, column) for literal in key.literals):
        return f"{name} is {column.type}, {_unfit_text(column, key)}"
    if column is not None:
        return f"{name} is {column.type}" + (", and unique" if column.unique else "")
    if key.kind is not LiteralClass.TEXT:
        spelling = "integer" if key.kind is LiteralClass.INTEGER else "lower-case UUID"
        return f'not needed for {name}: a canonical {spelling} has one spelling in every type except "char"'
    fitting = ", ".join(_fitting_types(question, key)) or "none that fanin knows"
    return f"{name} must have a type with one spelling for this value: {fitting}"


def _unfit_text(column: Column, key: Key) -> str:
    if column.type in INTEGER_RANGES and key.kind is LiteralClass.INTEGER:
        least, end = INTEGER_RANGES[column.type]
        return f"whose values are from {least} to {end - 1}: PostgREST answers 400 to another one"
    if column.type in SINGLE_SPELLING_TYPES:
        return "which does not, or not certainly, print a value as it is spelled here"
    if column.type in NEVER_MERGED or column.type.endswith("[]"):
        return "a type that fanin never merges by"
    return (
        "in which values have several spellings: canonical integers and UUIDs merge (write 'enum' for an enumeration)"
    )


# Several rows per key.


def _ties(question: MergeQuestion, key: Key) -> Ties:
    order, names = order_of(question.query, question.known), _names(question.query.order)
    if (single := _at_most_one_row(question, key)) is not None:
        return single
    if order.is_total:
        return Ties("total", f"they keep their order: {names} leaves no ties, since one of these is unique")
    if order.columns:
        return Ties("carried", f"the call also selects {names}; if two rows tie, fanin sends the original requests")
    unknown = _unknown_order(question)
    if unknown and question.looks_up_types:
        return Ties("unknown", f"the type of {_names(unknown)} decides: most types show ties, numeric does not")
    return _loose_ties(question, key, unknown)


def _loose_ties(question: MergeQuestion, key: Key, unknown: tuple[bytes, ...]) -> Ties:
    """The verdict where the order leaves ties that no hidden column shows."""
    setting, column = question.settings.merge.ties, known_column(key.name, question.known)
    if setting == "any" and len(key.literals) == 1:
        return Ties("any", "they have the order in which the database returns them (merge.ties=any)")
    if setting == "physical" and question.looks_up_types and not question.query.is_ordered:
        by_address = column is None or column.by_address
        return Ties("physical", PHYSICAL) if by_address else Ties("ties", NOT_BY_ADDRESS)
    return Ties("ties", f"fanin sends the original requests, since {_ties_text(question, unknown)}")


def _at_most_one_row(question: MergeQuestion, key: Key) -> Ties | None:
    """The verdict if a key cannot have several rows, or if they are only counted, else None."""
    if question.query.method == b"HEAD":
        by_address = counts_by_address(question.query)
        return Ties("one", COUNTED + COUNTED_BY_ADDRESS * by_address)
    if counts_rows(question.pending, question.known):
        return Ties("one", COUNTED_KEYS)
    column, media = known_column(key.name, question.known), question.pending.head.media
    if len(key.literals) == 1 and column is not None and column.unique:
        return Ties("one", f"{key.name.decode()} is unique, so no key has several")
    if media is not None and media.singular:
        return Ties("one", "the request accepts one object: for several rows the answer is PostgREST's 406")
    return None


def _unknown_order(question: MergeQuestion) -> tuple[bytes, ...]:
    return tuple(name for name in question.query.order if known_column(name, question.known) is None)


def _ties_text(question: MergeQuestion, unknown: tuple[bytes, ...]) -> str:
    if unknown:
        return f"fanin may not look up the type of {_names(unknown)}"
    loose = tuple(name for name in question.query.order if not is_totally_ordered(known_column(name, question.known)))
    if loose:
        return f"the type of {_names(loose)} can tie values with different spellings"
    params = question.query.fingerprint.partition("?")[2].split("&")
    if any(param.startswith("order=") for param in params):
        return "the order is not one to four plain columns"
    return "there is no order"


def _names(columns: tuple[bytes, ...]) -> str:
    return ", ".join(name.decode() for name in columns)
