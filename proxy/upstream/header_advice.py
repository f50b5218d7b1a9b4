"""Tells the operator which header keeps merged and shared answers from being used, why, and what to do about it."""

from proxy.observe.events import Event, Events, FellBack, UpstreamCalled, Warned
from proxy.path.discards import DiscardCounts
from proxy.postgrest.response.gateway import SUPABASE, Gateway

LONGEST = 80
"""Characters of a header name that are told: SQL may have made it up."""


class HeaderAdvice:
    """A reader of events that warns when a header costs more than 1 % of the merged and shared answers."""

    def __init__(self, events: Events, gateway: Gateway) -> None:
        self._events = events
        self._gateway = gateway
        self._discards = DiscardCounts()

    def __call__(self, event: Event) -> None:
        if isinstance(event, UpstreamCalled):
            if event.kind in ("merged", "shared", "shadow") and event.status > 0:
                self._discards.record_answer()
        elif isinstance(event, FellBack) and event.reason == "headers":
            name = event.detail[:LONGEST]
            if self._discards.record_discard(name):
                self._events.emit(Warned(_what(name), _remedy(name, self._gateway)))


def _what(name: str) -> str:
    return f"more than 1 % of merged and shared answers cannot be used for a header that may be one caller's: {name}"


def _remedy(name: str, gateway: Gateway) -> str:
    if SUPABASE.adds_header(name.encode()) and gateway != SUPABASE:
        return "Supabase's gateways add it to every answer: if one stands before PostgREST, set --profile supabase."
    if name == "content-encoding":
        return "A proxy before PostgREST compresses although fanin asks it not to: switch that off for fanin's calls."
    return (
        "If SQL sets it (response.headers), leave it so: those requests are served one by one. "
        "If a proxy before PostgREST adds it to every answer, have it left out of those to fanin."
    )
