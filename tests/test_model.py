"""What every request makes costs the garbage collector nothing."""

from __future__ import annotations

import gc

from tests.factories import head, member
from tests.rules.traces import told


def test_what_requests_make_is_not_looked_through_for_cycles() -> None:
    one, (trace,) = member("/t?id=eq.1"), told(["GET /t?id=eq.1"])
    made = (one, one.query, one.query.keys[0], head(), trace.spans[0], trace)
    assert [type(value).__name__ for value in made if gc.is_tracked(value)] == []
