"""The other words that fanin prints about a request: outcomes, kinds of upstream calls, kinds of traces."""

OUTCOMES = {
    "passed": "The request was sent to upstream unchanged, and its answer was passed on. A bypass reason says why, "
    "unless the request was alone.",
    "merged": "One upstream call with a list of keys answered it together with similar requests (FAN001).",
    "shared": "One upstream call answered it together with byte-equal requests (FAN003).",
    "chunked": "Its list was too long for one call and was sent in several calls (FAN005).",
    "prefetched": "It was expected, as one of a loop, so that its answer had been fetched together with an earlier one "
    "(FAN002 at level rewrite).",
    "cached": "The answer to an equal request of the same identity had been kept (FAN006 at level rewrite).",
    "fallback": "A merged or shared call was made for it and could not answer it, so it was sent itself. The fallback "
    "reason says why; the call that was of no use counts among its trace's upstream calls.",
    "failed": "The answer was an error of fanin, with a code FANIN….",
    "gone": "The client disconnected before it had the whole answer.",
}
"""How a request was answered: the values of the label ``outcome``, of the header X-Fanin and of spans."""

ALONE = {
    "alone": "The request was passed on without a bypass reason: no similar request of the same identity came at the "
    "same time, so there was nothing to merge it with. If similar requests did come, `fanin explain 'GET /…'` with "
    "their headers shows which of these must be equal. In the modes pass and observe nothing is merged.",
}
"""What is said of a request that was passed without a bypass reason."""

CALL_KINDS = {
    "original": "The client's request itself, sent unchanged.",
    "merged": "One call with a list of keys for several requests (FAN001).",
    "shared": "One call for several byte-equal requests (FAN003).",
    "refill": "A read that fetches a kept answer again, while the old one is used (cache.stale_while_revalidate).",
    "fallback": "The client's request itself, sent after a merged or shared call could not answer it.",
    "part": "One part of an over-long list (FAN005).",
    "shadow": "A call that is made only to compare answers (mode shadow, and shadow.share in mode rewrite).",
    "probation": "An original that the first answers of a relation are compared with before a client gets one of them.",
    "openapi": "A read of PostgREST's OpenAPI description (`detect.openapi`).",
    "types": "A question for the type of a column, which PostgREST mostly answers with an error that names it.",
    "outside": "A request for a path outside the mount.",
    "tunnel": "A WebSocket, counted when it ends.",
}
"""What an upstream call was made for: the values of the label ``kind`` of ``upstream_calls_total``."""

MEMO_RESULTS = {
    "served": "The answer had been fetched ahead.",
    "fetched": "It was sent, and the reads that are expected after it were fetched in the same call.",
    "too-old": "Its answer had been fetched ahead, longer than prefetch.max_age ago; it was sent.",
    "dropped": "Its answer had been fetched ahead, and somebody wrote since, or a write was in flight; it was sent.",
}
"""What became of a read that concerns the memo of its trace: the values of the label of ``memo_requests_total``."""

CACHE_RESULTS = {
    "served": "A kept answer was used.",
    "stale": "A kept answer was used that is older than cache.fresh, while it is fetched again.",
    "not-modified": "The client has the kept answer already: it got a 304.",
    "shared": "An equal read was in flight, and its answer was used.",
    "filled": "It was sent, and its answer is kept.",
    "not-kept": "It was sent, and its answer is not kept: it is not a 200, is too large, may be for one client only, "
    "or somebody wrote meanwhile.",
    "passed": "It was sent: a write was in flight, or the last answer to such a read was not kept.",
}
"""What became of a read that may be answered from the cache: the values of the label of ``cache_requests_total``."""

REFILL_RESULTS = {
    "kept": "The new answer has replaced the old one.",
    "not-kept": "The new answer is not kept; the old one was removed, unless the new one is a 5xx.",
    "failed": "There was no answer; the old one is used until it is too old.",
}
"""What became of a read that fetches a kept answer again: the values of the label of ``cache_refills_total``."""

CACHE_CAUSES = {
    "too-old": "cache.fresh and cache.stale_while_revalidate had passed, or the token of its caller expired.",
    "dropped": "Somebody wrote to what it shows (`drops_total` says what).",
    "evicted": "cache.max_bytes was reached.",
    "replaced": "A newer answer to the same request came.",
    "outdated": "It was fetched again, and the new answer is not kept.",
    "purged": "Somebody asked for it.",
    "reload": "The settings were read again.",
}
"""Why a kept answer was removed: the values of the label of ``cache_removed_total``."""

DROP_CAUSES = {
    "write": "A request other than GET, HEAD and OPTIONS to a relation.",
    "function": "A POST to a function.",
    "outside": "A request other than GET, HEAD and OPTIONS outside the mount.",
    "notification": "Postgres has notified of a write, by the triggers of `fanin cache triggers`.",
    "listening": "fanin began to listen for such notifications.",
    "notifications-lost": "Such notifications could not be received any more.",
    "schema": "The catalog changed.",
    "access": "Policies, grants, roles or memberships changed (read where cache.shared is on).",
    "upstream": "Upstream has another mount or gateway.",
}
"""Why answers that were fetched ahead or kept are not used any more: the values of the label of ``drops_total``."""

TRACE_KINDS = {
    "explicit": "The client named the trace, in a header of trace.headers.",
    "inferred": "The trace was put together from requests of one caller and address with short pauses.",
    "mixed": "The trace is inferred and overlaps other requests of the same caller: it is counted, and rules about one "
    "request of the application skip it.",
    "truncated": "The trace had more requests than trace.max_spans, or requests in flight when it closed.",
}
"""How a trace was put together, and marks on it."""

RENAMED = {
    "replayed": "fallback",
    "replay": "fallback",
    "stitched": "chunked",
    "stranger": "unexpected-key",
    "poison": "bad-value",
    "mistrusted": "mismatch-paused",
    "list-room": "chunk-limit",
    "moving": "unstable",
    "doubt": "unusable",
}
"""Words of older releases, with the word that replaces each."""

NEVER_MERGED = frozenset(("method", "not-a-relation", "outside-mount", "off"))
"""Bypass reasons of requests that nobody expects to be merged: they are passed on, and are not called "not merged"."""
