"""What-if questions without HypoPG: all indexes are built once in a transaction, and dropped in savepoints.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from proxy.database.session import Caller, DatabaseFaultError, Limits, rolled_back, savepoint
from proxy.database.trial import BuiltIndex, CalledStatement, WhatIf, build_index, limits_for, why_no_trial
from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.tree import Plan

if TYPE_CHECKING:
    from proxy.database.session import Connection


class BuiltIndexes(WhatIf):
    """Plans with any of the indexes that were built; the others are dropped, which is rolled back."""

    def __init__(
        self,
        connection: "Connection",
        limits: Limits,
        built: Sequence[BuiltIndex],
        failed: Mapping[ProposedIndex, DatabaseFaultError],
    ) -> None:
        super().__init__(connection, limits)
        self.built = {one.index: one for one in built}
        self.failed = failed
        """Why an index could not be built."""

    async def available(self) -> bool:
        """True: they were built."""
        return True

    async def _check(self, indexes: Iterable[ProposedIndex]) -> None:
        """Any of them can be asked about: all were built."""

    async def _asked(self, statements: Sequence[CalledStatement], indexes: frozenset[ProposedIndex]) -> list[Plan]:
        async with rolled_back(self._connection, Caller(), self._limits, writes=True):
            for index, built in self.built.items():
                if index not in indexes:
                    schema = '"' + index.schema.replace('"', '""') + '"'
                    await self._connection.execute(f"drop index {schema}.{built.name}")
            return await self._explained(statements)


@asynccontextmanager
async def built_indexes(
    connection: "Connection", indexes: Sequence[ProposedIndex], limits: Limits, told: int
) -> AsyncIterator[BuiltIndexes]:
    """The indexes, built until the end of the block. DatabaseFaultError if that may not be, or cannot be."""
    refused = await why_no_trial(connection, told)
    if refused:
        raise DatabaseFaultError(refused)
    built: list[BuiltIndex] = []
    failed: dict[ProposedIndex, DatabaseFaultError] = {}
    async with rolled_back(connection, Caller(), limits_for(limits), writes=True):
        for number, index in enumerate(indexes):
            try:
                async with savepoint(connection, limits_for(limits)):
                    built.append(await build_index(connection, index, number))
            except DatabaseFaultError as error:
                failed[index] = error
        if failed and not built:
            raise next(iter(failed.values()))
        yield BuiltIndexes(connection, limits, built, failed)
