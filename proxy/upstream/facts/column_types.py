"""Asks upstream for column types: one call per column, which Postgres answers without reading a row.

``column=adj.x`` needs an operator that few types have, so that the error names the column's type
(docs/explanation/merging.md#the-type-question). For a type that is not built into Postgres, the name is not enough: a
second call shows whether it is an enumeration, or a domain over a known type.

Tests: tests/e2e/exactness/test_column_types.py.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote_from_bytes

from proxy.errors.codes import FaultError
from proxy.model import Column, PendingRequest
from proxy.path.evidence.columns import ColumnRegistry, table_of, unknown_columns
from proxy.postgrest.catalog import Catalog
from proxy.postgrest.request.column_names import raw_name
from proxy.postgrest.response.problem import ErrorBody, base_type, missing_operator, read_error_body
from proxy.postgrest.types import KNOWN_TYPES
from proxy.settings.model import Settings
from proxy.upstream.calls import CallLabels, UpstreamContext

NO_VALUE = b"fanin asks for the type"
"""A literal that is invalid for numbers, dates, UUIDs and enumerations."""
MAX_ANSWER = 100_000
"""The most bytes of an answer that is read: errors are short."""


class ColumnTypeResolver:
    """The known column types, and the calls in flight that ask for more."""

    def __init__(self, settings: Settings, context: UpstreamContext) -> None:
        self.columns = ColumnRegistry(
            settings.merge.types_lifetime, settings.merge.max_tracked, settings.merge.max_tracked_bytes
        )
        self.apply_settings(settings)
        self._schema = settings.catalog.schemas[0]
        self.context = context
        self._clock = context.clock
        self._stable: frozenset[str] = frozenset()
        self._invalidate_catalog: Callable[[], None] | None = None
        self._lookups: dict[tuple[str, str, bytes], asyncio.Task[None]] = {}

    def apply_settings(self, settings: Settings) -> None:
        """Use these settings for lookups from now on."""
        self.enabled = settings.merge.ask_types
        self._timeout = settings.merge.deadline_floor

    def apply_catalog(self, catalog: Catalog, invalidate: Callable[[], None]) -> None:
        """Use a catalog that was read. ``invalidate`` is called when an answer contradicts it."""
        self.columns.apply_catalog(catalog.columns)
        self._stable = catalog.stable
        self._invalidate_catalog = invalidate

    def invalidate(self, request: PendingRequest) -> None:
        """Forget the columns of the relation of ``request``: an answer contradicts what is known of one of them."""
        self._check_catalog(self.columns.forget(table_of(request)))

    def record_bad_value(self, request: PendingRequest, name: bytes, type_name: str, literal: bytes) -> None:
        """Upstream rejected a literal because it is not of the column's type ``type_name``."""
        self._check_catalog(self.columns.record_bad_value(table_of(request), name, type_name, literal, self._clock()))

    def _check_catalog(self, is_wrong: bool) -> None:
        """Have the catalog read again if it is wrong."""
        if is_wrong and self._invalidate_catalog is not None:
            self._invalidate_catalog()

    def is_stable(self, schema: str, name: str) -> bool:
        """Whether no function of this name is volatile, by the catalog."""
        return f"{schema or self._schema}.{name}" in self._stable

    def known(self, request: PendingRequest) -> Mapping[bytes, Column]:
        """The known columns of the relation of ``request``."""
        return self.columns.known(table_of(request), self._clock())

    def unresolved(self, batch: Sequence[PendingRequest]) -> list[bytes]:
        """Columns of unknown type whose types would let more of ``batch`` share a call."""
        return unknown_columns(batch, self.known(batch[0])) if self.enabled else []

    async def resolve(self, request: PendingRequest, names: Sequence[bytes]) -> None:
        """Look up the types of the columns ``names``, with the head of ``request``. A type that cannot be found out is
        remembered as unknown.
        """
        table = table_of(request)
        for name in names:
            if (*table, name) not in self._lookups:
                self._lookups[*table, name] = asyncio.get_running_loop().create_task(self._look_up(request, name))
        await asyncio.wait([self._lookups[*table, name] for name in names])

    async def _look_up(self, request: PendingRequest, name: bytes) -> None:
        table, column = table_of(request), Column("")
        try:
            async with asyncio.timeout(self._timeout):
                column = Column(await self._type_of(request, name) or "")
        except (FaultError, TimeoutError):
            pass
        finally:
            self.columns.learn(table, name, column, self._clock())
            del self._lookups[*table, name]

    async def _type_of(self, request: PendingRequest, name: bytes) -> str | None:
        raw = raw_name(name)
        question = await self._probe(request, raw + b"=adj.x")
        type_name = missing_operator(question)
        if type_name is None or type_name in KNOWN_TYPES or type_name.endswith("[]"):
            return type_name
        rejected = await self._probe(request, raw + b"=eq." + quote_from_bytes(NO_VALUE).encode())
        return base_type(question, type_name, rejected, NO_VALUE.decode()) or type_name

    async def _probe(self, pending: PendingRequest, condition: bytes) -> ErrorBody:
        """The error that upstream answers to a read with ``condition`` as its only filter."""
        query = pending.query
        name = condition.partition(b"=")[0]
        target = query.target[: query.path_end] + b"?select=" + name + b"&" + condition + b"&limit=0"
        request = self.context.request(b"GET", target, pending.head.merged_lines)
        labels = CallLabels("types", b"GET", query.relation, costs="FAN001")
        async with self.context.call(request, labels) as answer:
            return read_error_body(await answer.read(MAX_ANSWER) or b"")
