"""The statements to ask plans of, each with the indexes that it could use, and why there is none elsewhere.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from proxy.advisor.advice import NoIndex, ObservedCalls, ObservedStatement, PlanPair
from proxy.advisor.candidates import candidates, finds_one_row, policy_candidates, untried
from proxy.advisor.existing import equal_index
from proxy.advisor.levels import Constants, ReadLevel, level_of, read_levels
from proxy.advisor.sizes import SMALL_PAGES
from proxy.advisor.views import constants_of_tables, level_of_table, shown_table
from proxy.advisor.write_cost import ObservedWrites
from proxy.database.session import Caller
from proxy.database.trial import CalledStatement
from proxy.plans.parameters import ColumnFacts
from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.statements import StatementSet, facts_of_database, statements_of
from proxy.plans.words import hide_values
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database
from proxy.sql.expressions import UnwritableError
from proxy.sql.fingerprints import request_of
from proxy.sql.relationships import DeclaredSchema, RelationName
from proxy.sql.table_reads import table_reads
from proxy.text.counted import counted

if TYPE_CHECKING:
    from proxy.plans.tree import Plan

NO_SQL = "Look at the plan of its statement in the database."
UNPROPOSED = "no index is proposed for"
Updates = Mapping[str, Mapping[str, int]]
"""Calls of updates by ``schema.table``, and by the column that they set."""
MUCH_WRITTEN = 10
"""A table with so many times more writes than reads gets no index."""


MOST_PARTITIONS = 100
"""Partitions of a table on which indexes are built for a trial: each takes a lock until the end."""


class AskedCalls(msgspec.Struct, frozen=True):
    """What was seen of a statement; ``name`` is the fingerprint, or the text of a statement."""

    name: str
    calls: int
    seconds: float


class Partitions(msgspec.Struct, frozen=True):
    """The partitions of a table."""

    tables: tuple[RelationName, ...]
    pages: int
    """Of all, as last counted by VACUUM or ANALYZE."""
    plain: bool
    """Whether each is a table, and none is partitioned itself or foreign."""


class Question(msgspec.Struct, frozen=True):
    """A statement to plan, with what its calls cost. ``label`` says which values it has."""

    of: AskedCalls
    label: str
    statement: CalledStatement
    weight: float
    indexes: frozenset[ProposedIndex]
    from_filters: frozenset[ProposedIndex]
    """Those of ``indexes`` that filters, orders and embeds could use; the others are for policies."""

    def could_use(self, indexes: Iterable[ProposedIndex]) -> frozenset[ProposedIndex]:
        """Those that begin as one of its own: an index is searched by its first key."""
        firsts = {(index.table, index.method, index.keys[0]) for index in self.indexes}
        return frozenset(index for index in indexes if (index.table, index.method, index.keys[0]) in firsts)

    def pair(self, before: "Plan", after: "Plan") -> PlanPair:
        """Its plans without and with an index."""
        of, role = self.of, self.statement.caller.role
        sql = hide_values(self.statement.text)
        return PlanPair(of.name, self.label, of.calls, of.seconds, before, after, role, sql)


class Questions:
    """Collects the statements that could use an index that does not exist."""

    def __init__(
        self,
        database: Database,
        declared: DeclaredSchema,
        writes: Mapping[str, int],
        policies: bool = True,
        updates: Updates | None = None,
        partitions: Mapping[RelationName, Partitions] | None = None,
    ) -> None:
        """``policies``: whether the indexes that policies could use are asked about too. ``partitions``: those of each
        partitioned table, if indexes are built for a trial: HypoPG has none of partitioned tables.
        """
        self.asked: list[Question] = []
        self.none: list[NoIndex] = []
        self._database = database
        self._relations = {(each.schema, each.name): each for each in database.relations}
        self._declared = declared
        self._writes = writes
        self._policies = policies
        self._updates = updates
        self._partitions = partitions or {}
        self._facts_of_own = facts_of_database(database)

    def _facts_of(self, table: RelationName, column: str) -> ColumnFacts | None:
        """What is known of a column; of a view's, what is known of the table's column that it shows."""
        relation, origins = self._relations.get(table), self._declared.shown.get(table, {})
        is_shown = relation is not None and relation.kind == "v" and column in origins
        return self._facts_of_own(*(origins[column] if is_shown else (table, column)))

    def _of_table(self, level: ReadLevel) -> ReadLevel:
        """A level of a view that shows rows of one table as one of that table; any other as it is."""
        relation = self._relations.get(level.table)
        shown = None if relation is None else shown_table(relation, self._declared)
        return level if shown is None else level_of_table(level, shown)

    def writes_of(self, table: RelationName) -> int:
        """Observed writes to a table; a name without schema is one of the first schema."""
        return self._writes.get(".".join(table), self._writes.get(table[1], 0))

    def relation(self, index: ProposedIndex) -> Relation:
        """The table of an index."""
        return self._relations[index.schema, index.table]

    def writes_to(self, relation: Relation) -> ObservedWrites:
        """What was observed of the writes to a table."""
        updates = None if self._updates is None else self._updates.get(relation.full_name, {})
        return ObservedWrites(self.writes_of((relation.schema, relation.name)), updates)

    def add_calls(self, one: ObservedCalls) -> None:
        """Add the calls of a fingerprint, once per set of representative values; writes are not planned."""
        seen = one.seen
        if not seen.fingerprint.startswith(("GET ", "HEAD ")):
            return
        try:
            made = statements_of(seen, self._declared, self._facts_of)
            request = request_of(seen.fingerprint, seen.limit, seen.offset, seen.prefers)
        except UnwritableError as error:
            self.none.append(NoIndex(seen.fingerprint, f"no exact SQL is known for {error}", False, NO_SQL))
            return
        of = AskedCalls(seen.fingerprint, one.calls, one.seconds)
        indexes, from_filters = self.usable(of, read_levels(request, self._declared), _constants(made))
        if not indexes:
            return
        present = [each for each in made.rows if each.label != "absent"] or list(made.rows)
        for each in made.rows:
            statement = CalledStatement(each.text, Caller(one.role, one.claims, made.sql.relations[0][0]))
            weight = (one.seconds or one.calls / 1000) / len(present) if each in present else 0.0
            self.asked.append(Question(of, each.label, statement, weight, indexes, from_filters))

    def add_statement(self, one: ObservedStatement) -> None:
        """Add a statement as it is, with its own values."""
        name = " ".join(one.text.split())
        try:
            reads = table_reads(one.text, self._declared)
        except UnwritableError as error:
            self.none.append(NoIndex(name, f"no plan is asked for {error}", False, "Give it as one SELECT."))
            return
        of = AskedCalls(name, one.calls, one.seconds)
        constants = {
            (read.table, test.column): test.value
            for read in reads
            for test in read.tests
            if test.operator == "eq" and test.value is not None
        }
        indexes, from_filters = self.usable(of, map(level_of, reads), constants)
        if indexes:
            statement = CalledStatement(one.text, Caller(one.role, one.claims, self._declared.schema))
            weight = one.seconds or one.calls / 1000
            self.asked.append(Question(of, "as written", statement, weight, indexes, from_filters))

    def usable(
        self, of: AskedCalls, levels: Iterable[ReadLevel], constants: Constants
    ) -> tuple[frozenset[ProposedIndex], frozenset[ProposedIndex]]:
        """The indexes that a statement with these levels could use, and that do not exist; and those of them that are
        not for policies alone.
        """
        indexes: set[ProposedIndex] = set()
        from_filters: set[ProposedIndex] = set()
        constants = constants_of_tables(constants, self._declared)
        for level in map(self._of_table, levels):
            relation = self._relations.get(level.table)
            reason = self._why_none(level.table, of)
            if relation is None or reason is not None:
                self.none += [reason] if reason else []
                continue
            new = self._with_partitions(candidates(level, relation, self._database, constants))
            self._tell_untried(level, relation, new, of)
            from_filters |= new
            of_policies = self._with_partitions(policy_candidates(relation)) if self._policies else set()
            for index in sorted(new | of_policies):
                served = equal_index(index, relation)
                if served is None:
                    indexes.add(index)
                else:
                    keys = ", ".join(index.keys)
                    because = f"index {served.name} of {relation.full_name} has the keys {keys}"
                    self.none.append(NoIndex(of.name, because, object=relation.full_name))
        return frozenset(indexes), frozenset(indexes & from_filters)

    def _with_partitions(self, indexes: Iterable[ProposedIndex]) -> set[ProposedIndex]:
        known = self._partitions
        return {
            msgspec.structs.replace(one, partitions=known[table].tables) if table in known else one
            for one in indexes
            for table in ((one.schema, one.table),)
        }

    def _tell_untried(
        self, level: ReadLevel, relation: Relation, new: Collection[ProposedIndex], of: AskedCalls
    ) -> None:
        """Where nothing is proposed although an index could be of use, that is not checked."""
        left = [] if new or finds_one_row(level, relation) else list(untried(level, relation, self._database))
        if left:
            because = f"{UNPROPOSED} {', '.join(left)}"
            self.none.append(
                NoIndex(of.name, because, False, "Ask EXPLAIN with an index on a copy.", relation.full_name)
            )

    def _why_none(self, table: RelationName, of: AskedCalls) -> NoIndex | None:
        """Why a table gets no index; None if it may."""
        relation, name = self._relations.get(table), ".".join(table)
        if relation is None or relation.kind not in ("r", "p", "m"):
            is_view = relation is not None and relation.kind == "v"
            because = "is a view of more than rows and columns of one table" if is_view else "is no table"
            return NoIndex(of.name, f"{name} {because}", False, "Ask EXPLAIN for the view's own tables.", name)
        partitions = self._partitions.get(table)
        because = _why_not_built(partitions) if relation.kind == "p" else ""
        if because:
            remedy = "Ask EXPLAIN with the index on a copy." if partitions else "Use --trial on a copy."
            return NoIndex(of.name, f"{name} {because}", False, remedy, name)
        pages = partitions.pages if partitions else relation.pages
        if relation.rows < 0:
            return NoIndex(of.name, f"{name} has no statistics", False, f"Run ANALYZE on {name}.", name)
        if pages < SMALL_PAGES:
            told = f"{counted(pages, 'page')}, which Postgres reads as fast as an index"
            return NoIndex(of.name, f"{name} is small: {told}", object=name)
        written = self.writes_of(table)
        if written > MUCH_WRITTEN * max(1, of.calls):
            because = f"{name} is written more than read: {counted(written, 'write')}, {counted(of.calls, 'call')}"
            return NoIndex(of.name, because, object=name)
        return None


def _why_not_built(partitions: Partitions | None) -> str:
    """Why no index of a partitioned table is tried; empty if they are."""
    if partitions is None:
        return "is partitioned, and only a trial builds the indexes of its partitions"
    if not partitions.plain:
        return "has partitions that are partitioned or foreign tables themselves"
    most = len(partitions.tables) > MOST_PARTITIONS
    return f"has more than {MOST_PARTITIONS} partitions, on each of which an index would be built" if most else ""


def _constants(made: StatementSet) -> Constants:
    """The values that were the same in all calls."""
    values = made.chosen.sets[0].values
    return {
        (param.table, param.column): values[param.number]
        for param in made.sql.parameters
        if param.column in made.chosen.constant and not param.path
    }


def wanted_by(questions: Sequence[Question]) -> list[ProposedIndex]:
    """The indexes that any of the statements could use, sorted."""
    return sorted(frozenset[ProposedIndex]().union(*(one.indexes for one in questions)))
