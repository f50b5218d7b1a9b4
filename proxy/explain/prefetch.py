"""Says whether a request would be answered from what was fetched ahead in its trace, and if not, why."""

from proxy.explain.keys import ALONE
from proxy.model import Query, RequestHead
from proxy.path.kept.memo import asks_for_fresh
from proxy.path.kept.siblings import varied_keys
from proxy.settings.model import Settings

NOT_A_READ = "no: only reads are fetched ahead"
OFF = "no: rules.fan002 is '{}', or merging is off; if both are on:"
NOT_MERGED = "no: what is fetched ahead is fetched by a merged call, and this request is not merged"
UNNAMED = "no: the client does not name its trace; one of these headers does: {}"
RETRIED = "no: X-Retry-Count says that the client repeats it"
FRESH = "no: Cache-Control or Pragma asks for an answer that was not stored"
NO_KEY = "no: no filter is column=eq.value"
YES = "yes, in a loop over the values of {} in an earlier answer of its trace; at most {:g} s old (prefetch.max_age)"


def prefetch_lines(query: Query, head: RequestHead, settings: Settings, merging: str) -> tuple[str, ...]:
    """``yes`` or ``no``, and when or why; ``merging`` is the verdict of ``MergingFacts``."""
    if query.method not in (b"GET", b"HEAD"):
        return (NOT_A_READ,)
    keys = varied_keys(query, b"")
    names = " or of ".join(varied.key.name.decode("utf-8", "replace") for varied in keys)
    answer = _why_not(head, settings, merging, bool(keys)) or YES.format(names, settings.prefetch.max_age)
    on = settings.mode == "rewrite" and settings.rules.fan001 == settings.rules.fan002 == "rewrite"
    return (answer,) if on else (OFF.format(settings.rules.fan002), answer)


def _why_not(head: RequestHead, settings: Settings, merging: str, has_key: bool) -> str:
    if merging == ALONE:
        return NOT_MERGED
    if not has_key:
        return NO_KEY
    if head.trace is None:
        return UNNAMED.format(", ".join(settings.trace.headers))
    if head.retry:
        return RETRIED
    return FRESH if asks_for_fresh(head) else ""
