"""Asks upstream for the types of columns: one question a column, which Postgres answers without reading a row.

``column=adj.x`` names an operator that few types have, so that the error names the column's type
(docs/explanation/merging.md#the-type-question). The name of a type that is not Postgres' own tells nothing: a second
question shows whether it is an enumeration, or a domain over a type that we know.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from proxy.errors.codes import FaultError
from proxy.model import Column, PendingRequest
from proxy.path.columns import ColumnRegistry, table_of, unknown_columns
from proxy.postgrest.catalog import Catalog
from proxy.postgrest.response.problem import ErrorBody, bad_value, missing_operator, read_error_body
from proxy.postgrest.types import KNOWN_TYPES
from proxy.settings.model import Settings
from proxy.upstream.calls import CallLabels, UpstreamContext

NO_VALUE = b"fanin%20asks%20for%20the%20type"
"""A literal that no number, date, UUID or enumeration takes."""
LARGEST = 100_000
"""Bytes of an answer that is read: an error is short."""


class ColumnTypeResolver:
    """What is known of columns, and the questions that are under way."""

    def __init__(self, settings: Settings, context: UpstreamContext) -> None:
        self.columns = ColumnRegistry(settings.merge.types_lifetime, settings.merge.max_tracked)
        self.apply_settings(settings)
        self._schema = settings.catalog.schemas[0]
        self._context = context
        self._clock = context.clock
        self._stable: frozenset[str] = frozenset()
        self._contradicted: Callable[[], None] | None = None
        self._asking: dict[tuple[str, str, bytes], asyncio.Task[None]] = {}

    def apply_settings(self, settings: Settings) -> None:
        """Ask, from now on, as these settings say."""
        self._asks = settings.merge.ask_types
        self._timeout = settings.merge.deadline_floor

    def apply_catalog(self, catalog: Catalog, contradicted: Callable[[], None]) -> None:
        """The catalog was read; ``contradicted`` is called when an answer shows something else."""
        self.columns.apply_catalog(catalog.columns)
        self._stable = catalog.stable
        self._contradicted = contradicted

    def invalidate(self, member: PendingRequest) -> None:
        """An answer showed that a column of what ``member`` asks for is not what it was believed to be."""
        self._drop(self.columns.forget(table_of(member)))

    def record_bad_value(self, member: PendingRequest, name: bytes, type_name: str, literal: bytes) -> None:
        """Upstream refused a literal because it is not of the column's type, which it named."""
        self._drop(self.columns.record_bad_value(table_of(member), name, type_name, literal, self._clock()))

    def _drop(self, wrong: bool) -> None:
        """The catalog is ``wrong``: it is to be read again."""
        if wrong and self._contradicted is not None:
            self._contradicted()

    def is_stable(self, schema: str, name: str) -> bool:
        """Whether the catalog says that no function of this name is volatile."""
        return f"{schema or self._schema}.{name}" in self._stable

    def known(self, member: PendingRequest) -> Mapping[bytes, Column]:
        """The columns of what ``member`` asks for of which something is known."""
        return self.columns.known(table_of(member), self._clock())

    def unresolved(self, batch: Sequence[PendingRequest]) -> list[bytes]:
        """Columns whose types would let more of ``batch`` share a call, and have not been asked for."""
        return unknown_columns(batch, self.known(batch[0])) if self._asks else []

    async def resolve(self, member: PendingRequest, names: Sequence[bytes]) -> None:
        """Learn the types of ``names``, on behalf of ``member``. What cannot be told is remembered as that."""
        table = table_of(member)
        for name in names:
            if (*table, name) not in self._asking:
                self._asking[*table, name] = asyncio.get_running_loop().create_task(self._learn(member, name))
        await asyncio.wait([self._asking[*table, name] for name in names])

    async def _learn(self, member: PendingRequest, name: bytes) -> None:
        table, column = table_of(member), Column("")
        try:
            async with asyncio.timeout(self._timeout):
                column = Column(await self._type_of(member, name) or "")
        except (FaultError, TimeoutError):
            pass
        finally:
            self.columns.learn(table, name, column, self._clock())
            del self._asking[*table, name]

    async def _type_of(self, member: PendingRequest, name: bytes) -> str | None:
        found = missing_operator(await self._probe(member, name + b"=adj.x"))
        if found is None or found in KNOWN_TYPES or found.endswith("[]"):
            return found
        blamed = bad_value(await self._probe(member, name + b"=eq." + NO_VALUE))
        return found if blamed is None else blamed[0]

    async def _probe(self, member: PendingRequest, condition: bytes) -> ErrorBody:
        query = member.query
        name = condition.partition(b"=")[0]
        target = query.target[: query.path_end] + b"?select=" + name + b"&" + condition + b"&limit=0"
        request = self._context.request(b"GET", target, member.head.merged_lines)
        labels = CallLabels("types", b"GET", query.relation, costs="FAN001")
        async with self._context.call(request, labels) as answer:
            return read_error_body(await answer.read(LARGEST) or b"")
