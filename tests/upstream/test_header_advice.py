"""The warning for headers that keep merged answers from being used: a cause, a remedy, and no more than one each."""

from __future__ import annotations

import pytest

from proxy.observe.events import CANCELLED, NO_ANSWER, Event, Events, FellBack, UpstreamCalled, Warned
from proxy.path.discards import HALVED_AFTER
from proxy.postgrest.response.gateway import POSTGREST, SUPABASE, Gateway
from proxy.upstream.header_advice import LONGEST, HeaderAdvice


def warnings(*happened: Event, gateway: Gateway = POSTGREST) -> list[Warned]:
    said: list[Event] = []
    events = Events()
    events.subscribe(HeaderAdvice(events, gateway))
    events.subscribe(said.append)
    for event in happened:
        events.emit(event)
    return [event for event in said if isinstance(event, Warned)]


def merged(status: int = 200, kind: str = "merged") -> UpstreamCalled:
    return UpstreamCalled("t", kind, 0.01, status)


def thrown_away(name: str, reason: str = "headers") -> FellBack:
    return FellBack(reason, name, "t", 7)


def test_a_header_is_told_once_however_often_it_costs_a_merge() -> None:
    once: list[Event] = [merged(), thrown_away("x-film")]
    (warning,) = warnings(*once * 20)
    assert "x-film" in warning.what
    assert "SQL" in warning.remedy


@pytest.mark.parametrize(
    ("name", "gateway", "remedy"),
    [
        ("cf-ray", POSTGREST, "--profile supabase"),
        ("x-film", SUPABASE, "response.headers"),
        ("set-cookie", SUPABASE, "response.headers"),
        ("content-encoding", SUPABASE, "compresses"),
        ("content-encoding", POSTGREST, "compresses"),
    ],
)
def test_the_remedy_fits_the_header(name: str, gateway: Gateway, remedy: str) -> None:
    (warning,) = warnings(merged(), thrown_away(name), gateway=gateway)
    assert remedy in warning.remedy


def test_other_doubts_and_other_calls_are_not_its_business() -> None:
    assert not warnings(merged(), thrown_away("", "ties"))
    others = [merged(kind="original"), merged(NO_ANSWER), merged(CANCELLED)] * HALVED_AFTER
    assert len(warnings(*others, merged(), thrown_away("x-film"))) == 1


def test_one_in_a_hundred_merged_answers_is_not_told() -> None:
    assert not warnings(*[merged()] * 100, thrown_away("x-film"))


def test_a_name_that_sql_made_up_is_told_in_part() -> None:
    (warning,) = warnings(merged(), thrown_away("x" * 100_000))
    assert len(warning.what) < 200 + LONGEST
