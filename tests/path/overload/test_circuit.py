"""After failed connections in a row, one call per wait is let through, until one gets a connection."""

from __future__ import annotations

from proxy.path.overload.circuit import MAX_WAIT, Circuit


def failed(times: int) -> Circuit:
    circuit = Circuit(3, 1.0)
    for _ in range(times):
        assert circuit.allows(0.0)
        circuit.record_failure(0.0, 1.0)
    return circuit


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    assert not failed(2).open
    assert failed(3).open
    circuit = failed(2)
    circuit.record_success()
    circuit.record_failure(0.0, 1.0)
    assert not circuit.open


def test_while_it_is_open_one_call_per_wait_is_tried() -> None:
    circuit = failed(3)
    assert [circuit.allows(now) for now in (0.5, 0.99, 1.0, 1.1, 1.99, 2.0)] == [False, False, True, False, False, True]


def test_a_try_that_fails_doubles_the_wait_up_to_a_bound_and_success_resets_it() -> None:
    circuit, now, waits = failed(3), 0.0, []
    for _ in range(8):
        began = now
        while not circuit.allows(now):
            now += 0.25
        waits.append(now - began)
        circuit.record_failure(now, 1.0)
    assert waits[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert max(waits) == MAX_WAIT
    circuit.record_success()
    assert circuit.allows(now)
    for _ in range(3):
        circuit.record_failure(now, 1.0)
    assert circuit.allows(now + 1.0)


def test_a_share_of_the_wait_spreads_the_tries_of_many_instances() -> None:
    circuit = failed(2)
    circuit.record_failure(0.0, 0.5)
    assert circuit.allows(0.5)
