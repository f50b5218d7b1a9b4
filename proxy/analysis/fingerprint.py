"""A fingerprint taken apart again, for those who explain it: relation, columns, operators, order.

Fingerprints are made by ``path.fingerprint``; ``GET t?select=*&id=eq.?&order=at.desc`` is one. A schema is in it where
it is not the first of PostgREST's db-schemas: ``GET private.t?id=eq.?``.
"""

from functools import lru_cache

import msgspec

from proxy.postgrest.request.target import RESERVED_PARAMS


class Filter(msgspec.Struct, frozen=True):
    """``column=operator.?``; ``at`` is the parameter's place in the query."""

    column: str
    operator: str
    at: int


class OrderItem(msgspec.Struct, frozen=True):
    """One item of ``order``; ``nulls`` is empty, ``nullsfirst`` or ``nullslast``."""

    column: str
    descending: bool
    nulls: str


class ParsedFingerprint(msgspec.Struct, frozen=True):
    """A fingerprint's parts. ``rest`` is what is neither a plain filter, ``select`` nor ``order``, as it stands."""

    method: str
    schema: str
    """Empty for the one that needs no profile."""
    relation: str
    """Without its schema."""
    select: str
    filters: tuple[Filter, ...]
    order: tuple[OrderItem, ...]
    rest: tuple[str, ...]

    @property
    def name(self) -> str:
        """The relation's, with its schema where that has to be named."""
        return f"{self.schema}.{self.relation}" if self.schema else self.relation


@lru_cache(maxsize=1024)
def read_fingerprint(fingerprint: str) -> ParsedFingerprint:
    """The parts of a fingerprint of a relation; never fails, since it only explains."""
    method, _, target = fingerprint.partition(" ")
    asked, _, query = target.partition("?")
    schema, dot, relation = asked.partition(".")
    select, order, filters, rest = "*", "", [], []
    for at, param in enumerate(query.split("&") if query else []):
        name, _, value = param.partition("=")
        if name == "select":
            select = value
        elif name == "order":
            order = value
        elif name.encode() in RESERVED_PARAMS or "." in name or "(" in value:
            rest.append(param)
        else:
            filters.append(Filter(name, value.removesuffix(".?"), at))
    place = (schema, relation) if dot else ("", asked)
    return ParsedFingerprint(method, *place, select, tuple(filters), _orders(order), tuple(rest))


def is_bounded(fingerprint: str) -> bool:
    """Whether the query has a limit or an offset of its own; those of embeds are none."""
    params = fingerprint.partition("?")[2].split("&")
    return "limit=?" in params or "offset=?" in params


def by_key(shown: ParsedFingerprint, key: str) -> Filter | None:
    """The filter by one value of ``key``, or by several."""
    return next((one for one in shown.filters if one.column == key and one.operator in ("eq", "in")), None)


def conflict_of(shown: ParsedFingerprint) -> str:
    """The columns of ``on_conflict``, with commas between them; empty where there is none."""
    return next((param.removeprefix("on_conflict=") for param in shown.rest if param.startswith("on_conflict=")), "")


def is_about_body(param: str) -> bool:
    """Whether a parameter says what a write's body has, not which rows it is about."""
    return param.startswith(("columns=", "on_conflict="))


def _orders(order: str) -> tuple[OrderItem, ...]:
    items = []
    for item in order.split(",") if order else []:
        column, *words = item.split(".")
        nulls = next((word for word in words if word.startswith("nulls")), "")
        items.append(OrderItem(column, "desc" in words, nulls))
    return tuple(items)
