"""The rows of the table of decisions in docs/explanation/merging.md#decisions, by name."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """What the table says of a row."""

    MERGES = "merge"
    MAY = "it depends"
    NEVER = "never merge"


class Decision(NamedTuple):
    """One row."""

    what: str
    verdict: Verdict


def _merges(what: str) -> Decision:
    return Decision(what, Verdict.MERGES)


def _may(what: str) -> Decision:
    return Decision(what, Verdict.MAY)


def _never(what: str) -> Decision:
    return Decision(what, Verdict.NEVER)


class Row(Enum):
    """What a request is an example of."""

    PLAIN = _merges("key=eq.V, the rest equal")
    OBJECT = _merges("Accept: object (± nulls=stripped)")
    STRIPPED = _merges("Accept: array, nulls=stripped")
    COUNT = _merges("Prefer: count=exact")
    ACCEPTS = _merges("Accept: list from which PostgREST chooses JSON")
    LIMIT = _merges("limit above 0")
    FROM_FIRST = _merges("offset=0")
    RANGE_LIMIT = _merges("Range from the first row on")
    PAGE = _merges("count=exact with a limit, under a certain order")
    UNORDERED = _may("several rows per key without a certain order")
    EMBED = _merges("embed")
    INNER = _merges("embed with !inner")
    EMPTY_EMBED = _merges("empty embed")
    SPREAD = _merges("spread embed")
    COMPUTED = _merges("computed column")
    PATH = _merges("JSON path in select")
    TREE = _merges("or/and/not and others on other columns")
    ROWS_COUNTED = _merges("select=count alone")
    JSON_KEY = _merges("key is text out of JSON")
    LIST = _merges("key=in.(…) under a certain order")
    LIST_OF_ONE = _merges("key=in.(V), one element")
    NAME = _merges("names with blanks, dashes, other scripts, quotes")
    HUGE = _merges("integers of up to 39 digits")
    MAX_ROWS = _may("max-rows may have cut the rows")
    SPELLINGS = _may("a type with several spellings")
    AGGREGATE = _never("other aggregates")
    PLANNED = _never("planned or estimated count")
    OFFSET = _never("offset above 0")
    NO_LIMIT = _never("limit=0, none, or several")
    RANGE = _never("other Ranges")
    MEDIA = _never("CSV, GeoJSON, plan, others")
    HEAD = _never("HEAD")
    COUNTED = _may("HEAD with count=exact")
    SEMICOLON = _never("';' in the query")
    REPEATED = _never("key or select given twice")
    EMPTY_SELECT = _never("empty select")
    BYTES = _never("NUL, or no UTF-8")
    BODY = _never("a GET with a body")
    OPERATOR = _never("operators other than eq")
    DIFFERING = _may("look-alikes with other heads")
    IDENTICAL = _may("identical, not yet sent")
    IN_FLIGHT = _may("identical, in flight")
    DELETE = _never("DELETE")
    PATCH = _never("PATCH")
    WRITE = _never("POST, PUT, upsert, POST rpc")
