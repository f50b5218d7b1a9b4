"""What fanin makes of one request, and why: ``fanin explain 'GET /t?id=eq.1' -H 'Accept: …'``.

The answer comes from the code that decides on the path, asked with the request and a sibling that differs in one value.
"""

import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from proxy.config import ConfigError, Settings
from proxy.errors import REFUSALS, REMEDIES, FaultError
from proxy.http1.head import Field, first, parse_fields
from proxy.model import Column, Head, Key, LiteralClass, Member, Merged, Query
from proxy.observe.text import safe
from proxy.overrides import PerQuery
from proxy.path.duplicate import is_shareable, listed
from proxy.path.fingerprint import read_query
from proxy.path.identity import head_rules, read_head
from proxy.path.plan import Bounds, plan
from proxy.postgrest.asked import read_asked
from proxy.postgrest.literals import canonical
from proxy.postgrest.media import preferences
from proxy.postgrest.sql import Sql, sql_of
from proxy.postgrest.types import JSON_TEXT, column_of, fits, sorts

ALIAS = b"f"
METHODS = frozenset(("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"))


class Way(msgspec.Struct, frozen=True):
    """One filter whose value may vary between the requests that share a call."""

    column: str
    looks: str
    """What the value looks like: integer, uuid or text."""
    type: str
    """What is known of the column's type; empty when nothing is."""
    merges: bool
    why: str
    target: str
    """The merged call for this value and another one; empty when there is none."""


class Explained(msgspec.Struct, frozen=True):
    """Everything that is told of a request. Header values and tokens are not."""

    request: str
    relation: str
    fingerprint: str
    identity: tuple[str, ...]
    """Names of the headers that another request must have byte-equal to share a call."""
    neutral: tuple[str, ...]
    """Names of those that it need not."""
    ways: tuple[Way, ...]
    sql: str
    """The statement that the request stands for; empty where none can be written."""
    sql_notes: tuple[str, ...]
    """What the statement simplifies or leaves out."""
    several_rows: str
    refusal: str
    because: str
    remedy: str
    shares: bool
    """Whether byte-equal requests that wait at the same time share one call."""

    @property
    def merges(self) -> bool:
        return any(way.merges for way in self.ways)


def is_request(word: str) -> bool:
    """Whether a word of the command line is a request and not the name of something."""
    return word.partition(" ")[0] in METHODS or "://" in word or word.startswith("/")


def explain(word: str, headers: Sequence[str], settings: Settings, types: Mapping[str, str]) -> Explained:
    """``word`` is ``METHOD target``, a target, or a URL; ConfigError when it is no request at all."""
    method, target = _request_line(word)
    fields, head = _head(headers, settings)
    mount = _mount(target, settings)
    query = read_query(method, target, head, mount, settings.merge.max_url)
    settings = PerQuery(settings, lambda found: found).of(query.relation, head.route)
    columns = {name.encode(): Column(kind) for name, kind in types.items()}
    ways = tuple(_way(query, key, head, mount, settings, columns) for key in query.keys) if not query.refusal else ()
    sql = _sql(method, target, mount, fields, head, types)
    refusal = query.refusal or ("" if any(way.merges for way in ways) else "literal")
    named, same = _names(head.forward), _names(head.identity)
    return Explained(
        request=f"{method.decode()} {safe(target.decode('utf-8', 'replace'))}",
        relation=safe(query.relation),
        fingerprint=safe(query.fingerprint),
        identity=tuple(same),
        neutral=tuple(name for name in named if name not in same),
        ways=ways,
        sql="\n".join(safe(line) for line in sql.statement.split("\n")),
        sql_notes=tuple(safe(note) for note in sql.notes),
        several_rows="" if refusal else _several_rows(query, columns),
        refusal=refusal,
        because=REFUSALS.get(refusal, ""),
        remedy=REMEDIES.get(refusal, ""),
        shares=is_shareable(query, head, mount, listed(settings.rules.duplicate_read.rpc)),
    )


def as_text(told: Explained) -> str:
    """For people: a few lines, what comes of it first."""
    lines = [f"{told.request}", f"  {_verdict(told)}", "", f"  relation     {told.relation or '-'}"]
    lines += [f"  fingerprint  {told.fingerprint}", f"  identity     {', '.join(told.identity) or '-'}"]
    lines.append(f"  neutral      {', '.join(told.neutral) or '-'}")
    for way in told.ways:
        lines += ["", f"  {way.column} ({way.looks}{', ' + way.type if way.type else ''}): {way.why}"]
        if way.target:
            lines.append(f"    GET {way.target}")
    if told.sql:
        lines += ["", *(f"  {line}" for line in told.sql.splitlines())]
    lines += [f"  -- {note}" for note in told.sql_notes]
    if told.several_rows:
        lines += ["", f"  several rows a key: {told.several_rows}"]
    if told.refusal:
        lines += ["", f"  why     {told.because}", f"  remedy  {told.remedy}"]
    return "\n".join(lines)


def _verdict(told: Explained) -> str:
    if told.merges:
        return "merges"
    if told.refusal == "literal" and not all(way.type for way in told.ways):
        return "depends on the types of its columns, which a running fanin asks for once"
    equal = "; byte-equal ones that wait at the same time share one call" if told.shares else ""
    return f"goes alone: {told.refusal}{equal}"


