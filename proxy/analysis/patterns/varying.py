"""What similar calls have in common: which of their parameters vary, and how many rows an answer had."""

from collections.abc import Sequence
from operator import itemgetter

import msgspec

from proxy.analysis.answer_shape import as_asked, wants_object
from proxy.analysis.fingerprint import Filter, ParsedFingerprint, parse_fingerprint
from proxy.analysis.spans import is_read, literal_kind, succeeded
from proxy.analysis.steps import Steps
from proxy.analysis.values.origin import answers_with_keys, origins
from proxy.analysis.values.unique_key import has_key
from proxy.model import Span
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.postgrest.singular import singular

ID = "id"
"""The column that a key such as ``post_id`` refers to, if earlier reads of posts name it."""


class SimilarCalls(msgspec.Struct, frozen=True):
    """What was seen of calls with one fingerprint."""

    parsed: ParsedFingerprint
    keys: tuple[Filter, ...]
    """The ``eq`` filters whose values vary; at least the key of the loop."""
    kinds: tuple[str, ...]
    """Per key, the class of its literals: integer, uuid or text; array if its column is known to be one."""
    others: tuple[str, ...]
    """The other parameters that vary, for which no list of values can stand."""
    varying: tuple[str, ...]
    """All parameters with a value that varies."""
    constant: tuple[str, ...]
    """The parameters with a value that was the same in all calls."""
    rows: int
    """Rows of the longest answer, rounded up to a power of two, so that generated code is the same more often."""
    limit: int | None
    """The limit of each call; None without one."""
    paged: bool
    """Whether the calls select rows by position (offset, Range), or their limits differ."""
    preferences: str
    """Preferences of a write (``Span.preferences``), or ``?`` if they differ."""
    counted: bool = False
    """Whether each call asks for the number of all its rows (``count=exact``)."""


def similar_calls(parsed: ParsedFingerprint, spans: Sequence[Span], key: Filter | None = None) -> Steps[SimilarCalls]:
    """What was seen of ``spans``, which have the fingerprint ``parsed``; ``key`` is a key whatever its values."""
    params = param_names(spans[0].fingerprint)
    varying, constant = yield from _by_variation(params, spans)
    keys = tuple(f for f in parsed.filters if f is key or (f.operator == "eq" and f.index in varying))
    indexes = {f.index for f in keys}
    limits = {span.limit for span in spans}
    answered = [span.total for span in spans if succeeded(span)]
    yield
    made = SimilarCalls(
        parsed=as_asked(parsed, spans),
        keys=keys,
        kinds=tuple(literal_kind(spans, f.column) for f in keys),
        others=tuple(params[at] for at in varying if at not in indexes),
        varying=tuple(params[at] for at in varying),
        constant=tuple(params[at] for at in constant if at not in indexes),
        rows=_power_of_two(max([span.rows for span in spans])),
        limit=next(iter(limits)) if len(limits) == 1 else None,
        paged=len(limits) > 1 or _is_paged(parsed, spans),
        preferences=spans[0].preferences if len({span.preferences for span in spans}) == 1 else "?",
        counted=bool(answered) and min(answered) >= 0,
    )
    yield
    return made


def with_arrays(calls: SimilarCalls, facts: DatabaseFacts) -> SimilarCalls:
    """``calls`` with the kind ``array`` of each key whose column is one, as far as the database is known."""
    relation = facts.of(calls.parsed.name)
    if relation is None or not any(relation.type_of(key.column).endswith("[]") for key in calls.keys):
        return calls
    kinds = zip(calls.keys, calls.kinds, strict=True)
    changed = tuple("array" if relation.type_of(key.column).endswith("[]") else kind for key, kind in kinds)
    return msgspec.structs.replace(calls, kinds=changed)


def has_many_rows_per_key(calls: SimilarCalls, facts: DatabaseFacts) -> bool:
    """Whether a key may have several rows: not if each call asks for one object, nor if no answer had several and the
    database does not say that the keys of its table are not unique.
    """
    if wants_object(calls.parsed):
        return False
    if calls.parsed.order or calls.rows > 1 or not calls.keys:
        return True
    relation = facts.of(calls.parsed.name)
    known = relation is not None and relation.complete and relation.can_have_indexes
    return known and not has_key(calls.parsed, [key.column for key in calls.keys], facts)


