"""Warns the operator about headers because of which merged and shared answers cannot be used, with a remedy."""

from proxy.observe.events import Event, Events, FellBack, UpstreamCalled, Warned
from proxy.path.evidence.discards import DiscardCounts
from proxy.postgrest.response.gateway import SUPABASE, Gateway

MAX_NAME = 80
"""The most characters of a header name in a warning: SQL may have produced the name."""


class HeaderAdvice:
    """An observer of events that warns when more than 1 % of merged and shared answers cannot be used for a header."""

    def __init__(self, events: Events, gateway: Gateway) -> None:
        self._events = events
        self.gateway = gateway
        self._discards = DiscardCounts()

    def __call__(self, event: Event) -> None:
        if isinstance(event, UpstreamCalled):
            if event.kind in ("merged", "shared", "shadow") and event.status > 0:
                self._discards.record_answer()
        elif isinstance(event, FellBack) and event.reason == "headers":
            name = event.detail[:MAX_NAME]
            if self._discards.record_discard(name):
                self._events.emit(Warned(_what(name), _remedy(name, self.gateway)))


def _what(name: str) -> str:
    return f"more than 1 % of merged and shared answers cannot be used, because a header may be for one client: {name}"


def _remedy(name: str, gateway: Gateway) -> str:
    if SUPABASE.adds_header(name.encode()) and gateway.name != SUPABASE.name:
        return "Supabase's gateways add it to every answer. If one is in front of PostgREST, set --profile supabase."
    if name == "set-cookie":
        return "A cookie is for one client. If a gateway's, and not SQL, sets it, configure the gateway not to."
    if name == "content-encoding":
        return (
            "A proxy in front of PostgREST compresses answers although fanin asks it not to. "
            "Turn compression off for calls from fanin."
        )
    names = ", ".join(f'"{each}"' for each in (*sorted(each.decode() for each in gateway.same), name))
    return (
        "If it has the same value for every client (a db-pre-request function or a proxy sets it), set "
        f"merge.same_headers = [{names}] and restart. If SQL sets it by row, change nothing: those requests are sent "
        "one by one."
    )
