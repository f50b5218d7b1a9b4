"""An impact holds from its least values on; the worst one that is reached counts."""

from __future__ import annotations

from proxy.findings import impact_of

STEPS = ((10.0, 100, "HIGH"), (1.0, 10, "MEDIUM"))


def test_the_worst_impact_that_any_value_reaches_holds() -> None:
    assert impact_of(STEPS, 10.0, 0) == impact_of(STEPS, 0.0, 100) == "HIGH"
    assert impact_of(STEPS, 9.9, 99) == impact_of(STEPS, 0.0, 10) == "MEDIUM"
    assert impact_of((*STEPS, (0, 0, "FINE")), 0.0, 0) == "FINE"


def test_below_all_steps_it_is_low() -> None:
    assert impact_of(STEPS, 0.9, 9) == "LOW"
    assert impact_of(((1.0, "HIGH"),), 0.9) == "LOW"
