"""A span of OpenTelemetry, as far as queries are read from it.

Tests: tests/e2e/clients/test_otlp_client.py.
"""

from collections.abc import Mapping

import msgspec

CLIENT, SERVER, CONSUMER = 3, 2, 5
"""Span kinds (opentelemetry/proto/trace/v1/trace.proto)."""

Value = str | int | float | bool


class OtelSpan(msgspec.Struct, frozen=True):
    """One span. Ids are in hexadecimal, times in nanoseconds since 1970."""

    trace: str
    id: str
    parent: str
    """Empty for a root span."""
    name: str
    kind: int
    start: int
    end: int
    attributes: Mapping[str, Value]
    """Those with one value of a basic type."""

    def text(self, *names: str) -> str:
        """The first of the attributes ``names`` that is a text or a number; empty if there is none."""
        for name in names:
            value = self.attributes.get(name)
            if value is not None:
                return str(value)
        return ""

    def number(self, *names: str) -> int | None:
        """The first of the attributes ``names`` that is a whole number, also one that is written as text."""
        for name in names:
            value = self.attributes.get(name)
            if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < MAX_DIGITS:
                return int(value)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        return None


MAX_DIGITS = 19
"""A longer number is not one of OTLP, whose integers have 64 bits."""
