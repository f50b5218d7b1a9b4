"""A query as a curl command line. Values are shell variables.

Text from a client is percent-encoded inside single quotes or left out, so that a shell cannot interpret it.
"""

import shlex
from collections.abc import Iterator
from urllib.parse import quote

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.clients.identifiers import free_name, snake_case

_SAFE = "*(),.:-_~"
"""Characters that need no percent-encoding in a query string and no escape inside single quotes."""
_UNCHANGED = frozenset(("select", "order", "columns", "on_conflict"))
"""Parameters that a fingerprint contains unchanged."""
_WITH_BODY = frozenset(("POST", "PATCH", "PUT"))
_KNOWN = _WITH_BODY | {"GET", "HEAD", "DELETE", "OPTIONS"}


def curl(fingerprint: str, relation: str, base: str) -> str:
    """The command for a fingerprint; ``base`` is the base URL of PostgREST: ``http://HOST:PORT/mount``.

    Empty without a relation: such a fingerprint does not describe a request.
    """
    parsed = parse_fingerprint(fingerprint)
    if not relation or parsed.method not in _KNOWN:
        return ""
    query, used = fingerprint.partition("?")[2], set[str]()
    params = ["".join(_param_parts(param, used)) for param in query.split("&")] if query else []
    url = f"'{base}/{quote(parsed.relation, safe=_SAFE)}{'?' if params else ''}" + "&".join(params) + "'"
    return _command(parsed.method, url.removesuffix("''"), parsed.schema)


def curl_of_request(method: str, target: str, relation: str, fingerprint: str, origin: str) -> str:
    """The command for one request with its values; ``target`` holds the received bytes as Latin-1."""
    if not relation or method not in _KNOWN:
        return ""
    raw = quote(target.encode("latin-1"), safe="/?&=%+;@!$[]{}|\\^`<>\"'#" + _SAFE)
    return _command(method, shlex.quote(origin + raw), parse_fingerprint(fingerprint).schema)


def _command(method: str, url: str, schema: str) -> str:
    lines = [f"curl -g {_METHOD_OPTIONS.get(method, f'-X {method} ')}{url}", '-H "Authorization: Bearer $TOKEN"']
    if schema:
        profile = "Accept-Profile" if method in ("GET", "HEAD") else "Content-Profile"
        lines.append(f"-H '{profile}: {quote(schema, safe=_SAFE)}'")
    if method in _WITH_BODY:
        lines += ["-H 'Content-Type: application/json'", '-d "$BODY"']
    return " \\\n  ".join(lines)


_METHOD_OPTIONS = {"GET": "", "HEAD": "-I "}


def _param_parts(param: str, used: set[str]) -> Iterator[str]:
    """A parameter with a shell variable per value, as the inside of a single-quoted string."""
    name, equals, form = param.partition("=")
    yield quote(name, safe=_SAFE) + equals
    if name in _UNCHANGED:
        yield quote(form, safe=_SAFE)
        return
    first, *others = form.split("?")
    yield quote(first, safe=_SAFE)
    for text in others:
        variable = f"'\"${free_name(snake_case(name), used, reserved=())}\"'"
        yield f"({variable})" if form in ("in.?", "not.in.?") else variable
        yield quote(text, safe=_SAFE)
