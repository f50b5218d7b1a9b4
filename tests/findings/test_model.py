"""The worst impact whose minimum a value reaches holds; the worst findings come first."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.findings.model import Finding, Fix, impact_of, worst_first

STEPS = ((10.0, 100, "HIGH"), (1.0, 10, "MEDIUM"))


def test_the_worst_impact_whose_minimum_a_value_reaches_holds() -> None:
    assert impact_of(STEPS, 10.0, 0) == impact_of(STEPS, 0.0, 100) == "HIGH"
    assert impact_of(STEPS, 9.9, 99) == impact_of(STEPS, 0.0, 10) == "MEDIUM"
    assert impact_of((*STEPS, (0, 0, "FINE")), 0.0, 0) == "FINE"


def test_below_all_minimums_the_impact_is_low() -> None:
    assert impact_of(STEPS, 0.9, 9) == "LOW"
    assert impact_of(((1.0, "HIGH"),), 0.9) == "LOW"


def test_the_worst_findings_come_first_and_the_sort_is_stable() -> None:
    texts = dict.fromkeys(Finding.__struct_fields__, "") | {"evidence": (), "fix": Fix("", "", "")}
    low = Finding(**texts | {"impact": "LOW"})  # type: ignore[arg-type]
    high, other = replace(low, impact="HIGH"), replace(low, impact="HIGH", code="FAN002")
    critical, medium = replace(low, impact="CRITICAL"), replace(low, impact="MEDIUM")
    assert worst_first([low, high, medium, other, critical]) == [critical, high, other, medium, low]
