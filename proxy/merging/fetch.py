"""Makes a merged call and checks its answer. The result: slices, a fallback reason, or the value of the wrong type.

Tests: tests/e2e/faults/test_merge_fallback.py.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from proxy.errors.codes import FaultError
from proxy.http1.head import Response, first_value
from proxy.model import FallbackReason, MergedCall, NotSingular, PendingRequest, Slice
from proxy.path.answers.demultiplex import demultiplex
from proxy.path.reading.identity import lines_for_all
from proxy.postgrest.request.set_filter import is_cut, merged_range
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.echoes import shareable_lines
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import SHARED_HEADERS
from proxy.postgrest.response.problem import CALLER_INDEPENDENT_CODES, BadLiteral, bad_literal, read_error_body
from proxy.settings.tables import MergeSettings
from proxy.upstream.calls import CallLabels
from proxy.upstream.state import UpstreamState

COUNT = b"Prefer: count=exact\r\n"


UNCOUNTED = FallbackReason("incomplete", "not counted")
"""Nothing in the answer shows that it is complete, and it was not counted."""


FetchResult = dict[bytes, Slice | NotSingular | None] | FallbackReason | BadLiteral
"""Slices by filter value; None: the requests for that value are sent alone."""


def leader(call: MergedCall) -> PendingRequest:
    """The first request of ``call``: its head, except for what merging changes, is sent for all."""
    return next(iter(call.requests_by_value.values()))[0]


class FetchesMerged(Protocol):
    """Makes merged calls. ``on_sent`` is called each time that a call has a connection and is sent; ``number`` is the
    number of the call in the spans of its requests.
    """

    async def fetch(
        self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0
    ) -> FetchResult: ...


class Fetcher:
    """Merged calls to one upstream."""

    def __init__(self, settings: MergeSettings, state: UpstreamState) -> None:
        self._max_body = settings.max_body
        self._allow_ties = settings.ties == "any"
        self._context = state.context
        self._max_rows = state.max_rows
        self._clock = state.context.clock

    async def fetch(self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0) -> FetchResult:
        """Send ``call`` and check the answer. If it does not show that it is complete, send it once more with a count.

        Only what the answer itself shows counts, and what the operator says of max-rows: PostgREST may have been
        restarted or reloaded since the last answer.
        """
        counted = call.exact_count or not self._may_show_completeness(call)
        try:
            result = await self._fetch_once(call, alias, counted, on_sent, number)
            if result == UNCOUNTED:
                result = await self._fetch_once(call, alias, True, on_sent, number)
        except FaultError as error:
            return FallbackReason("connection", error.fault.code)
        return result

    async def _fetch_once(
        self, call: MergedCall, alias: bytes, counted: bool, on_sent: Callable[[], None], number: int
    ) -> FetchResult:
        answer = await self._get(call, counted, on_sent, number)
        return FallbackReason("too-large") if answer is None else self._check(call, alias, answer, counted)

    def _may_show_completeness(self, call: MergedCall) -> bool:
        """Whether an answer without a count can be expected to show that it is complete."""
        is_unique = call.column is not None and call.column.unique
        return call.expects_all_keys and (is_unique or self._max_rows.proves_whole(len(call.literals)))

    async def _get(self, call: MergedCall, counted: bool, on_sent: Callable[[], None], number: int) -> Response | None:
        """The answer with its whole body; None when the body is larger than merge.max_body."""
        request = leader(call)
        headers = lines_for_all(request.head.merged_lines, [one.head for one in call.requests]) + merged_range(call)
        headers += COUNT if counted and not call.exact_count else b""
        query = request.query
        labels = CallLabels(
            "merged", b"GET", query.relation, "FAN001", number, fingerprint=query.fingerprint, merged_by=call.key
        )
        async with self._context.call(self._context.request(b"GET", call.target, headers, on_sent), labels) as answer:
            body = await answer.read(self._max_body)
            return None if body is None else Response(answer.line, answer.fields, body)

    def _check(self, call: MergedCall, alias: bytes, answer: Response, counted: bool) -> FetchResult:
        rows, total = rows_and_total(first_value(answer.fields, b"content-range"))
        if counted and answer.line.status == 206 and total is not None and rows < total:
            return self._missing_rows(call, rows)
        if answer.line.status != 200:
            return _check_error(call, answer, self._context.gateway)
        if counted and total != rows:
            return FallbackReason("incomplete")
        self._max_rows.record_rows(rows)
        slices = demultiplex(call, alias, answer, self._allow_ties, self._context.gateway)
        if isinstance(slices, FallbackReason):
            return slices
        return dict(slices) if counted or self._is_complete(call, rows, slices) else UNCOUNTED

    def _is_complete(self, call: MergedCall, rows: int, slices: Mapping[bytes, Slice | NotSingular | None]) -> bool:
        """Whether an answer that was not counted has all rows. The operator's max-rows may be out of date, so that it
        does not prove that a key has no row.
        """
        has_rows = (own_slice is None or own_slice.rows_read > 0 for own_slice in slices.values())
        if self._max_rows.proves_whole(rows) and all(has_rows):
            return True
        return has_every_key(call, slices)

    def _missing_rows(self, call: MergedCall, rows: int) -> FallbackReason:
        """Why rows are missing: because of the merged call's own limit, or of max-rows, which is known from then on."""
        if is_cut(call, rows):
            return FallbackReason("limit")
        self._max_rows.record_cut(rows, self._clock())
        return FallbackReason("incomplete")


def has_every_key(call: MergedCall, slices: Mapping[bytes, Slice | NotSingular | None]) -> bool:
    """Whether the key is unique and each literal has its row: then there can be no other row."""
    if call.column is None or not call.column.unique:
        return False
    return all(
        own_slice is not None and own_slice.rows_read == len(call.literals_by_value[value])
        for value, own_slice in slices.items()
    )


def _check_error(call: MergedCall, answer: Response, gateway: Gateway) -> FetchResult:
    error = read_error_body(answer.body)
    if error.code in CALLER_INDEPENDENT_CODES and not call.counts:
        shared = shareable_lines(answer.fields, SHARED_HEADERS, gateway, [request.head for request in call.requests])
        if isinstance(shared, FallbackReason):
            return shared
        head = b"\r\n".join([answer.line.line, *(field.line for field in shared.lines)])
        length = b"\r\nContent-Length: %d\r\n" % len(answer.body)
        own = Slice(head + length, answer.body, -1, echoes=shared.echoes)
        return dict.fromkeys(call.requests_by_value, own)
    rejected = bad_literal(error, call.literals, "" if call.column is None else call.column.type)
    return FallbackReason("status", error.code or str(answer.line.status)) if rejected is None else rejected
