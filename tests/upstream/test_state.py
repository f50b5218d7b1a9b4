"""What is learned of upstream outlives settings, and is shared with calls in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.observe.events import Events
from proxy.postgrest.response.gateway import POSTGREST
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.client import Upstream
from proxy.upstream.mount import Mount
from proxy.upstream.state import UpstreamState
from tests.e2e.support.harness import settings

if TYPE_CHECKING:
    from proxy.settings.model import Settings

URL = "http://127.0.0.1:1"


def state_of(start: Settings) -> UpstreamState:
    client = Upstream(start, lambda: 0.0)
    context = UpstreamContext(client, client.calls, Mount(b"", b""), POSTGREST, Events(), lambda: 0.0)
    return UpstreamState(start, context)


async def test_what_the_operator_says_of_max_rows_counts_more_than_what_was_learned() -> None:
    state = state_of(settings(URL))
    state.max_rows.record_cut(3, 0.0)
    assert state.max_rows.known(0.0) == 3
    state.apply_settings(settings(URL, merge__max_rows=1000))
    assert state.max_rows.known(0.0) == 1000


async def test_what_was_learned_holds_again_once_the_operator_says_nothing() -> None:
    state = state_of(settings(URL, merge__max_rows=1000))
    state.max_rows.record_cut(3, 0.0)
    state.apply_settings(settings(URL))
    assert state.max_rows.known(0.0) == 3


async def test_calls_in_the_background_have_a_pool_and_observers_of_their_own_and_the_same_knowledge() -> None:
    state, events = state_of(settings(URL)), Events()
    other = state.in_background(events)
    assert other.context.pool is state.context.client.shadows
    assert other.context.events is events
    assert state.context.pool is state.context.client.calls
    other.max_rows.record_cut(3, 0.0)
    assert state.max_rows.known(0.0) == 3
    assert other.column_types is state.column_types


async def test_call_numbers_are_never_given_twice() -> None:
    state = state_of(settings(URL))
    background = state.in_background(Events())
    numbers = [next(one.numbers) for one in (state, background, state)]
    assert numbers == [1, 2, 3]
