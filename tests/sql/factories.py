"""The SQL of a request line, as a whole and on one line."""

from __future__ import annotations

from proxy.postgrest.request.api_request import read_api_request
from proxy.sql.statement import Sql, sql_of


def sql(target: str, method: bytes = b"GET", *prefers: bytes, **types: str) -> Sql:
    """``types`` are those of columns, by their names."""
    request = read_api_request(method, target.encode(), b"", "", prefers, b"")
    assert request is not None
    return sql_of(request, types)


def statement(target: str, method: bytes = b"GET", *prefers: bytes, **types: str) -> str:
    """The statement on one line."""
    return " ".join(sql(target, method, *prefers, **types).statement.split())