def _request_line(word: str) -> tuple[bytes, bytes]:
    method, space, rest = word.partition(" ")
    target = rest if space and method in METHODS else word
    method = method if space and method in METHODS else "GET"
    if "://" in target:
        parts = urlsplit(target)
        target = (parts.path or "/") + (f"?{parts.query}" if "?" in target else "")
    raw = target.encode("utf-8", "surrogateescape")
    if raw[:1] != b"/" or any(byte <= 0x20 or byte == 0x7F for byte in raw):
        raise ConfigError(f"explain: '{safe(word)}' is no request: write 'GET /relation?column=eq.value', or a URL")
    return method.encode(), raw


def _sql(
    method: bytes, target: bytes, mount: bytes, fields: tuple[Field, ...], head: Head, types: Mapping[str, str]
) -> Sql:
    prefers = preferences([field.value for field in fields if field.name == b"prefer"])
    asked = read_asked(method, target, mount, head.profile, prefers, first(fields, b"range") or b"")
    return Sql("", ()) if asked is None else sql_of(asked, dict(types))


def _head(headers: Sequence[str], settings: Settings) -> tuple[tuple[Field, ...], Head]:
    identity = settings.identity
    rules = head_rules(
        b"", settings.trace.headers, identity.also_neutral, identity.not_neutral, secrets.token_bytes(16)
    )
    try:
        fields = parse_fields("\r\n".join(["Host: upstream", *headers]).encode(), "FANIN102")
        return fields, read_head(fields, 1, rules)
    except FaultError as error:
        raise ConfigError(f"explain: -H: {error.fault.message}. {error.fault.hint}") from error


def _mount(target: bytes, settings: Settings) -> bytes:
    """As set; by itself ``/rest/v1`` where the path begins so."""
    mount = settings.mount
    if mount == "auto":
        mount = "/rest/v1" if target.startswith(b"/rest/v1/") else "/"
    return mount.rstrip("/").encode()


def _names(lines: bytes) -> list[str]:
    names = [line.partition(b":")[0].decode("ascii", "replace").lower() for line in lines.split(b"\r\n") if line]
    return list(dict.fromkeys(names))


def _way(query: Query, key: Key, head: Head, mount: bytes, settings: Settings, columns: Mapping[bytes, Column]) -> Way:
    """What comes of this request and one that differs in the value of ``key`` only."""
    column = column_of(key.name, columns)
    name, merge = key.name.decode("utf-8", "replace"), settings.merge
    target = query.target[: key.start] + _another(key, column) + query.target[key.end :]
    sibling = read_query(query.method, target, head, mount, merge.max_url)
    batch = [Member(query, head, 0.0), Member(sibling, head, 0.0)]
    (*_, call) = plan(batch, ALIAS, Bounds(merge.max_keys, merge.max_url, columns))
    merged = call.target.decode("utf-8", "replace") if isinstance(call, Merged) else ""
    return Way(
        column=safe(name),
        looks=key.kind.value,
        type="" if column is None else column.type,
        merges=bool(merged),
        why=_why(name, key, column, bool(merged)),
        target=safe(merged),
    )


def _another(key: Key, column: Column | None) -> bytes:
    """A filter of the same class with another value, to stand for the other requests."""
    first = key.literals[0]
    if canonical(first) is LiteralClass.INTEGER:
        other = b"%d" % (abs(int(first)) + 1)
    elif canonical(first) is LiteralClass.UUID:
        other = first[:-1] + (b"0" if first[-1:] != b"0" else b"1")
    elif column is not None and column.type == "boolean":
        other = b"false" if first == b"true" else b"true"
    elif column is not None and column.type == "date":
        other = b"2001-01-01" if first != b"2001-01-01" else b"2001-01-02"
    else:
        other = b"another"
    return b"in.(" + other + b")" if key.value.startswith(b"in.") else b"eq." + other


def _why(name: str, key: Key, column: Column | None, merged: bool) -> str:
    name = safe(name)
    if merged:
        return f"shares a call with requests that differ in {name} only"
    if column is not None and column is not JSON_TEXT and not all(fits(literal, column) for literal in key.literals):
        return f"a value that {column.type} has other spellings for, or none: goes alone"
    if len(key.literals) > 1:
        return "a list shares a call where the order is certain (--type names the types of its columns)"
    return f"needs the type of {name}, which a running fanin asks for once: try --type {name}=text"


def _several_rows(query: Query, columns: Mapping[bytes, Column]) -> str:
    if not query.order:
        return "no order by plain columns, so the originals are sent (merge.ties=any accepts any order)"
    names = ", ".join(name.decode("utf-8", "replace") for name in query.order)
    known = [column_of(name, columns) for name in query.order]
    if all(sorts(column) for column in known):
        return f"handed out where {safe(names)} differ from row to row; else the originals are sent"
    if any(column is None for column in known):
        return f"depends on the types of {safe(names)}, which a running fanin asks for once (--type NAME=TYPE)"
    return f"{safe(names)}: a type whose values have several texts proves no order, so the originals are sent"
