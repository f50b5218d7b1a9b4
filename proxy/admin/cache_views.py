"""JSON of the API for kept answers: how many of which relation, how old they may be, and what became of requests.

Tests: tests/e2e/pages/test_cache.py.
"""

from collections import Counter
from itertools import islice

import msgspec

from proxy.admin.json_stream import array
from proxy.merging.kept.fills import CachedReads
from proxy.settings.overrides import ByRequest
from proxy.sidecar.policy import RequestPolicy

MAX_RELATIONS = 200
"""Maximum number of relations in an answer."""


class HeldView(msgspec.Struct, frozen=True):
    """What is kept of one relation."""

    relation: str
    answers: int
    bytes: int
    """Estimated."""
    uses: int
    """Requests that were answered from these answers, and from others since there was always one."""
    seconds: float | None
    """The most seconds that an answer to a request without a route may be old; None if none is kept any more."""


def cache_view(cached: CachedReads, policies: ByRequest[RequestPolicy], skip: int, limit: int) -> dict[str, object]:
    """The members of the answer: relations ``skip`` to ``skip + limit``, those with the most bytes first."""
    answers = cached.answers
    held = sorted(answers.relations.items(), key=lambda item: (-item[1].size, item[0]))
    rows = (
        HeldView(name, one.answers, one.size, one.uses, _seconds(policies.of(name, "")))
        for name, one in islice(held, skip, skip + min(limit, MAX_RELATIONS))
    )
    return {
        "relations": array(rows),
        "total": len(held),
        "answers": len(answers),
        "bytes": answers.held_bytes,
        "max_bytes": answers.max_bytes,
        "in_flight": len(cached.fills),
        "not_shared": dict(cached.sharing.refused),
        "requests": _counted(answers.requests),
        "removed": _counted(answers.removed),
        "wasted": _counted(answers.wasted),
        "refills": _counted(answers.refills),
    }


def _seconds(policy: RequestPolicy) -> float | None:
    cache = policy.settings.cache
    return None if policy.cacher is None or cache.fresh is None else cache.fresh + cache.stale_while_revalidate


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}
