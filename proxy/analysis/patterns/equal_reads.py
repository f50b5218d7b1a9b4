"""Equal reads between writes that cannot have changed their rows, as far as names and answers tell."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.fingerprint_cache import cached_by_fingerprint
from proxy.analysis.spans import is_quotable, is_read_or_count, may_write, succeeded
from proxy.analysis.steps import SLICE, Steps
from proxy.model import Span
from proxy.postgrest.singular import singular

MIN_SEGMENTS = 3
"""Times that the reads were repeated after another write: a loop, not a read before and after one."""
MAX_WRITTEN = 20
"""With writes to more relations than this, nothing is said of any read."""


def equal_between_other_writes(spans: Sequence[Span], found: Collection[int], least: int) -> Steps[list[list[Span]]]:
    """The runs of at least ``least`` equal reads with one answer between which a loop wrote to other relations.

    Reads whose ``same`` is in ``found`` are left out. A function that was called by POST may have written anything.
    """
    often = {same for same, requests in Counter(map(attrgetter("same"), spans)).items() if requests >= least}
    runs: dict[tuple[object, ...], list[tuple[int, Span]]] = {}
    written: Counter[str] = Counter()
    writes = unknown = 0
    for at, span in enumerate(sorted(spans, key=attrgetter("start")) if often - {*found} else ()):
        if not at % SLICE:
            yield
        if may_write(span):
            writes += 1
            written[span.relation] += 1
            unknown += not span.relation or len(written) > MAX_WRITTEN
        elif span.same in often and span.same not in found and _is_read_of_rows(span):
            related = sum(count for name, count in written.items() if name and are_related(span.fingerprint, name))
            key = (span.same, unknown, related, span.writes, span.rows, span.total, span.size, span.row_keys)
            runs.setdefault(key, []).append((writes, span))
    return [
        [span for _, span in run]
        for run in runs.values()
        if len(run) >= least and len({before for before, _ in run}) >= MIN_SEGMENTS
    ]


def written_between(spans: Iterable[Span], runs: Iterable[Sequence[Span]]) -> list[str]:
    """The relations that ``spans`` wrote to between the first and the last read of a run; of writes that were accepted,
    as only their names are certain.
    """
    bounds = [(run[0].start, run[-1].start) for run in runs]
    writes = [span for span in spans if may_write(span) and any(one <= span.start < last for one, last in bounds)]
    accepted = {span.fingerprint: None for span in writes if span.relation and is_quotable(span)}
    return list(dict.fromkeys(parse_fingerprint(fingerprint).name for fingerprint in accepted))


def _is_read_of_rows(span: Span) -> bool:
    return is_read_or_count(span) and succeeded(span) and (span.rows >= 0 or span.total >= 0)


@cached_by_fingerprint
def are_related(fingerprint: str, written: str) -> bool:
    """Whether a write to the relation ``written`` may change what the read returns, by names: the read is of that
    relation, embeds it, or a word of one name is in the other (``cart_totals`` and ``cart_items``): a view, a trigger.
    """
    parsed = parse_fingerprint(fingerprint)
    read = _words(parsed.relation) | _words(parsed.select) | _words("_".join(parsed.rest))
    return not read.isdisjoint(_words(written.rpartition(".")[2]))


def _words(text: str) -> set[str]:
    """The singular words of names; those of one or two letters tell nothing."""
    plain = "".join([char if char.isalnum() else "_" for char in text.lower()])
    return {singular(word) for word in plain.split("_") if len(word) > 2}
