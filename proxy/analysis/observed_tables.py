"""The observed requests for relations of the database, as rules over both ask for them."""

from collections.abc import Iterator

import msgspec

from proxy.analysis.fingerprint import ParsedFingerprint, parse_fingerprint
from proxy.analysis.workload import Usage, Workload
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database

MANY_VALUES = 100
"""Different values from which a column's index picks few rows; so taken where the statistics do not say."""


class ObservedRequests(msgspec.Struct, frozen=True):
    """The requests of one fingerprint for an exposed relation."""

    relation: Relation
    usage: Usage
    query: ParsedFingerprint


def observed_requests(database: Database, workload: Workload) -> Iterator[ObservedRequests]:
    """Those for relations that rules look at, in the order of their fingerprints, unless all of them failed."""
    own = {relation.full_name: relation for relation in database.own()}
    for usage in sorted(workload, key=lambda usage: usage.fingerprint):
        name = usage.relation if "." in usage.relation else f"{database.schemas[0]}.{usage.relation}"
        if name in own and usage.failed < usage.calls:
            yield ObservedRequests(own[name], usage, parse_fingerprint(usage.fingerprint))


def rows_of(relation: Relation) -> float:
    """Its rows, by ANALYZE or by the counters, whichever is more; 0 if neither knows."""
    return max(relation.rows, relation.stats.live if relation.stats else 0, 0)


def has_selective_index(relation: Relation, query: ParsedFingerprint) -> bool:
    """Whether another filter of the query is served by an index that picks few rows."""
    equal = {one.column for one in query.filters if one.operator in ("eq", "in")}
    return any(column in equal and _picks_few(relation, column) for column in _leading(relation))


def _leading(relation: Relation) -> Iterator[str]:
    """The first columns of its indexes of all rows."""
    for index in relation.indexes:
        if index.valid and not index.where and index.method in ("btree", "hash"):
            yield index.keys[0].column


def _picks_few(relation: Relation, name: str) -> bool:
    stats = next((column.stats for column in relation.columns if column.name == name), None)
    return stats is None or not 0 < stats.distinct(rows_of(relation)) < MANY_VALUES
