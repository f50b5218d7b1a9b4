"""Learned flows as the API has them: hit ratios, states, and no unconfirmed name."""

from __future__ import annotations

from proxy.admin.flow_views import MAX_FLOWS, flow_views
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.path.kept.flows import LEAST_FETCHED, TRACES, Flows

LIST, LOOP = "GET a?select=*", "GET b?k=eq.?"
ALL = ConfirmedNames(everything=True)


def flows_with(fetched: int, used: int, traces: int = 1) -> Flows:
    flows = Flows(1000)
    for _ in range(traces):
        flows.record_held((LOOP, b"k", "/r"), LIST, "id", 1.0)
    flows.record_use((LOOP, b"k", "/r"), fetched, used, 0.0)
    return flows


def test_a_flow_has_its_list_its_loop_and_the_share_of_keys_that_were_used() -> None:
    (view,) = flow_views(flows_with(8, 6), ALL, 0.0)
    assert (view.list, view.column, view.loop, view.key, view.route) == (LIST, "id", LOOP, "k", "/r")
    assert (view.held, view.fetched, view.used, view.hit_ratio, view.state) == (1, 8, 6, 0.75, "learning")


def test_a_flow_that_held_often_is_certain_and_one_that_was_not_used_is_paused_for_a_while() -> None:
    assert flow_views(flows_with(8, 8, TRACES), ALL, 0.0)[0].state == "certain"
    flows = flows_with(LEAST_FETCHED, 1, TRACES)
    assert [flow_views(flows, ALL, now)[0].state for now in (0.0, 100.0)] == ["paused", "certain"]


def test_without_a_fetch_there_is_no_hit_ratio() -> None:
    assert flow_views(flows_with(0, 0), ALL, 0.0)[0].hit_ratio is None


def test_flows_with_a_name_that_no_answer_confirmed_are_left_out() -> None:
    assert flow_views(flows_with(8, 6), ConfirmedNames(), 0.0) == []


def test_those_with_the_most_keys_come_first_and_their_number_is_bounded() -> None:
    flows = Flows(1000)
    for number in range(MAX_FLOWS + 10):
        name = (f"{LOOP}&n={number}", b"k", "")
        flows.record_held(name, LIST, "id", 1.0)
        flows.record_use(name, number, number, 0.0)
    views = flow_views(flows, ALL, 0.0)
    assert (len(views), views[0].fetched, views[-1].fetched) == (MAX_FLOWS, MAX_FLOWS + 9, 10)
