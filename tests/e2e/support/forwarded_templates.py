"""Requests whose answers depend on what upstream gets of their heads, and settings under which it gets all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.support.decision_table import Row
from tests.e2e.support.literals import integers
from tests.e2e.support.request_templates import Head, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENTS_HEAD: Mapping[str, Any] = {
    "upstream_host": "client",
    "trace__headers": ["x-fanin-trace", "x-request-id", "traceparent"],
}
"""Settings under which the client's Host and its header that names traces go to upstream."""
FORWARDED_TEMPLATES = (
    Template("/num?select=id,heard&id=eq.{}", integers, (Row.COMPUTED,), share=2),
    Template("/num?select=id,asked&id=eq.{}", integers, (Row.COMPUTED,)),
    Template("/num?select=id,heard,kid(id)&kid.order=id&id=eq.{}&title=like.film*", integers, (Row.COMPUTED,)),
    Template("/hosted?id=eq.{}&limit=1", integers, (Row.PLAIN,), share=2),
    Template("/hosted?select=id,tenant&id=lt.9&order=id&title=neq.{}", integers, (Row.PLAIN,)),
)
_NAMES = (
    *(
        "Host: a.example",
        "Host: b.example",
        "Host: A.example",
        "X-Forwarded-For: 10.0.0.1",
        "X-Forwarded-For: 10.0.0.2",
    ),
    *("X-Forwarded-Host: a.example", "X-Forwarded-Host: b.example", "X-Real-IP: 10.0.0.1", "X-Real-IP: 10.0.0.2"),
    *("X-Request-Id: 1", "X-Request-Id: 2", "User-Agent: a", "User-Agent: b"),
)
FORWARDED_HEADS = (
    *(Head((line,), (Row.DIFFERING,)) for line in _NAMES),
    Head(("Host: a.example", "X-Request-Id: 1"), (Row.DIFFERING,)),
    Head(("X-Fanin-Trace: 1", "Accept-Encoding: gzip"), (Row.DIFFERING,)),
    Head(("X-Fanin-Trace: 2", "If-None-Match: x"), (Row.DIFFERING,)),
)
