"""Recorded scenarios in which a header is, or is not, why reads share no call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.corpus.variations import Case, each, first, reads_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.model import Span

EACH, PAGE = "profiles, each call with an id of its own", "profiles, one id per page"
IN_TURN = "profiles in turn, each call with a request id"
PARTS = "one list for five parts of a page, each call with a request id"


def as_callers_of_their_own(spans: Sequence[Span]) -> list[Span]:
    """As if another header told their callers apart."""
    return [replace(span, identity=number) for number, span in enumerate(spans)]


def as_byte_equal(spans: Sequence[Span]) -> list[Span]:
    """As if the header were neutral."""
    return [replace(span, same=1, exact_identity=1, call_headers="") for span in spans]


CASES = (
    Case(EACH, "the header is named in the settings", reads_with(differing_headers=""), "FAN017", False),
    Case(EACH, "few of them", first(5), "FAN017", False),
    Case(PAGE, "four", lambda traces: reads_with(differing_headers="x-call")(first(2)(traces)), "FAN017", False),
    Case(PAGE, "all", reads_with(differing_headers="x-call"), "FAN017", True),
    Case(PARTS, "each of another caller", each(as_callers_of_their_own), "FAN003", False),
    Case(PARTS, "two of them", first(2), "FAN003", False),
    Case(PARTS, "the header is named in the settings", each(as_byte_equal), "FAN003", True),
    Case(IN_TURN, "each of another caller", each(as_callers_of_their_own), "FAN002", False),
)
