"""Says whether a request would be answered from a kept answer (FAN006), and if not, why."""

from proxy.explain.prefetch import RETRIED
from proxy.model import PendingRequest
from proxy.path.batches.coalescing import may_be_cached
from proxy.path.kept.conditions import is_decidable
from proxy.path.kept.memo import asks_for_fresh
from proxy.postgrest.hazards import Hazard
from proxy.settings.model import Settings

NOT_A_READ = "no: only answers to GET are kept"
NOT_A_RELATION = "no: the path is not a relation"
LONG_LIST = "no: its list is so long that it is sent in several calls"
OFF = "no: rules.fan006 is '{}' and mode '{}', and not both 'rewrite'; if they are:"
NO_TIME = "no: cache.fresh has no value"
FRESH = "no: Cache-Control or Pragma limits how old the answer may be"
CONDITION = "no: it has a condition that a kept answer does not decide; If-None-Match alone is one that it does"
UNSTABLE = "no: by the catalog equal reads may have different answers"
HEAD = "no: {} (a bypass reason)"
YES = (
    "yes, from the answer to an equal request {}; at most {:g} s old ({}), and never older than a write through this "
    "fanin"
)
OWN, SHARED = "of its identity", "of any identity, once PostgREST has given it the same answer (cache.shared)"
FRESH_NAME, BOTH_NAMES = "cache.fresh", "cache.fresh + cache.stale_while_revalidate"


def cache_lines(request: PendingRequest, settings: Settings, hazard: Hazard | None) -> tuple[str, ...]:
    """``yes`` or ``no``, and how old it may be or why; empty for a write. ``settings`` are those of its relation."""
    if request.query.method not in (b"GET", b"HEAD"):
        return ()
    cache = settings.cache
    stale = cache.stale_while_revalidate
    names = BOTH_NAMES if stale else FRESH_NAME
    answer = _why_not(request, hazard)
    if not answer:
        answer = (
            NO_TIME if cache.fresh is None else YES.format(SHARED if cache.shared else OWN, cache.fresh + stale, names)
        )
    on = settings.mode == settings.rules.fan006 == "rewrite"
    return (answer,) if on else (OFF.format(settings.rules.fan006, settings.mode), answer)


def _why_not(request: PendingRequest, hazard: Hazard | None) -> str:
    query, head = request.query, request.head
    checks = (
        (NOT_A_READ, query.method != b"GET"),
        (NOT_A_RELATION, not query.relation),
        (LONG_LIST, query.long_list is not None),
        (RETRIED, head.retry),
        (HEAD.format(head.bypass_reason), not may_be_cached(request)),
        (FRESH, asks_for_fresh(head)),
        (CONDITION, not is_decidable(head)),
        (UNSTABLE, hazard is not None and not hazard.may_share),
    )
    return next((reason for reason, holds in checks if holds), "")
