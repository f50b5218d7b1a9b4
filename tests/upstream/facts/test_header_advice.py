"""HeaderAdvice: one warning per header because of which merged answers cannot be used, with a remedy."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.observe.events import CANCELLED, NO_ANSWER, Event, Events, FellBack, UpstreamCalled, Warned
from proxy.path.evidence.discards import HALVED_AFTER
from proxy.postgrest.response.gateway import POSTGREST, SUPABASE, Gateway
from proxy.upstream.facts.header_advice import MAX_NAME, HeaderAdvice


def warnings(*events_seen: Event, gateway: Gateway = POSTGREST) -> list[Warned]:
    emitted: list[Event] = []
    events = Events()
    events.subscribe(HeaderAdvice(events, gateway))
    events.subscribe(emitted.append)
    for event in events_seen:
        events.emit(event)
    return [event for event in emitted if isinstance(event, Warned)]


def merged(status: int = 200, kind: str = "merged") -> UpstreamCalled:
    return UpstreamCalled("t", kind, 0.01, status)


def discarded(name: str, reason: str = "headers") -> FellBack:
    return FellBack(reason, name, "t", 7)


def test_there_is_one_warning_per_header() -> None:
    one_discard: list[Event] = [merged(), discarded("x-film")]
    (warning,) = warnings(*one_discard * 20)
    assert "x-film" in warning.what
    assert "SQL" in warning.remedy


@pytest.mark.parametrize(
    ("name", "gateway", "remedy"),
    [
        ("cf-ray", POSTGREST, "--profile supabase"),
        ("x-film", SUPABASE, 'set merge.same_headers = ["x-film"]'),
        ("set-cookie", SUPABASE, "for one client"),
        ("content-encoding", SUPABASE, "compresses"),
        ("content-encoding", POSTGREST, "compresses"),
        ("x-b", replace(SUPABASE, same=frozenset((b"x-a",))), 'set merge.same_headers = ["x-a", "x-b"]'),
        ("cf-ray", replace(SUPABASE, same=frozenset((b"x-a",))), 'merge.same_headers = ["x-a", "cf-ray"]'),
    ],
)
def test_the_remedy_depends_on_the_header(name: str, gateway: Gateway, remedy: str) -> None:
    (warning,) = warnings(merged(), discarded(name), gateway=gateway)
    assert remedy in warning.remedy


def test_other_fallback_reasons_and_other_calls_are_ignored() -> None:
    assert not warnings(merged(), discarded("", "ties"))
    others = [merged(kind="original"), merged(NO_ANSWER), merged(CANCELLED)] * HALVED_AFTER
    assert len(warnings(*others, merged(), discarded("x-film"))) == 1


def test_one_in_a_hundred_merged_answers_is_no_warning() -> None:
    assert not warnings(*[merged()] * 100, discarded("x-film"))


def test_a_long_header_name_is_truncated() -> None:
    (warning,) = warnings(merged(), discarded("x" * 100_000))
    assert len(warning.what) < 200 + MAX_NAME
