"""FAN014 serial-independent-calls: reads made one after another, although none needs the result of another.

What it does
------------
Finds, within one trace, at least ``rules.serial_calls.min_calls`` reads, or counts by HEAD, with different
fingerprints, each begun while no other was in flight, as at least half of the requests in that time were. All values in
their filters were known when the first began, there is no write between them and no pause of more than
``rules.serial_calls.max_pause`` seconds without a request, and parallel reads would save at least
``rules.serial_calls.min_seconds``. A filter value that appears for the first time counts as the result of an earlier
answer, unless no answer of the chain can have had it: the column is a flag by its name (``is_…``, ``active``) or it is
no key, the read returns (or counts) several rows, and the reads before select other columns by name. Counts by HEAD
return no rows, so no value comes from them. With ``select=*``, a constant in the code counts as such a result too. So
does a known value in a column of another meaning: the key 1 of one table is not that of another.

Why it hurts
------------
Each ``await`` adds a whole round trip to the time that the user waits. Three tables of reference data, read one after
another, take three times as long as in parallel.

Example
-------
::

    GET /video_rates?select=* → 5 rows, 30 ms
    then GET /package_definitions?select=* → 4 rows, 30 ms
    then GET /mix_definitions?select=* → 4 rows, 30 ms

Use instead
-----------
::

    GET /video_rates?select=* → 5 rows, 30 ms
    GET /package_definitions?select=* → 4 rows, 30 ms
    GET /mix_definitions?select=* → 4 rows, 30 ms

Safety
------
Advice: fanin changes nothing. It does not see whether a read was made only because of the result of an earlier one.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Annotated

from pydantic import Field

from proxy.analysis.answer_shape import as_asked, shape_risk
from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.patterns.fan_out import one_worse_if_noticed
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import caller_of, is_quotable, is_read_or_count, may_write, steady_seconds
from proxy.analysis.steps import Steps
from proxy.analysis.values.origin import named_literals
from proxy.analysis.values.value_source import is_constant
from proxy.findings.model import Finding, impact_of
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.advice_code import together_js, together_py
from proxy.fixes.sql.read import read_sql
from proxy.model import Span, Trace
from proxy.settings_base import Positive, Thresholds


class SerialCalls(Thresholds):
    table = "serial_calls"

    min_calls: Annotated[int, Field(ge=2)] = Field(
        3, description="FAN014: minimum reads one after another. Two are often a check and its use."
    )
    min_seconds: Positive = Field(
        0.02, description="FAN014: minimum time that parallel reads would save. Below, no user notices it."
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN014: a longer pause without a request ends a chain of reads: a timer or a person caused it.",
    )


FARTHEST = 50
"""Maximum fingerprints from which a chain is searched, and maximum requests that each search considers."""
MOST_KNOWN = 20_000
"""Values of filters that a trace has had, after which no chain is searched: to forget them all takes about 3 ms."""
MOST = 8
"""Maximum reads in the code of the fix."""
IMPACTS = ((10, "HIGH"), (5, "MEDIUM"))
"""Minimum reads per impact; below the last step the impact is LOW. It is one step worse if users notice the time saved.
Counts are the same in each run, times are not.
"""


@InSteps
def detect(trace: Trace, context: RuleContext[SerialCalls]) -> Iterator[Finding | None]:
    """At most one finding: the longest chain, and of several the one that would save the most time."""
    if trace.mixed:
        return
    bounds = context.thresholds
    if len({span.fingerprint for span in trace.spans}) < bounds.min_calls:
        return
    chains = yield from _chains(trace.spans, bounds.max_pause)
    long = [chain for chain in chains if len(chain) >= bounds.min_calls and _saved(chain) >= bounds.min_seconds]
    for chain in sorted(long, key=_worth, reverse=True):
        yield None
        if _is_in_turn(chain, trace.spans):
            yield _finding(trace, chain)
            return


RULE = Rule(
    code="FAN014",
    name="serial-independent-calls",
    safety="advice",
    document=__doc__,
    thresholds=SerialCalls,
    detect=detect,
)


def _chains(spans: Sequence[Span], pause: float) -> Steps[list[list[Span]]]:
    """By the first read of each fingerprint: the later reads that could have been sent with it."""
    ordered = sorted(spans, key=lambda span: span.start)
    kinds: set[str] = set()
    known: set[tuple[str, int]] = set()
    chains: list[list[Span]] = []
    for at, first in enumerate(ordered):
        if len(kinds) >= FARTHEST or len(known) > MOST_KNOWN:
            break
        if not at % 20:
            yield
        known.update(named_literals(first))
        if first.fingerprint not in kinds and is_read_or_count(first) and is_quotable(first):
            yield
            kinds.add(first.fingerprint)
            answered = _answered_since(first, ordered[max(0, at - FARTHEST) : at + 1])
            chains.append(_chain(first, ordered[at + 1 : at + 1 + FARTHEST], known, answered, pause))
    return chains


def _answered_since(first: Span, until_first: Sequence[Span]) -> set[str]:
    """The fingerprints of the requests up to ``first`` whose answers came after it began, and may have values."""
    return {s.fingerprint for s in until_first if s.method != "HEAD" and (s is first or s.end > first.start)}


def _chain(
    first: Span, later: Sequence[Span], known: set[tuple[str, int]], answered: set[str], pause: float
) -> list[Span]:
    """The reads of ``later`` that could have been sent with ``first``, after it. ``answered`` grows by the fingerprints
    of the requests that were answered since ``first`` began, without HEAD: its answer has no rows with values.
    """
    chain, kinds, ended = [first], {first.fingerprint}, first.end
    for span in later:
        if may_write(span) or span.start - ended > pause:
            break
        apart = span.start >= ended and span.fingerprint not in kinds
        ended = max(ended, span.end)
        if is_read_or_count(span) and is_quotable(span) and apart and _waits_for_none(span, known, answered):
            chain.append(span)
            kinds.add(span.fingerprint)
        if span.method != "HEAD":
            answered.add(span.fingerprint)
    return chain


def _waits_for_none(span: Span, known: set[tuple[str, int]], answered: set[str]) -> bool:
    """Whether each value of its filters was known, or is a constant: no answer since then can have had it."""
    return all(is_constant(column, span, answered) for column, _ in named_literals(span) - known)


def _is_in_turn(chain: Sequence[Span], spans: Sequence[Span]) -> bool:
    """Whether at least half of the requests from the first to the last of the chain began while none was in flight."""
    first, last = chain[0].start, chain[-1].start
    during = sorted([(span.start, span.end) for span in spans if first <= span.start <= last])
    ends: Iterator[float] = accumulate([end for _, end in during], max, initial=first)
    return 2 * sum(start >= ended for (start, _), ended in zip(during, ends, strict=False)) >= len(during)


def _saved(chain: Sequence[Span]) -> float:
    """Seconds, without what a busy machine added to some of the reads."""
    return steady_seconds(chain) * (len(chain) - 1) / len(chain)


def _worth(chain: Sequence[Span]) -> tuple[int, float]:
    return len(chain), _saved(chain)


def _finding(trace: Trace, chain: Sequence[Span]) -> Finding:
    reads = [as_asked(parse_fingerprint(span.fingerprint), [span]) for span in chain[:MOST]]
    names, saved = ", ".join(read.name for read in reads), _saved(chain)
    times = [1000 * (span.end - span.start) for span in chain]
    fix = printable_fix(
        reads, lambda: "\n".join(map(read_sql, reads)), lambda: together_js(reads), lambda: together_py(reads)
    )
    return Finding(
        code=RULE.code,
        impact=one_worse_if_noticed(impact_of(IMPACTS, len(chain)), saved),
        confidence="medium" if trace.explicit else "low",
        title=f"{len(chain)} independent reads, made one after another",
        relation=chain[0].relation,
        fingerprint=chain[0].fingerprint,
        route=trace.route,
        caller=caller_of(chain),
        problem=f"The application waits for each of {names} before it sends the next request.",
        current=f"{len(chain)} requests one after another: {sum(times):.0f} ms, the longest {max(times):.0f} ms",
        evidence=(
            "all values in their filters were known when the first read began, or are constants by what the reads"
            " before select, and nothing was written",
            *([f"the code has the first {MOST} of the {len(chain)} reads"] if len(chain) > MOST else []),
        ),
        fix=fix,
        expected=f"About {max(times):.0f} ms instead of {sum(times):.0f} ms.",
        risk="If an earlier result decides whether a later read is needed, that read may be unnecessary."
        + max(shape_risk([span], fix) for span in chain[:MOST]),
        queries=tuple([span.fingerprint for span in chain[:MOST]]),
    )
