"""Groups, predicates and totals of spans, for rules."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from operator import attrgetter
from typing import TypeVar

import msgspec

from proxy.analysis.fingerprint import is_bounded
from proxy.analysis.fingerprint_cache import cached_by_fingerprint
from proxy.analysis.steps import Steps
from proxy.model import Span, Trace
from proxy.text.counted import counted

READS = ("GET", "HEAD")
"""Methods that read rows, or their number."""
READ_BY = {"columns=": ("POST", "PATCH", "PUT"), "on_conflict=": ("POST",)}
"""Parameters with the methods for which PostgREST parses them; for other methods their names may be anything."""
NO_SINGLE_ROW = 406
"""Status of a read by ``.single()`` whose key has no row, or several; the same client reads other keys with success."""
BUSY = (408, 429)
"""Refusals that say nothing about the request: a gateway has too many of them, or lost patience."""

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def group_by(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """``items`` grouped by ``key``; the groups and their items keep the order of ``items``."""
    groups: defaultdict[Key, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def by_query(spans: Iterable[Span]) -> dict[tuple[str, int], list[Span]]:
    """Spans grouped by fingerprint and identity."""
    return group_by(spans, attrgetter("fingerprint", "identity"))


def by_fingerprint(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """Spans grouped by fingerprint."""
    return group_by(spans, attrgetter("fingerprint"))


def counts_as_query(method: str, retry: bool, bypass_reason: str | None) -> bool:
    """Whether a request counts in the number of queries of its trace: it is for PostgREST, and neither a preflight nor
    a client's retry.
    """
    return not retry and _is_for_postgrest(method, bypass_reason)


def asked_of_postgrest(trace: Trace) -> Trace:
    """``trace`` with its requests for PostgREST only: without preflights and other services of the same host."""
    kinds = {(span.method, span.bypass_reason) for span in trace.spans}
    if all(_is_for_postgrest(*kind) for kind in kinds):
        return trace
    asked = tuple([span for span in trace.spans if _is_for_postgrest(span.method, span.bypass_reason)])
    return msgspec.structs.replace(trace, spans=asked)


def _is_for_postgrest(method: str, bypass_reason: str | None) -> bool:
    return method != "OPTIONS" and bypass_reason != "outside-mount"


def count_queries(spans: Iterable[Span]) -> int:
    """The number of queries, the same in budgets, metrics, pages, the log and headers."""
    kinds = Counter([(span.method, span.retry, span.bypass_reason) for span in spans])
    return sum([requests for kind, requests in kinds.items() if counts_as_query(*kind)])


def is_query(span: Span) -> bool:
    """Whether the request is for a relation and not a client's retry."""
    return bool(span.relation) and not span.retry


def is_read(span: Span) -> bool:
    """Whether the request is a query (``is_query``) for rows."""
    return span.method == "GET" and bool(span.relation) and not span.retry  # inlines is_query: this runs for each span


def is_read_or_count(span: Span) -> bool:
    """Whether the request is a query for rows, or by HEAD for their number."""
    return span.method in READS and bool(span.relation) and not span.retry  # as above


def is_unbounded_read(span: Span) -> bool:
    """Whether the request is a read without limit, offset and Range."""
    limited = span.bypass_reason == "range" or span.limit is not None
    return is_read(span) and not limited and not is_bounded(span.fingerprint)


def unbounded_reads(spans: Iterable[Span]) -> Steps[list[Span]]:
    """The reads without limit, offset and Range (``is_unbounded_read``); parses each fingerprint once."""
    unbounded: dict[str, bool] = {}
    found = []
    for span in spans:
        if span.method == "GET" and span.bypass_reason != "range" and is_read(span):
            if span.fingerprint not in unbounded:
                yield
                unbounded[span.fingerprint] = is_unbounded_read(span)
            if unbounded[span.fingerprint]:
                found.append(span)
    return found


def may_write(span: Span) -> bool:
    """Whether the request may change data; a GET of a function may not."""
    return span.method not in ("GET", "HEAD", "OPTIONS")


def succeeded(span: Span) -> bool:
    """Whether the status is 2xx."""
    return 200 <= span.status < 300


def was_refused(span: Span) -> bool:
    """Whether the status says that the request itself is wrong, or not allowed: a 4xx, but for those of a busy gateway.

    A 5xx may be the result of too many requests: a statement or a wait for a connection that took too long.
    """
    return 400 <= span.status < 500 and span.status not in BUSY


def has_confirmed_names(span: Span) -> bool:
    """Whether PostgREST has accepted the names of ``span``.

    A preflight succeeds for any name, so it confirms none. An over-long list counts although it is refused for its
    length: the developer must see which query to change.
    """
    params = _body_params(span.fingerprint)
    if params and any(span.method not in READ_BY[name] for name in params):
        return False
    return (200 <= span.status < 300 and span.method != "OPTIONS") or span.listed > 0


@cached_by_fingerprint
def _body_params(fingerprint: str) -> tuple[str, ...]:
    """Which of ``READ_BY`` occur in it. Cached for all rules and outputs that ask about the spans of one trace."""
    return tuple(name for name in READ_BY if name in fingerprint)


def is_quotable(span: Span) -> bool:
    """Whether a finding about several queries may quote this one: it succeeded, and its names are confirmed."""
    return succeeded(span) and has_confirmed_names(span)


def caller_of(spans: Iterable[Span]) -> str:
    """The first known caller (line of application code); empty if none is known."""
    return next((span.caller for span in spans if span.caller), "")


def literal_kind(spans: Sequence[Span], column: str) -> str:
    """Literal class of a key column: integer, uuid or text, which it is too if its literals have several; empty if the
    column is not a key.
    """
    types = [span.key_types for span in spans]
    if types.count(types[0]) == len(types):  # nearly always: sets of them would cost a hash each
        return dict(types[0]).get(column, "")
    kinds = {dict(each).get(column, "") for each in types}
    return kinds.pop() if len(kinds) == 1 else "text"


def count_calls(spans: Iterable[Span]) -> int:
    """Number of upstream calls that answered the spans; merged spans share one."""
    return len({span.call for span in spans if span.call})


def function_call(span: Span) -> str:
    """``GET /rpc/name``: what a finding quotes of a call of a function; empty for other requests."""
    return f"{span.method} /rpc/{span.function}" if span.function else ""


def steady_seconds(spans: Sequence[Span]) -> float:
    """What calls one after another take together without what delays some of them: each of them as long as the lower
    quartile.
    """
    return len(spans) * sorted([span.end - span.start for span in spans])[len(spans) // 4]


def total_seconds(spans: Iterable[Span]) -> float:
    """Sum of the durations, in seconds."""
    return sum([span.end - span.start for span in spans])


def elapsed_seconds(spans: Sequence[Span]) -> float:
    """Seconds from the first start to the last end."""
    return max([span.end for span in spans]) - min([span.start for span in spans])


def total_rows(spans: Iterable[Span]) -> int:
    """Number of rows in the answers; answers with an unknown number count 0."""
    return sum([span.rows for span in spans if span.rows > 0])


def rows_text(spans: Collection[Span]) -> str:
    """``3 rows``, as in ``total_rows``; ``an unknown number of rows`` if no answer shows them."""
    if all(span.rows < 0 for span in spans):
        return "an unknown number of rows"
    return counted(total_rows(spans), "row")


def total_bytes(spans: Iterable[Span]) -> int:
    """Bytes of the answers' bodies."""
    return sum([span.size for span in spans])
