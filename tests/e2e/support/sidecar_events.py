"""What a sidecar says while a test drives it, and the wait until nothing goes on beside the line."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from proxy.observe.events import AnswersCompared, Event, MergingPaused, RequestAnswered, UpstreamCalled, Warned
from tests.e2e.support.harness import until

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar


class Watch:
    """An observer of one sidecar, from now on."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar
        self.said: list[Event] = []
        sidecar._events.subscribe(self.said.append)

    async def rest(self) -> None:
        """Wait until nothing is under way beside the line, and see that nothing is left of it."""
        policy = self.sidecar.policy.default
        await until(lambda: not policy.comparer.running and not policy.merger.batcher.waiting)
        assert policy.comparer.budget.reserved == 0
        assert self.sidecar.upstream.shadows.busy == 0

    def calls(self) -> Counter[str]:
        """Upstream calls by kind."""
        return Counter(event.kind for event in self.said if isinstance(event, UpstreamCalled))

    def compared(self) -> Counter[str]:
        """Answers by what came of comparing them."""
        found: Counter[str] = Counter()
        for event in self.said:
            if isinstance(event, AnswersCompared):
                found[event.result] += event.answers
        return found

    def saved(self) -> int:
        """Calls saved, less those that merging cost."""
        saved = sum(bool(event.saves) for event in self.said if isinstance(event, RequestAnswered))
        return saved - sum(bool(event.costs) for event in self.said if isinstance(event, UpstreamCalled))

    def answered(self) -> Counter[tuple[str, str]]:
        """Requests by outcome and bypass reason."""
        return Counter(
            (e.span.outcome.value, e.span.bypass_reason or "") for e in self.said if isinstance(e, RequestAnswered)
        )

    def pauses(self) -> list[str]:
        """The reasons of the pauses that began."""
        return [event.reason for event in self.said if isinstance(event, MergingPaused)]

    def warnings(self) -> list[str]:
        """What the operator was told."""
        return [f"{event.what} {event.remedy}" for event in self.said if isinstance(event, Warned)]