def param_names(fingerprint: str) -> tuple[str, ...]:
    """The parameters of a fingerprint in the order of the query, without the placeholders of their values."""
    query = fingerprint.partition("?")[2]
    return tuple(" ".join(param.removesuffix(".?").split()) for param in query.split("&")) if query else ()


def variation_evidence(calls: SimilarCalls) -> str:
    """A line that lists the parameters whose values vary, and the constant ones."""
    vary, same = ", ".join(calls.varying), ", ".join(calls.constant)
    return f"values that vary: {vary or 'none'}; the same in all calls: {same or 'none'}"


class Parent(msgspec.Struct, frozen=True):
    """The relation for whose rows something is counted, and its column that the key refers to."""

    relation: str
    column: str
    many: bool = True
    """Whether an embed in it is surely an array: an object, if each row has at most one, which may be unknown."""
    declared: bool = False
    """Whether a foreign key of the database says so, not the names of relations and keys."""


def parent_of(earlier: Sequence[Span], counts: Sequence[Span], key: Filter) -> Steps[Parent | None]:
    """Where the keys of counts came from: an earlier answer that has their values, or, for ``post_id``, a read of
    ``posts`` that names its column ``id``.
    """
    if counts[0].method != "HEAD":
        return None
    known = yield from origins(answers_with_keys(earlier), counts, key)
    if known:
        return Parent(known[0].relation.rpartition(".")[2], known[0].column)
    began = min(span.start for span in counts)
    before = (span for span in earlier if is_read(span) and succeeded(span) and span.end <= began)
    named = {span.fingerprint: span.relation.rpartition(".")[2] for span in before}
    for fingerprint, relation in named.items():
        if f"{singular(relation)}_{ID}" == key.column and _names_id(parse_fingerprint(fingerprint)):
            return Parent(relation, ID)
    return None


def _names_id(parsed: ParsedFingerprint) -> bool:
    """Whether an accepted read proves that its relation has the column."""
    selected = ID in parsed.select.split(",")
    return selected or ID in (*(f.column for f in parsed.filters), *(item.column for item in parsed.order))


def key_text(calls: SimilarCalls) -> str:
    """``owner_type and owner_id``; without keys, the other parameters that vary."""
    return " and ".join(key.column for key in calls.keys) or ", ".join(calls.others)


def different_keys(calls: SimilarCalls, spans: Sequence[Span]) -> int:
    """Number of different keys in ``spans``."""
    values = itemgetter(*(key.index for key in calls.keys)) if calls.keys else tuple
    return len({values(span.literals) for span in spans})


def key_evidence(calls: SimilarCalls, spans: Sequence[Span]) -> str:
    """How often which keys were asked for."""
    names, different = ", ".join([*(key.column for key in calls.keys), *calls.others]), different_keys(calls, spans)
    return f"{len(spans)} requests differ only in {names}, with {different} different keys"


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length() if number > 1 else number


def _by_variation(params: Sequence[str], spans: Sequence[Span]) -> Steps[tuple[list[int], list[int]]]:
    """The indexes of the parameters with a literal: those that vary, and those that do not.

    A name that contains ``&`` makes the indexes wrong: then all are taken to vary.
    """
    if {len(span.literals) for span in spans} != {len(params)}:
        return list(range(len(params))), []
    varying, constant = [], []
    for at in range(len(params)):
        yield
        values = {span.literals[at] for span in spans}
        if len(values) > 1:
            varying.append(at)
        elif values != {0}:
            constant.append(at)
    return varying, constant


def _is_paged(parsed: ParsedFingerprint, spans: Sequence[Span]) -> bool:
    ranged = "range" in {span.bypass_reason for span in spans}
    unread = "limit=?" in parsed.rest and None in {span.limit for span in spans}
    return ranged or unread or "offset=?" in parsed.rest or any(span.offset for span in spans)
