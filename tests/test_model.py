"""The garbage collector does not track the values of a request."""

from __future__ import annotations

import gc

from msgspec.structs import replace

from tests.factories import head, member
from tests.rules.traces import told


def test_the_values_of_a_request_are_not_tracked_by_the_garbage_collector() -> None:
    request, (trace,) = member("/t?id=eq.1"), told(["GET /t?id=eq.1"])
    values = (request, request.query, request.query.keys[0], head(), trace.spans[0], trace)
    assert [type(value).__name__ for value in values if gc.is_tracked(value)] == []


def test_unused_calls_count_once_with_those_that_answered() -> None:
    (trace,) = told(["GET /t?id=eq.1", "GET /t?id=eq.2", "GET /t?id=eq.3"])
    one, two, three = trace.spans
    spans = (
        replace(one, call=1, unused_calls=(7,)),
        replace(two, call=2, unused_calls=(7, 8)),
        replace(three, call=8, parts=1, unused_calls=(0,)),
    )
    assert replace(trace, spans=spans).calls == 4, "1, 2, 7 and 8; 0 is no call"
