"""Values that several test files make from request bytes, by the same code that makes them in fanin."""

from __future__ import annotations

from proxy.http1.head import HeaderField, parse_fields
from proxy.model import Column, PendingRequest, Query, RequestHead
from proxy.path.reading.fingerprint import read_query
from proxy.path.reading.identity import head_rules, read_head
from proxy.postgrest.database_facts import DatabaseFacts, IndexFact, IndexKeyFact, RelationFacts

RULES = head_rules(b"", ("x-fanin-trace", "traceparent"), (), (), b"k" * 16)
NO_HEADERS = "Host: h"


def head(lines: str = NO_HEADERS, minor: int = 1) -> RequestHead:
    return read_head(fields(lines), minor, RULES)


def fields(lines: str) -> tuple[HeaderField, ...]:
    """Header lines, one a line, without their CRLF."""
    return parse_fields("\r\n".join(lines.splitlines()).encode(), "FANIN102")


def query(
    target: str | bytes, lines: str = NO_HEADERS, method: bytes = b"GET", mount: bytes = b"", schema: str = "public"
) -> Query:
    raw = target if isinstance(target, bytes) else target.encode()
    return read_query(method, raw, head(lines), mount, schema, 7000)


def member(target: str, lines: str = NO_HEADERS, arrived: float = 0.0, method: bytes = b"GET") -> PendingRequest:
    return PendingRequest(query(target, lines, method), head(lines), arrived)


def declared(relation: str, columns: str, *key: str, unique: str = "") -> DatabaseFacts:
    """What a database declares that has one table: its columns, its primary key, and a unique column without nulls."""
    names = columns.split(",")
    types = {name.encode(): Column("bigint", True, name == unique or key == (name,)) for name in names}
    index = IndexFact(f"{relation}_pkey", "btree", tuple(map(IndexKeyFact, key)), unique=True, primary=True)
    table = RelationFacts("r", (index,) if key else (), {**types, b"ctid": Column("tid", True, True)})
    return DatabaseFacts(relations={f"public.{relation}": table})
