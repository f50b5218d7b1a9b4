"""A flow is certain after it held in some traces in a row, and a query that wastes what it fetches pauses."""

from __future__ import annotations

from proxy.path.kept.flows import FIRST_PAUSE, LEAST_FETCHED, LONGEST_PAUSE, TRACES, Flows

NAME = ("GET t?id=eq.?", b"id", "/export")


def held(flows: Flows, times: int, share: float = 1.0, column: str = "t_id") -> None:
    for _ in range(times):
        flows.record_held(NAME, "GET list", column, share)


def test_a_flow_is_certain_after_it_held_in_three_traces_in_a_row() -> None:
    flows = Flows(10)
    held(flows, TRACES - 1)
    assert flows.certain(NAME) is None
    held(flows, 1)
    flow = flows.certain(NAME)
    assert flow is not None
    assert (flow.source, flow.column, flow.length(50)) == ("GET list", "t_id", 50)


def test_a_trace_in_which_it_did_not_hold_or_had_another_column_starts_anew() -> None:
    flows = Flows(10)
    held(flows, TRACES)
    flows.record_broken(NAME)
    assert flows.certain(NAME) is None
    held(flows, TRACES - 1)
    held(flows, 1, column="other_id")
    assert flows.certain(NAME) is None


def test_a_loop_that_reads_a_part_of_the_list_is_expected_to_read_that_part() -> None:
    flows = Flows(10)
    held(flows, TRACES, share=0.2)
    flow = flows.certain(NAME)
    assert flow is not None
    assert flow.length(50) == 10


def test_a_query_whose_keys_are_used_less_than_half_pauses_for_longer_each_time() -> None:
    flows, now, pauses = Flows(10), 0.0, []
    for _ in range(12):
        flows.record_use(NAME, LEAST_FETCHED, LEAST_FETCHED // 2 - 1, now)
        assert flows.is_paused(NAME[0], now)
        began = now
        while flows.is_paused(NAME[0], now):
            now += 10
        pauses.append(now - began)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert flows.pauses == 12


def test_a_query_that_uses_half_of_its_keys_does_not_pause() -> None:
    flows = Flows(10)
    flows.record_use(NAME, LEAST_FETCHED, LEAST_FETCHED // 2, 0.0)
    flows.record_use(NAME, LEAST_FETCHED - 1, 0, 0.0)
    assert not flows.is_paused(NAME[0], 0.0)
    assert flows.paused(0.0) == 0


def test_the_flows_are_bounded() -> None:
    flows = Flows(3)
    for number in range(9):
        flows.record_held((f"GET t{number}", b"id", ""), "GET list", "id", 1.0)
        flows.record_use((f"GET t{number}", b"id", ""), 1, 1, 0.0)
    assert len(flows.table) == len(flows.uses) == 3
