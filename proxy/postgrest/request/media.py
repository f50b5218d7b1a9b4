"""Parses Accept and Prefer, as far as merging needs them.

https://postgrest.org/en/v12/references/api/resource_representation.html and …/preferences.html
"""

from proxy.model import Media

JSON_ARRAY = frozenset((b"*/*", b"application/json", b"application/vnd.pgrst.array+json"))
"""Values of Accept for which PostgREST answers a JSON array of rows."""

JSON_TYPE = b"application/json; charset=utf-8"
_CHARSET = b"; charset=utf-8"
_OBJECT = b"application/vnd.pgrst.object+json"
_STRIPPED_ARRAY = b"application/vnd.pgrst.array+json;nulls=stripped"
_STRIPPED_OBJECT = b"application/vnd.pgrst.object+json;nulls=stripped"
_ROW_SEPARATOR, _STRIPPED_SEPARATOR = b", \n ", b","
"""The bytes between two rows. With ``nulls=stripped`` the rows are serialised without blanks."""

ARRAY = Media(False, b"", JSON_TYPE, JSON_TYPE, _ROW_SEPARATOR)
MEDIA = dict.fromkeys(JSON_ARRAY, ARRAY) | {
    _OBJECT: Media(True, b"application/json", JSON_TYPE, _OBJECT + _CHARSET, _ROW_SEPARATOR),
    _STRIPPED_ARRAY: Media(False, b"", _STRIPPED_ARRAY + _CHARSET, _STRIPPED_ARRAY + _CHARSET, _STRIPPED_SEPARATOR),
    _STRIPPED_OBJECT: Media(
        True, _STRIPPED_ARRAY, _STRIPPED_ARRAY + _CHARSET, _STRIPPED_OBJECT + _CHARSET, _STRIPPED_SEPARATOR
    ),
}
"""Per value of Accept, the media type that can be produced from an array of rows."""

MAX_PREFERENCES = 100
"""The most preferences that are read; RFC 7240 defines fewer than ten."""


def media_of(accepts: list[bytes]) -> Media | None:
    """The media type for the values of all Accept lines; None if it is not supported, or if PostgREST could choose.

    No Accept line means any type.
    """
    if not accepts:
        return ARRAY
    return MEDIA.get(accepts[0]) if len(accepts) == 1 else None


def preferences(prefers: list[bytes]) -> list[bytes]:
    """The preferences of all Prefer lines, in order. PostgREST compares them case-sensitively, without parameters."""
    return [token.strip(b" \t") for value in prefers for token in value.split(b",")]


WRITE_PREFERENCES = frozenset(
    b"resolution=merge-duplicates resolution=ignore-duplicates missing=default missing=null"
    b" return=representation return=minimal return=headers-only".split()
)
"""The preferences that decide what a write does and returns."""


def write_preferences(prefers: list[bytes]) -> str:
    """Those of ``WRITE_PREFERENCES`` that a request has, sorted and comma-separated."""
    return b",".join(sorted(WRITE_PREFERENCES.intersection(preferences(prefers)))).decode() if prefers else ""


def count_preferences(prefers: list[bytes]) -> list[bytes]:
    """The preferences that contain ``count``. More than ``MAX_PREFERENCES`` are not read: they count as one."""
    if sum(value.count(b",") for value in prefers) > MAX_PREFERENCES:
        return [b",".join(prefers)]
    return [preference for preference in preferences(prefers) if b"count" in preference]


def without_count(applied: bytes) -> bytes:
    """A value of Preference-Applied without ``count=exact``; empty if no other preference is in it."""
    return b", ".join(p for p in preferences([applied]) if p != b"count=exact")
