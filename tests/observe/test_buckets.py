"""A value is counted in the right bucket, whose exemplar is the trace of its last value."""

from __future__ import annotations

import pytest

from proxy.observe.buckets import Buckets


@pytest.mark.parametrize(("value", "bucket"), [(1.0, 0), (1.5, 1), (2.0, 1), (9.0, 2)])
def test_a_value_is_counted_in_the_first_bucket_whose_bound_it_does_not_exceed(value: float, bucket: int) -> None:
    buckets = Buckets((1.0, 2.0))
    buckets.add(value)
    assert buckets.counts[bucket] == 1
    assert buckets.cumulative()[-1] == ("+Inf", 1.0)


def test_counts_are_cumulative_and_values_are_summed() -> None:
    buckets = Buckets((1.0, 2.0))
    for value in (0.5, 1.5, 1.5, 7.0):
        buckets.add(value)
    assert buckets.cumulative() == [("1.0", 1.0), ("2.0", 3.0), ("+Inf", 4.0)]
    assert buckets.sum == 10.5


def test_the_exemplar_of_a_bucket_is_the_trace_of_its_last_value_with_a_trace() -> None:
    buckets = Buckets((1.0,))
    buckets.add(0.2, "first")
    buckets.add(0.3, "second")
    buckets.add(0.4)
    (row, _) = buckets.cumulative()
    assert len(row) == 3
    assert (row[2].labels, row[2].value) == ({"trace_id": "second"}, 0.3)
