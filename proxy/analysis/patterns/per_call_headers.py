"""Reads that are equal but for a header that only names the call, for which fanin lets them share no call."""

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from proxy.analysis.patterns.fan_out import caller_key
from proxy.analysis.spans import is_read_or_count, may_write, succeeded
from proxy.analysis.steps import SLICE, Steps
from proxy.model import Span


def equal_but_for_a_header(spans: Sequence[Span], found: Collection[int], least: int) -> Steps[list[list[Span]]]:
    """The runs of at least ``least`` reads of one caller (``caller_key``) that ask for the same rows, and got the same
    answer with no write between them, in different exact identities. Reads whose ``same`` is in ``found`` are left out.
    """
    runs: dict[tuple[object, ...], list[Span]] = {}
    writes = 0
    apart = differs_in_header(spans)
    for at, span in enumerate(sorted(spans, key=attrgetter("start")) if apart else ()):
        if not at % SLICE:
            yield
        if may_write(span):
            writes += 1
        elif span.same not in found and _is_read_of_rows(span):
            runs.setdefault((writes, *_asked_and_answered(span)), []).append(span)
    return [run for run in runs.values() if len(run) >= least and differs_in_header(run)]


def differing_names(spans: Sequence[Span]) -> tuple[str, ...]:
    """The headers in one of which equal reads differ; empty if they differ in none, or if their names are unknown."""
    if not differs_in_header(spans):
        return ()
    one_caller = len({span.identity for span in spans}) == 1
    texts = [span.call_headers if one_caller else span.differing_headers for span in spans]
    return tuple(dict.fromkeys(name for text in texts for name in text.split(",") if name))


def differs_in_header(spans: Sequence[Span]) -> bool:
    """Whether equal reads have different exact identities."""
    return len({span.exact_identity for span in spans}) > 1


def header_names(runs: Iterable[Sequence[Span]]) -> str:
    """The headers in which reads of a run differ, as text; empty if they differ in none."""
    apart = [run for run in runs if differs_in_header(run)]
    names = dict.fromkeys(name for run in apart for name in differing_names(run))
    return " or ".join(names) or ("a header that only names the call" if apart else "")


def _is_read_of_rows(span: Span) -> bool:
    return is_read_or_count(span) and succeeded(span) and (span.rows >= 0 or span.total >= 0)


def _asked_and_answered(span: Span) -> tuple[object, ...]:
    """What is equal in a run. ``identity`` leaves out the media type and the count that a read asks for."""
    asked = (caller_key(span), span.literals, span.limit, span.offset, span.media, span.writes)
    return *asked, span.rows, span.total, span.size, span.row_keys
