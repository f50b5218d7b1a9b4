"""The reply to a write where the operator lets writes share calls (FAN004).

Tests: tests/e2e/exactness/test_merged_writes.py.
"""

import msgspec

from proxy.merging.waiters import Reply, SendAlone, Slot
from proxy.merging.write_merger import WriteMerger
from proxy.model import PendingRequest, PendingWrite
from proxy.path.reading.target_cache import TargetCache
from proxy.sidecar.request_context import RequestContext
from proxy.transport.whole_body import WholeBody
from proxy.upstream.upload import whole_body


async def reply_to_write(context: RequestContext, writes: WriteMerger, targets: TargetCache) -> Reply:
    """The answer from a call that the write shared, or ``SendAlone`` with the reason. The body is read only if it may
    share one; ``context`` then has a request whose body can be sent all the same.
    """
    request, query = context.request, context.query
    pending = PendingRequest(query, request.head, request.arrived)
    head = msgspec.structs.replace(request.head, bypass_reason=None)
    form = writes.form_of(pending, targets.read(b"GET", request.line.target, head).bypass_reason)
    if isinstance(form, str):
        return SendAlone(Slot(), form)
    body = await whole_body(request.body)
    context.request = msgspec.structs.replace(request, body=WholeBody(body))
    context.awaits_merged_write = True
    reply = await writes.reply_to(PendingWrite(query, request.head, request.arrived, form, body))
    context.awaits_merged_write = False
    if not isinstance(reply, SendAlone):
        context.bypass_reason = None  # that of a write: it was not merged as a read
    return reply
