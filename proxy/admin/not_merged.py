"""JSON of the API for relations that are not merged, and why; units as in ``views``.

Tests: tests/e2e/pages/test_not_merged.py.
"""

from collections.abc import Iterator

import msgspec

from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.upstream.state import UpstreamState

MAX_BY_CATALOG = 200
"""Maximum number of relations that the catalog knows to be unsafe; the others are left out."""


class NotMergedView(msgspec.Struct, frozen=True):
    """Why requests of a relation are not merged, or share no call."""

    relation: str
    profile: str
    column: str
    """The column that calls are not merged by; empty: equal reads share no call, or no column merges."""
    reason: str
    """A bypass reason: ``mismatched`` for what was found by comparison, else what the catalog says."""
    detail: str
    remedy: str
    since: float | None
    """When it was found; None for what the catalog says."""


def not_merged_views(state: UpstreamState, names: ConfirmedNames, epoch: float) -> list[NotMergedView]:
    """What is not merged now: first what was found by comparison, then what the catalog says."""
    return [*_found(state, names, epoch), *list(_known(state))[:MAX_BY_CATALOG]]


def _found(state: UpstreamState, names: ConfirmedNames, epoch: float) -> Iterator[NotMergedView]:
    for mismatch in state.trust.mismatches:
        name, column = mismatch.relation.removeprefix("HEAD "), mismatch.column.decode("utf-8", "replace")
        relation = names.shown_relation(name)
        what = "Merged answers differed from PostgREST's" if column else "Equal reads were answered differently"
        yield NotMergedView(
            # A function is known by its path, which may be anything.
            relation="a function" if mismatch.relation.startswith("/") else relation,
            profile=mismatch.profile if relation == name else "",
            column=column if relation == name else "",
            reason="mismatched",
            detail=f"{what}: {mismatch.difference}.",
            remedy=BYPASS_REMEDIES["mismatched"],
            since=mismatch.since + epoch,
        )


def _known(state: UpstreamState) -> Iterator[NotMergedView]:
    for name, hazard in sorted(state.unsafe_reads.relations.items()):
        detail, remedy = f"By the catalog, {hazard.detail}.", BYPASS_REMEDIES[hazard.reason]
        yield NotMergedView(name, "", "", hazard.reason, detail, remedy, None)
