"""Parses Accept, Range and Prefer, as far as merging needs them.

https://postgrest.org/en/v12/references/api/resource_representation.html and …/preferences.html
"""

from functools import lru_cache

import msgspec

from proxy.model import Media

JSON_ARRAY = frozenset(
    (b"*/*", b"application/json", b"application/vnd.pgrst.array+json", b"application/vnd.pgrst.array")
)
"""Media types for which PostgREST answers a JSON array of rows."""

OTHER_TYPES = (b"text/csv", b"application/geo+json", b"application/vnd.pgrst.plan")
"""Media types for which PostgREST answers in another format. Those of ``plan`` have suffixes."""

MAX_ACCEPT = 1000
"""Bytes of an Accept that is parsed."""

CACHED_ACCEPTS = 256

MAX_ROWS_DIGITS = 9
"""Digits of a limit, an offset, or the last row of a Range, up to which requests are merged."""

JSON_TYPE = b"application/json; charset=utf-8"
_CHARSET = b"; charset=utf-8"
_OBJECT = b"application/vnd.pgrst.object+json"
_STRIPPED_ARRAY = b"application/vnd.pgrst.array+json;nulls=stripped"
_STRIPPED_OBJECT = b"application/vnd.pgrst.object+json;nulls=stripped"
_ROW_SEPARATOR, _STRIPPED_SEPARATOR = b", \n ", b","
"""The bytes between two rows. With ``nulls=stripped`` the rows are serialised without blanks."""

ARRAY = Media(False, b"", JSON_TYPE, JSON_TYPE, _ROW_SEPARATOR)
OBJECT = Media(True, b"application/json", JSON_TYPE, _OBJECT + _CHARSET, _ROW_SEPARATOR, "object")
STRIPPED_ARRAY = Media(
    False,
    b"",
    _STRIPPED_ARRAY + _CHARSET,
    _STRIPPED_ARRAY + _CHARSET,
    _STRIPPED_SEPARATOR,
    "nulls=stripped",
)
STRIPPED_OBJECT = Media(
    True,
    _STRIPPED_ARRAY,
    _STRIPPED_ARRAY + _CHARSET,
    _STRIPPED_OBJECT + _CHARSET,
    _STRIPPED_SEPARATOR,
    "object,nulls=stripped",
)
_OBJECTS = frozenset((_OBJECT, b"application/vnd.pgrst.object"))
_NULLS_STRIPPED = [b"nulls=stripped"]


class _Accepted(msgspec.Struct, frozen=True):
    """One media type of an Accept."""

    name: bytes
    params: list[bytes]
    quality: float
    specificity: int


MAX_PREFERENCES = 100
"""The most preferences that are read; RFC 7240 defines fewer than ten."""


def media_of(accepts: list[bytes]) -> Media | None:
    """The media type that PostgREST chooses for the values of all Accept lines; None if it is not supported, or if the
    choice is not certain.

    No Accept line means any type.
    """
    if not accepts:
        return ARRAY
    return _chosen(accepts[0]) if len(accepts) == 1 and len(accepts[0]) <= MAX_ACCEPT else None


@lru_cache(maxsize=CACHED_ACCEPTS)
def _chosen(accept: bytes) -> Media | None:
    """PostgREST's choice: the first type that it has, by quality, then by the number of parameters less that of stars.

    A type that PostgREST does not have may have a media type handler. The answer's Content-Type shows that, so an array
    may be assumed; for an object, whose merged call asks for an array, there must be no doubt.
    """
    read = [_accepted(text) for text in accept.split(b",")]
    types = [each for each in read if each is not None]
    if len(types) < len(read):
        return None
    best = sorted(types, key=lambda each: (-each.quality, -each.specificity))
    first = next((each for each in best if _media(each) is not None or each.name.startswith(OTHER_TYPES)), None)
    media = None if first is None else _media(first)
    certain = first is best[0] and first is max(types, key=lambda each: each.quality)
    return media if media is not None and (certain or not media.singular) else None


def _accepted(text: bytes) -> _Accepted | None:
    """Parse one media type as PostgREST does: without blanks, with a quality of 1 where it is no number.

    None where it is not certain how PostgREST reads the quality.
    """
    bare, mark, rest = text.replace(b" ", b"").partition(b";q=")
    quality, number = 1.0, rest.partition(b";")[0]
    if mark and number[:1].isdigit():
        if not number.replace(b".", b"", 1).isdigit() or len(number) > 10:
            return None
        quality = float(number)
    elif mark and number[:1] not in (b"", b"."):
        return None
    name, *params = bare.split(b";")
    return _Accepted(name, params, quality, bare.count(b";") - bare.count(b"*"))


def _media(accepted: _Accepted) -> Media | None:
    stripped = accepted.params == _NULLS_STRIPPED
    if accepted.name in _OBJECTS:
        return STRIPPED_OBJECT if stripped else OBJECT
    if accepted.name in JSON_ARRAY:
        return STRIPPED_ARRAY if stripped and b"array" in accepted.name else ARRAY
    return None


def range_limit(ranges: list[bytes]) -> tuple[bool, int | None]:
    """Whether the values of all Range lines leave the first row in, and how many rows they ask for; None: all.

    PostgREST counts rows, whatever Range-Unit says, and ignores what it cannot read.
    """
    if not ranges or ranges == [b"0-"]:
        return True, None
    first, dash, last = ranges[0].partition(b"-")
    plain = len(ranges) == 1 and first == b"0" and dash and last.isdigit() and len(last) <= MAX_ROWS_DIGITS
    return (True, int(last) + 1) if plain else (False, None)


def row_window(ranges: list[bytes]) -> tuple[int, int] | None:
    """The first row and the number of rows that a Range with a first row above 0 asks for; None without such a one."""
    first, dash, last = ranges[0].partition(b"-") if len(ranges) == 1 else (b"", b"", b"")
    if not (dash and first.isdigit() and last.isdigit() and max(len(first), len(last)) <= MAX_ROWS_DIGITS):
        return None
    return (int(first), int(last) + 1 - int(first)) if 0 < int(first) <= int(last) else None


def preferences(prefers: list[bytes]) -> list[bytes]:
    """The preferences of all Prefer lines, in order. PostgREST compares them case-sensitively, without parameters."""
    return [token.strip(b" \t") for value in prefers for token in value.split(b",")]


WRITE_PREFERENCES = frozenset(
    b"resolution=merge-duplicates resolution=ignore-duplicates missing=default missing=null"
    b" return=representation return=minimal return=headers-only".split()
)
"""The preferences that decide what a write does and returns."""


def write_preferences(prefers: list[bytes]) -> str:
    """Those of ``WRITE_PREFERENCES`` that a request has, sorted and comma-separated. More than ``MAX_PREFERENCES`` are
    not read.
    """
    if not prefers or _are_too_many(prefers):
        return ""
    return b",".join(sorted(WRITE_PREFERENCES.intersection(preferences(prefers)))).decode()


def count_preferences(prefers: list[bytes]) -> list[bytes]:
    """The preferences that contain ``count``. More than ``MAX_PREFERENCES`` are not read: they count as one."""
    if _are_too_many(prefers):
        return [b",".join(prefers)]
    return [preference for preference in preferences(prefers) if b"count" in preference]


def _are_too_many(prefers: list[bytes]) -> bool:
    return sum(value.count(b",") for value in prefers) > MAX_PREFERENCES


def without_count(applied: bytes) -> bytes:
    """A value of Preference-Applied without ``count=exact``; empty if no other preference is in it."""
    return b", ".join(p for p in preferences([applied]) if p != b"count=exact")
