"""Work in steps: all items, in pieces of a largest size; and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.analysis.steps import SLICE, result_of, slices

if TYPE_CHECKING:
    from proxy.analysis.steps import Steps


def test_slices_have_every_item_once_and_a_largest_size() -> None:
    made = [list(some) for some in slices(range(2 * SLICE + 1))]
    assert [len(some) for some in made] == [SLICE, SLICE, 1]
    assert [item for some in made for item in some] == list(range(2 * SLICE + 1))


def test_the_result_is_what_the_last_step_returns() -> None:
    def work() -> Steps[int]:
        yield
        yield
        return 7

    assert result_of(work()) == 7
