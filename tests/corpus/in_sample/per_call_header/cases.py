"""Recorded scenarios in which a header is, or is not, why reads share no call."""

from __future__ import annotations

from tests.corpus.variations import Case, first, reads_with

EACH, PAGE = "profiles, each call with an id of its own", "profiles, one id per page"

CASES = (
    Case(EACH, "the header is named in the settings", reads_with(differing_headers=""), "FAN017", False),
    Case(EACH, "few of them", first(5), "FAN017", False),
    Case(PAGE, "four", lambda traces: reads_with(differing_headers="x-call")(first(2)(traces)), "FAN017", False),
    Case(PAGE, "all", reads_with(differing_headers="x-call"), "FAN017", True),
)
