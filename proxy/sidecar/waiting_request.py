"""A request that waits for the answer of a merged call without a task.

The callback that brings the answer writes it. With any other reply the task of the connection goes on.

Tests: tests/e2e/faults/test_merge_hangups.py.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from proxy.merging.waiters import BufferedAnswer, Reply, discard
from proxy.model import Outcome, PendingRequest
from proxy.path.batches.batching import BatchScheduler
from proxy.sidecar.policy import RequestPolicy
from proxy.sidecar.request_context import RequestContext


class AnswerSteps(msgspec.Struct, frozen=True, eq=False):
    """What the pipeline does with a reply. Both return whether the connection can carry another request."""

    serve: Callable[[RequestContext, BufferedAnswer], bool]
    """Write an answer, and end the request. Raises nothing."""
    go_on: Callable[[RequestContext, RequestPolicy, Reply], Coroutine[Any, Any, bool]]
    """Answer with any reply, and end the request."""
    end: Callable[[RequestContext], None]
    """End the request, whose client disconnected."""


class WaitingRequest:
    """One such request, from ``enter`` until it has its reply, or its client disconnects."""

    __slots__ = ("_batcher", "_context", "_pending", "_policy", "_reply", "_steps")

    def __init__(
        self, context: RequestContext, policy: RequestPolicy, pending: PendingRequest, steps: AnswerSteps
    ) -> None:
        self._context = context
        self._policy = policy
        self._batcher = policy.merger.batcher
        self._pending = pending
        self._steps = steps
        self._reply: Reply | None = None

    def enter(self, scheduler: BatchScheduler) -> None:
        """Wait in the window of ``scheduler``."""
        self._context.request.client.wait_without_task(self._leave)
        self._batcher.enter(scheduler, self._pending, self)

    def done(self) -> bool:
        """Whether it has its reply."""
        return self._reply is not None

    def take(self, reply: Reply) -> None:
        """Use the reply."""
        self._reply = reply
        self._batcher.forget(self._pending)
        context, client = self._context, self._context.request.client
        if isinstance(reply, BufferedAnswer):
            client.answered(context.request, self._steps.serve(context, reply))
        else:
            client.go_on((context.request, self._steps.go_on(context, self._policy, reply)))

    def _leave(self) -> None:
        """The client disconnected before the task of its connection went on."""
        if self._reply is None:
            self._batcher.leave(self._pending)
        else:
            discard(self._reply)
        self._context.outcome = Outcome.GONE
        self._steps.end(self._context)
