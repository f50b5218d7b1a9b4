"""What-if questions without HypoPG: all indexes are built once in a transaction, and dropped in savepoints.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from proxy.database.plans import plan_of
from proxy.database.session import Caller, DatabaseFaultError, Limits, rolled_back
from proxy.database.trial import BuiltIndex, CalledStatement, WhatIf, build_index, limits_for, why_no_trial
from proxy.plans.proposed_index import ProposedIndex, of_tables
from proxy.plans.tree import Plan

if TYPE_CHECKING:
    from proxy.database.session import Connection


class BuiltIndexes(WhatIf):
    """Plans with any of the indexes that were built; the others are dropped, which is rolled back."""

    def __init__(self, connection: "Connection", limits: Limits, built: Sequence[BuiltIndex]) -> None:
        super().__init__(connection, limits)
        self.built = {one.index: one for one in built}

    async def available(self) -> bool:
        """True: they were built."""
        return True

    async def what_if(self, statements: Sequence[CalledStatement], indexes: Sequence[ProposedIndex]) -> list[Plan]:
        """The plans with ``indexes``, all of which were built."""
        return [
            await self._plan(statement, of_tables(indexes, (await self.base(statement)).relations))
            for statement in statements
        ]

    async def _asked(self, statement: CalledStatement, indexes: frozenset[ProposedIndex]) -> Plan:
        async with rolled_back(self._connection, Caller(), self._limits, writes=True):
            for index, built in self.built.items():
                if index not in indexes:
                    schema = '"' + index.schema.replace('"', '""') + '"'
                    await self._connection.execute(f"drop index {schema}.{built.name}")
            async with rolled_back(self._connection, statement.caller, self._limits):
                return await plan_of(self._connection, statement.text)


@asynccontextmanager
async def built_indexes(
    connection: "Connection", indexes: Sequence[ProposedIndex], limits: Limits, told: int
) -> AsyncIterator[BuiltIndexes]:
    """The indexes, built until the end of the block. DatabaseFaultError if that may not be, or cannot be."""
    refused = await why_no_trial(connection, told)
    if refused:
        raise DatabaseFaultError(refused)
    async with rolled_back(connection, Caller(), limits_for(limits), writes=True):
        built = [await build_index(connection, index, number) for number, index in enumerate(indexes)]
        yield BuiltIndexes(connection, limits, built)
