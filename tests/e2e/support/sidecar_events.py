"""The events of a sidecar while a test drives it, counted, and a wait until its background work is done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from proxy.observe.events import AnswersCompared, Event, MergingPaused, RequestAnswered, UpstreamCalled, Warned
from tests.e2e.support.harness import until

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar


class SidecarEvents:
    """An observer of one sidecar, from now on."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar
        self.events: list[Event] = []
        sidecar._events.subscribe(self.events.append)

    async def wait_until_idle(self) -> None:
        """Wait until no background work is under way, and check that nothing of it is left."""
        policy = self.sidecar.policy.default
        await until(lambda: not policy.comparer.running and not policy.merger.batcher.waiting)
        assert policy.comparer.budget.reserved == 0
        assert self.sidecar.upstream.shadows.busy == 0

    def calls_by_kind(self) -> Counter[str]:
        """Upstream calls by kind."""
        return Counter(event.kind for event in self.events if isinstance(event, UpstreamCalled))

    def comparisons(self) -> Counter[str]:
        """Answers by what came of comparing them."""
        found: Counter[str] = Counter()
        for event in self.events:
            if isinstance(event, AnswersCompared):
                found[event.result] += event.answers
        return found

    def calls_saved(self) -> int:
        """Calls saved, less those that merging cost."""
        saved = sum(bool(event.saves) for event in self.events if isinstance(event, RequestAnswered))
        return saved - sum(bool(event.costs) for event in self.events if isinstance(event, UpstreamCalled))

    def outcomes(self) -> Counter[tuple[str, str]]:
        """Requests by outcome and bypass reason."""
        return Counter(
            (e.span.outcome.value, e.span.bypass_reason or "") for e in self.events if isinstance(e, RequestAnswered)
        )

    def pause_reasons(self) -> list[str]:
        """The reasons of the pauses that began."""
        return [event.reason for event in self.events if isinstance(event, MergingPaused)]

    def warnings(self) -> list[str]:
        """What the operator was told."""
        return [f"{event.what} {event.remedy}" for event in self.events if isinstance(event, Warned)]
