"""The answer to a read where the operator lets answers be kept (FAN006).

Tests: tests/e2e/cache/test_cache.py.
"""

from collections.abc import Awaitable, Callable

from proxy.errors.codes import FaultError
from proxy.merging.kept.cacher import Cacher
from proxy.merging.kept.fills import Fill
from proxy.merging.waiters import BufferedAnswer
from proxy.model import Outcome, PendingRequest
from proxy.sidecar.request_context import ClientAnswer, RequestContext

KEPT = frozenset((Outcome.PASSED, Outcome.MERGED, Outcome.SHARED, Outcome.FALLBACK))
"""Outcomes of reads whose answers are as new as the read itself, and complete."""


async def answer_or_fill(
    context: RequestContext,
    cacher: Cacher,
    serve: Callable[[RequestContext, BufferedAnswer], bool],
    send: Callable[[], Awaitable[bool]],
) -> bool:
    """``serve`` a kept answer, or ``send`` the request and keep its answer. True if its connection can carry
    another one.
    """
    request = context.request
    found = await cacher.lookup(PendingRequest(context.query, request.head, request.arrived))
    if isinstance(found, BufferedAnswer):
        return serve(context, found)
    return await send() if found is None else await _fill(context, cacher, found, send)


async def _fill(context: RequestContext, cacher: Cacher, fill: Fill, send: Callable[[], Awaitable[bool]]) -> bool:
    context.fill = fill
    if context.answer.remembered is None:
        context.answer.remembered = bytearray()
    try:
        keep = await send()
        fill.was_answered, fill.failed = context.outcome in KEPT, context.outcome not in KEPT
        return keep
    except FaultError as error:
        cacher.fail(fill, error)
        raise
    finally:
        cacher.end(fill, _whole(context.answer), context.answer.rows)


def _whole(answer: ClientAnswer) -> bytes | None:
    """The body that was sent; None if it is too large to be kept."""
    return None if answer.remembered is None else bytes(answer.remembered)
