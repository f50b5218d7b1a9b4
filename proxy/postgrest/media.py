"""Accept and Prefer, as far as merging needs them.

https://postgrest.org/en/v12/references/api/resource_representation.html and …/preferences.html
"""

JSON_ARRAY = frozenset((b"*/*", b"application/json", b"application/vnd.pgrst.array+json"))
"""Accept values that are answered with a plain JSON array of rows."""

JSON_TYPE = b"application/json; charset=utf-8"


def is_json_array(accepts: list[bytes]) -> bool:
    """Whether Accept lines (their values) ask for a JSON array and leave PostgREST no choice. None means any type."""
    return not accepts or (len(accepts) == 1 and accepts[0] in JSON_ARRAY)


def preferences(prefers: list[bytes]) -> list[bytes]:
    """The preferences of all Prefer lines in order; PostgREST compares them case-sensitively, without parameters."""
    return [token.strip(b" \t") for value in prefers for token in value.split(b",")]


def wants_count(prefers: list[bytes]) -> bool:
    """Whether a count of any kind is asked for."""
    return any(b"count" in preference for preference in preferences(prefers))


def without_count(applied: bytes) -> bytes:
    """A Preference-Applied value without ``count=exact``; empty when nothing is left."""
    return b", ".join(p for p in preferences([applied]) if p != b"count=exact")
