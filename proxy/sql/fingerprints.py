"""Reads a fingerprint back into a request, whose literals are all ``?``: as SQL, they are its parameters."""

from urllib.parse import quote

from proxy.postgrest.request.api_request import ApiRequest, read_api_request
from proxy.postgrest.request.target import LOGIC, RESERVED_PARAMS
from proxy.sql.expressions import UnwritableError

UNPARSED, HIDDEN = "?…", "…"
_LOGIC = tuple(name.decode() for name in LOGIC)


def request_of(
    fingerprint: str, limit: int | None = None, offset: int = 0, prefers: tuple[str, ...] = ()
) -> ApiRequest:
    """The request of a fingerprint. ``limit`` and ``offset`` are those that were sent, ``prefers`` its preferences.

    UnwritableError if the fingerprint does not tell the request.
    """
    method, _, target = fingerprint.partition(" ")
    path, _, query = target.partition("?")
    if fingerprint.endswith(UNPARSED) or "#" in fingerprint:
        raise UnwritableError("a request whose fingerprint has no parameters")
    if path.startswith("/"):
        raise UnwritableError("a call of a function, or another path that names no table or view")
    schema, dot, relation = path.partition(".")
    params = [_param(*param.partition("=")[::2], limit, offset) for param in query.split("&")] if query else []
    written = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params if name)
    target = "/" + quote(relation if dot else path, safe="") + ("?" + written if written else "")
    request = read_api_request(
        method.encode(), target.encode(), b"", schema if dot else "", [prefer.encode() for prefer in prefers], b""
    )
    if request is None:
        raise UnwritableError("a request for no relation")
    return request


def _param(name: str, value: str, limit: int | None, offset: int) -> tuple[str, str]:
    """A parameter with values in place of question marks; without a name if it has no effect."""
    last = name.rpartition(".")[2]
    if HIDDEN in (name, value) or (name == "limit" and limit is None):
        return "", ""
    if name in ("limit", "offset"):
        return name, str(limit if name == "limit" else offset)
    if last in ("limit", "offset"):
        raise UnwritableError(f"{name}, whose number is not recorded")
    if last == "order" or name.encode() in RESERVED_PARAMS:
        return name, value
    return name, _with_values(value, last in _LOGIC)


def _with_values(value: str, is_tree: bool) -> str:
    """The text of a filter or a tree in which lists and arrays have the form that PostgREST reads."""
    if "fts(?)" in value:
        raise UnwritableError("a text search whose language is not recorded")
    if is_tree:
        return value.replace(".in.?", ".in.(?)").replace("(any).?", "(any).{?}").replace("(all).?", "(all).{?}")
    if value.removeprefix("not.") == "in.?":
        return value[:-1] + "(?)"
    return value[:-1] + "{?}" if value.endswith(("(any).?", "(all).?")) else value
