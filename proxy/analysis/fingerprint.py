"""Parses a fingerprint into relation, columns, filters and order, for rules and fixes.

``path.reading.fingerprint`` makes fingerprints such as ``GET t?select=*&id=eq.?&order=at.desc``. The schema is part of
the fingerprint unless it is the first of PostgREST's db-schemas: ``GET private.t?id=eq.?``.
"""

from sys import intern

import msgspec

from proxy.analysis.fingerprint_cache import cached_by_fingerprint
from proxy.postgrest.request.api_request import read_order
from proxy.postgrest.request.grammar import GrammarError
from proxy.postgrest.request.target import RESERVED_PARAMS


class Filter(msgspec.Struct, frozen=True):
    """``column=operator.?``; ``index`` is the parameter's position in the query string, from 0."""

    column: str
    operator: str
    index: int


class OrderItem(msgspec.Struct, frozen=True):
    """One item of ``order``; ``nulls`` is empty, ``nullsfirst`` or ``nullslast``."""

    column: str
    descending: bool
    nulls: str


class ParsedFingerprint(msgspec.Struct, frozen=True):
    """The parts of a fingerprint; ``rest`` has the other parameters (logic trees, limit, filters on embeds) as text."""

    method: str
    schema: str
    """Empty for the first of PostgREST's db-schemas, which needs no profile header."""
    relation: str
    """Without the schema."""
    select: str
    filters: tuple[Filter, ...]
    order: tuple[OrderItem, ...]
    rest: tuple[str, ...]
    more_filters: int = 0
    """Number of filters after the first ``MAX_FILTERS``. ``rest`` has a text that says so."""
    media: str = ""
    """What its requests ask for, as ``Span.media``; a fingerprint does not say (``answer_shape.as_asked``)."""

    @property
    def name(self) -> str:
        """Name of the relation; with the schema unless that is the default."""
        return f"{self.schema}.{self.relation}" if self.schema else self.relation


MAX_FILTERS = 50
"""The first filters of a query, which rules examine and code of fixes shows; the others are only counted."""
UNPARSED = "…"
"""The query of a fingerprint whose request had too many parameters to be parsed."""


BOUNDS = frozenset(("limit=?", "offset=?", UNPARSED))


@cached_by_fingerprint
def parse_fingerprint(fingerprint: str) -> ParsedFingerprint:
    """Parse a fingerprint of a relation. Never raises: its result only explains, it does not decide."""
    method, _, target = fingerprint.partition(" ")
    path, _, query = target.partition("?")
    schema, dot, relation = path.partition(".")
    select, order, filters, rest = "*", "", [], []
    if query == UNPARSED:
        select = UNPARSED
    for index, param in enumerate(query.split("&") if query else []):
        name, _, value = param.partition("=")
        if not name:  # of "a&&b"
            continue
        if name == "select":
            select = value
        elif name == "order":
            order = value
        elif param == UNPARSED or name.encode() in RESERVED_PARAMS or "." in name or "(" in value:
            rest.append(param)
        else:
            filters.append(Filter(name, intern(value.removesuffix(".?")), index))
    qualified = (schema, relation) if dot else ("", path)
    more = max(0, len(filters) - MAX_FILTERS)
    if more:
        rest.append(f"… and {more} more filters")
    kept = tuple(filters[:MAX_FILTERS])
    return ParsedFingerprint(method, *qualified, select, kept, parse_order(order), tuple(rest), more)


def is_bounded(fingerprint: str) -> bool:
    """Whether the query itself has a limit or an offset; those of embeds do not count. True if it is not parsed."""
    return not BOUNDS.isdisjoint(parse_fingerprint(fingerprint).rest)


def key_filter(parsed: ParsedFingerprint, key: str) -> Filter | None:
    """The ``eq`` or ``in`` filter on column ``key``; None if there is no such filter."""
    return next((f for f in parsed.filters if f.column == key and f.operator in ("eq", "in")), None)


def conflict_columns(parsed: ParsedFingerprint) -> str:
    """The columns of ``on_conflict``, separated by commas; empty without the parameter."""
    return next((param.removeprefix("on_conflict=") for param in parsed.rest if param.startswith("on_conflict=")), "")


def describes_body(param: str) -> bool:
    """Whether a parameter describes the body of a write, not the rows that it changes."""
    return param.startswith(("columns=", "on_conflict="))


def parse_order(order: str) -> tuple[OrderItem, ...]:
    """The items of the value of ``order``; names that are quoted in it are without their quotes."""
    if '"' in order:
        return _parse_quoted_order(order)
    items = []
    for item in order.split(",") if order else []:
        column, *words = item.split(".")
        nulls = next((word for word in words if word.startswith("nulls")), "")
        items.append(OrderItem(column, "desc" in words, nulls))
    return tuple(items)


def _parse_quoted_order(order: str) -> tuple[OrderItem, ...]:
    try:
        terms = read_order(order)
    except GrammarError:
        return (OrderItem(order, False, ""),)
    fields = (f"{term.relation}({term.field})" if term.relation else str(term.field) for term in terms)
    return tuple(
        OrderItem(field, term.direction == "desc", f"nulls{term.nulls}" if term.nulls else "")
        for field, term in zip(fields, terms, strict=True)
    )
