"""The garbage collector does not track the values of a request."""

from __future__ import annotations

import gc

from tests.factories import head, member
from tests.rules.traces import told


def test_the_values_of_a_request_are_not_tracked_by_the_garbage_collector() -> None:
    request, (trace,) = member("/t?id=eq.1"), told(["GET /t?id=eq.1"])
    values = (request, request.query, request.query.keys[0], head(), trace.spans[0], trace)
    assert [type(value).__name__ for value in values if gc.is_tracked(value)] == []
