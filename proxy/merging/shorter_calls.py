"""Shorter merged calls, after a gateway in front of PostgREST may have refused one for the length of its target.

One shorter call is sent for some of the requests. If that is answered, its length becomes the limit for merged calls.
Later one longer call at a time is tried.
"""

from collections.abc import Callable

from proxy.merging.waiters import InFlightMerge, ShorterCall
from proxy.model import MergedCall, PendingRequest
from proxy.observe.events import Warned
from proxy.upstream.state import UpstreamState


class ShorterCalls:
    """Chooses the shorter call, or the longer one to try, and learns from its answer."""

    def __init__(self, state: UpstreamState) -> None:
        self._sizes = state.call_size
        self._events = state.context.events
        self._clock = state.context.clock

    def trial(self, configured: int, plan: Callable[[int], MergedCall | None]) -> InFlightMerge | None:
        """A call to send that is longer than those accepted so far; None if no trial is due. ``configured`` is
        merge.max_url, ``plan`` gives the first call of a batch whose target has at most so many bytes.
        """
        limit = self._sizes.longer(configured, self._clock())
        call = None if limit is None else plan(limit)
        if call is None or len(call.target) <= self._sizes.limit(configured):
            return None
        self._sizes.begin_trial()
        return InFlightMerge(call, second_attempt=False, is_trial=True)

    def end(self, merge: InFlightMerge) -> None:
        """``merge`` has ended, whatever came of it."""
        if merge.is_trial:
            self._sizes.end_trial()

    def after(
        self,
        merge: InFlightMerge,
        waiting: list[PendingRequest],
        status: str,
        plan: Callable[[int], MergedCall | None],
    ) -> InFlightMerge | None:
        """The call to send after ``merge`` was refused with ``status``, or the code of a fault; None if the length of
        ``merge`` cannot be why. ``plan`` gives the first call for ``waiting`` whose target has at most so many bytes.
        """
        before, size = merge.shorter, len(merge.call.target)
        original = max(len(request.query.target) for request in merge.requests)
        limits = self._sizes.shorter(size, original, status) if before is None else list(before.smaller)
        if not limits or not waiting:
            return None
        limit, *smaller = limits
        call = plan(limit)
        if call is None:
            return None
        refused, first_status = (size, status) if before is None else (before.refused, before.status)
        chosen = set(call.requests)
        others = [request for request in waiting if request not in chosen]
        shorter = ShorterCall(limit, refused, first_status, tuple(smaller), others)
        is_trial = merge.is_trial
        merge.shorter, merge.is_trial = None, False
        return InFlightMerge(call, merge.second_attempt, shorter, is_trial)

    def record_accepted(self, merge: InFlightMerge) -> list[PendingRequest]:
        """PostgREST answered ``merge``; returns the requests that waited for it. If it is the shorter one of a refused
        call, that one was too long.
        """
        shorter = merge.shorter
        if shorter is None:
            self._sizes.record_accepted(len(merge.call.target))
            return []
        merge.shorter = None
        if self._sizes.record_refused(shorter.refused, shorter.limit, self._clock()):
            self._events.emit(
                Warned(
                    f"a merged call with a target of {shorter.refused} bytes was refused ({shorter.status}), and a "
                    f"shorter one was not: merged calls have at most {shorter.limit} bytes now",
                    "Let the gateway in front of PostgREST accept longer heads of requests and answers "
                    "(nginx: large_client_header_buffers, proxy_buffer_size), or lower merge.max_url.",
                )
            )
        return shorter.others
