"""A query as a command line for curl. Names are the application's own; values are variables of the shell.

What a client wrote stands percent-encoded between single quotes, or not at all: no shell finds anything in it.
"""

import shlex
from collections.abc import Iterator
from urllib.parse import quote

from proxy.analysis.fingerprint import read_fingerprint
from proxy.fixes.identifiers import free_name, snake_case

_PLAIN = "*(),.:-_~"
"""What needs no percent-encoding in a query, and means nothing between single quotes."""
_FORMS = frozenset(("select", "order", "columns", "on_conflict"))
"""Parameters that a fingerprint holds as they came."""
_BODIES = frozenset(("POST", "PATCH", "PUT"))
_KNOWN = _BODIES | {"GET", "HEAD", "DELETE", "OPTIONS"}


def curl(fingerprint: str, relation: str, base: str) -> str:
    """A command for what a fingerprint stands for, ``base`` being where PostgREST is: ``http://HOST:PORT/mount``.

    Empty where there is no relation, and so no fingerprint of any use.
    """
    shown = read_fingerprint(fingerprint)
    if not relation or shown.method not in _KNOWN:
        return ""
    query, taken = fingerprint.partition("?")[2], set[str]()
    params = ["".join(_param(param, taken)) for param in query.split("&")] if query else []
    url = f"'{base}/{quote(shown.relation, safe=_PLAIN)}{'?' if params else ''}" + "&".join(params) + "'"
    return _command(shown.method, url.removesuffix("''"), shown.schema)


def curl_of(method: str, target: str, relation: str, fingerprint: str, origin: str) -> str:
    """The same with the values of one request: its ``target`` as it came, byte by byte (Latin-1)."""
    if not relation or method not in _KNOWN:
        return ""
    raw = quote(target.encode("latin-1"), safe="/?&=%+;@!$[]{}|\\^`<>\"'#" + _PLAIN)
    return _command(method, shlex.quote(origin + raw), read_fingerprint(fingerprint).schema)


def _command(method: str, url: str, schema: str) -> str:
    lines = [f"curl -g {_METHOD.get(method, f'-X {method} ')}{url}", '-H "Authorization: Bearer $TOKEN"']
    if schema:
        profile = "Accept-Profile" if method in ("GET", "HEAD") else "Content-Profile"
        lines.append(f"-H '{profile}: {quote(schema, safe=_PLAIN)}'")
    if method in _BODIES:
        lines += ["-H 'Content-Type: application/json'", '-d "$BODY"']
    return " \\\n  ".join(lines)


_METHOD = {"GET": "", "HEAD": "-I "}


def _param(param: str, taken: set[str]) -> Iterator[str]:
    """A parameter with a variable for each of its values, to stand between single quotes."""
    name, equals, form = param.partition("=")
    yield quote(name, safe=_PLAIN) + equals
    if name in _FORMS:
        yield quote(form, safe=_PLAIN)
        return
    first, *others = form.split("?")
    yield quote(first, safe=_PLAIN)
    for text in others:
        variable = f"'\"${free_name(snake_case(name), taken, reserved=())}\"'"
        yield f"({variable})" if form in ("in.?", "not.in.?") else variable
        yield quote(text, safe=_PLAIN)
