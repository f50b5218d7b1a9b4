"""The foreign key between a relation that is read in a loop and one whose rows an earlier read returned.

Tests: tests/e2e/fixes/test_printed_embeds.py.
"""

from collections.abc import Iterator, Sequence

import msgspec

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, parse_fingerprint
from proxy.analysis.patterns.varying import Parent, SimilarCalls
from proxy.analysis.spans import group_by, is_read, succeeded
from proxy.model import Span
from proxy.postgrest.database_facts import DatabaseFacts, ForeignKeyFact

MOST_READS = 20
"""The last reads of a relation before a loop, whose answers are examined."""


class Join(msgspec.Struct, frozen=True):
    """How an earlier read can embed what a loop reads."""

    foreign_key: str
    relation: str
    """Of the earlier read, without its schema."""
    column: str
    """Its column that has the values of the loop's key; unique, if ``owned``."""
    embed: str
    """The relation of the loop as a select names it: with a hint if there are several ways from one to the other."""
    first: ParsedFingerprint
    """The earlier read."""
    shown: bool
    """Whether its answer is known to have had all values of the loop."""
    owned: bool
    """Whether the key refers to the earlier relation: ``authors`` were read, then ``books?author_id=eq.…``. Else the
    earlier rows refer to the key: ``books`` were read, then ``authors?id=eq.…``."""
    single: bool | None
    """Whether each earlier row has at most one row of the loop's relation; None if it is unknown."""

    @property
    def parent(self) -> Parent | None:
        """What counts can be embedded in."""
        if not self.owned or self.single:
            return None
        return Parent(self.relation, self.column, self.single is False, declared=True)


def counted_in(facts: DatabaseFacts, calls: SimilarCalls) -> Parent | None:
    """What counts can be embedded in: the relation that a foreign key of their one key refers to, whether or not it was
    read before. None if no such key is known, or if names need quotes in a select.
    """
    if len(calls.keys) != 1:
        return None
    own = facts.qualified(calls.parsed.name)
    relation = facts.relations.get(own)
    for key, owned in _foreign_keys(facts, own, calls.keys[0].column):
        if owned and relation is not None and _is_embeddable(own, key.target) and not relation.is_unique(key.columns):
            target = key.target.partition(".")[2]
            return Parent(target, key.target_columns[0], relation.complete, declared=True)
    return None


def join_of(facts: DatabaseFacts, earlier: Sequence[Span], loop: Sequence[Span], calls: SimilarCalls) -> Join | None:
    """The join of a loop over one key with the last read before it of a relation that a foreign key joins to its own.

    None if no foreign key is known, or if names need quotes in a select.
    """
    if len(calls.keys) != 1 or not facts.foreign_keys:
        return None
    began = min(span.start for span in loop)
    own = facts.qualified(calls.parsed.name)
    before = [
        span
        for span in earlier
        if is_read(span) and succeeded(span) and span.end <= began and span.identity == loop[0].identity
    ]
    reads = group_by(before, lambda span: span.relation)
    for key, owned in _foreign_keys(facts, own, calls.keys[0].column):
        other = key.target if owned else key.relation
        column = (key.target_columns if owned else key.columns)[0]
        read = reads.get(other, [])[-MOST_READS:]
        if read and _is_embeddable(own, other) and _may_have_shown(read, column, loop, calls.keys[0]):
            return _join(facts, key, owned, read[-1], _has_shown(read[-1], column, loop, calls.keys[0]))
    return None


def _may_have_shown(read: Sequence[Span], column: str, loop: Sequence[Span], key: Filter) -> bool:
    """Whether answers had at least half of the loop's values in ``column``, or it is unknown what they had."""
    seen = [hashes for span in read for name, hashes in span.row_keys if name == column]
    if not seen:
        return True
    wanted = {span.literals[key.index] for span in loop}
    return 2 * len(wanted.intersection(set().union(*seen))) >= len(wanted)


def _has_shown(read: Span, column: str, loop: Sequence[Span], key: Filter) -> bool:
    """Whether one answer had all of the loop's values in ``column``."""
    seen = {one for name, hashes in read.row_keys if name == column for one in hashes}
    return seen.issuperset(span.literals[key.index] for span in loop)


def _foreign_keys(facts: DatabaseFacts, own: str, column: str) -> Iterator[tuple[ForeignKeyFact, bool]]:
    """The foreign keys of one column that join ``column``, each with whether it is a column of ``own``."""
    yield from ((key, True) for key in facts.foreign_keys if key.relation == own and key.columns == (column,))
    yield from ((key, False) for key in facts.foreign_keys if key.target == own and key.target_columns == (column,))


def _is_embeddable(own: str, other: str) -> bool:
    """Whether both are in one schema, differ, and have names that need no quotes."""
    names = own.split("."), other.split(".")
    plain = all(len(parts) == 2 and parts[1].replace("_", "a").isalnum() for parts in names)
    return own != other and plain and names[0][0] == names[1][0]


def _join(facts: DatabaseFacts, key: ForeignKeyFact, owned: bool, first: Span, shown: bool) -> Join:
    own, other = (key.relation, key.target) if owned else (key.target, key.relation)
    relation = facts.relations.get(key.relation)
    name = own.partition(".")[2]
    unsure = relation is None or not relation.complete  # what else joins them is unknown, too
    unique = relation is not None and relation.is_unique(key.columns)
    return Join(
        foreign_key=key.name,
        relation=other.partition(".")[2],
        column=key.target_columns[0] if owned else key.columns[0],
        embed=f"{name}!{key.name}" if unsure or _is_ambiguous(facts, own, other) else name,
        first=parse_fingerprint(first.fingerprint),
        shown=shown,
        owned=owned,
        single=True if not owned or unique else None if unsure else False,
    )


def _is_ambiguous(facts: DatabaseFacts, own: str, other: str) -> bool:
    """Whether there are several ways between two relations: foreign keys, or a relation that refers to both.

    https://postgrest.org/en/v12/references/api/resource_embedding.html#foreign-key-joins-on-multiple-foreign-key-relationships
    """
    pair = {own, other}
    direct = [key for key in facts.foreign_keys if {key.relation, key.target} == pair]
    targets = group_by(facts.foreign_keys, lambda key: key.relation)
    between = any(pair <= {key.target for key in keys} for keys in targets.values())
    return len(direct) > 1 or between
