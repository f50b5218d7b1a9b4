"""By which columns indexes could find the rows that the policies of a table let a role see.

Permissive policies are joined by OR, and restrictive ones by AND (PostgreSQL, CREATE POLICY).

Tests: tests/e2e/database/test_policy_indexes.py.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from proxy.schema.access import applies, bound_roles
from proxy.schema.compared import casts_to_index, key_of, serves
from proxy.schema.expression import ComparedColumn, Conjunct
from proxy.schema.index_sql import finds
from proxy.schema.relation import Policy, Relation, TableColumn, Verb
from proxy.schema.searches import merged_arm
from proxy.schema.snapshot import Database

FILTERED: tuple[Verb, ...] = ("SELECT", "UPDATE", "DELETE")
PicksFew = Callable[[TableColumn], bool]


class SearchKey(msgspec.Struct, frozen=True):
    """A key that an index does not begin with: a column, cast so."""

    column: str
    casts: tuple[str, ...] = ()


class PolicySearch(msgspec.Struct, frozen=True):
    """One conjunct of what policies add, which no index serves wholly."""

    roles: tuple[str, ...]
    verb: Verb
    policies: tuple[Policy, ...]
    missing: tuple[SearchKey, ...]
    """Keys of columns of which a value picks few rows."""
    doubtful: tuple[str, ...] = ()
    """Columns of other operands of its OR, of which it is not known how many rows they pick."""

    def id(self, relation: Relation) -> tuple[str, ...]:
        """Equal for searches that one plan decides."""
        keys = (key_text(relation, key) for key in self.missing)
        return (relation.full_name, *(policy.name for policy in self.policies), *keys, *self.doubtful)


def searches(relation: Relation, database: Database, picks_few: PicksFew) -> Iterator[PolicySearch]:
    """What no index serves, per set of policies that apply together; nothing for a set of which one conjunct is served.

    Sets with a policy that cannot be parsed are left out.
    """
    groups: dict[tuple[Verb, tuple[Policy, ...]], list[str]] = {}
    named = (role for policy in relation.policies for role in policy.roles)
    for role in dict.fromkeys((*bound_roles(database), *named)):
        for verb in FILTERED:
            found = tuple(policy for policy in relation.policies if applies(policy, role, verb, database))
            groups.setdefault((verb, found), []).append(role)
    for (verb, policies), roles in groups.items():
        if all(policy.using is None or policy.using.parsed for policy in policies):
            yield from _of_group(relation, policies, (tuple(roles), verb), _Judge(relation, database, picks_few))


def combined(policies: Sequence[Policy]) -> tuple[Conjunct, ...]:
    """The conjuncts of what policies that apply together add."""
    of = [(policy, policy.using) for policy in policies if policy.using is not None]
    allowing = [using for policy, using in of if policy.permissive and not using.always_false]
    found = [each for policy, using in of if not policy.permissive for each in using.conjuncts]
    if allowing and not any(using.always_true for using in allowing):
        if len(allowing) == 1:
            found += allowing[0].conjuncts
        else:
            found.append(
                tuple(
                    arm
                    for using in allowing
                    for arm in (using.conjuncts[0] if len(using.conjuncts) == 1 else (merged_arm(using.conjuncts),))
                )
            )
    return tuple(found)


def _of_group(
    relation: Relation, policies: tuple[Policy, ...], of: tuple[tuple[str, ...], Verb], judge: "_Judge"
) -> Iterator[PolicySearch]:
    if not any(policy.permissive for policy in policies):
        return  # no row is visible at all
    found = []
    for conjunct in combined(policies):
        judged = judge.conjunct(conjunct)
        if judged is None:
            continue
        missing, doubtful = judged
        if not missing and not doubtful:
            return
        if missing:
            found.append(PolicySearch(*of, policies, missing, doubtful))
    yield from found


class _Judge:
    """Whether indexes of a table serve a conjunct, and what is missing."""

    def __init__(self, relation: Relation, database: Database, picks_few: PicksFew) -> None:
        self._relation, self._database, self._picks_few = relation, database, picks_few
        self._columns = {column.name: column for column in relation.columns}

    def conjunct(self, conjunct: Conjunct) -> tuple[tuple[SearchKey, ...], tuple[str, ...]] | None:
        """The missing keys and the columns in doubt; both empty if it is served. None if no index can serve it."""
        missing: list[SearchKey] = []
        doubtful: list[str] = []
        for arm in conjunct:
            usable = [one for one in arm.equal if one.name in self._columns and not self._volatile(one)]
            few = [one for one in usable if self._picks_few(self._columns[one.name])]
            if any(map(self._served, few)):
                continue
            others = [*(one.name for one in usable), *(name for name in arm.others if name in self._columns)]
            if few:
                missing += map(self._key, few)
            elif others:
                doubtful += others
            else:
                return None
        return tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(doubtful))

    def _key(self, one: ComparedColumn) -> SearchKey:
        return SearchKey(one.name, casts_to_index(self._columns[one.name], one))

    def _served(self, one: ComparedColumn) -> bool:
        column = self._columns[one.name]
        return any(serves(index, column, casts_to_index(column, one)) for index in self._relation.indexes)

    def _volatile(self, one: ComparedColumn) -> bool:
        """Whether it is compared with what may differ from row to row, as Postgres takes a volatile function."""
        return any(
            each.volatility == "v" for schema, name in one.calls for each in self._database.overloads(schema, name)
        )


def key_text(relation: Relation, key: SearchKey) -> str:
    """The key as SQL."""
    return key_of(_column(relation, key.column), key.casts)


def unindexed(relation: Relation, names: Sequence[str]) -> list[str]:
    """Those of the columns that no index begins with."""
    return [name for name in names if not any(finds(index, (name,)) for index in relation.indexes)]


def _column(relation: Relation, name: str) -> TableColumn:
    return next(column for column in relation.columns if column.name == name)


def picks_few(column: TableColumn, min_values: int) -> bool:
    """Whether a value of the column is one of many; so taken where the statistics do not say."""
    few = column.stats is not None and 0 < column.stats.n_distinct < min_values
    return column.type != "boolean" and not few
