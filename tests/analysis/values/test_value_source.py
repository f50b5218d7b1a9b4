"""A value is a constant only if no earlier answer can have had it, whatever the column was called there."""

from __future__ import annotations

import pytest

from proxy.analysis.values.value_source import is_constant
from tests.rules.traces import span


def constant(reader: str, *earlier: str, rows: int = 3, column: str = "") -> bool:
    read = span(f"GET /{reader} → {rows} rows", 9)
    name = column or reader.partition("?")[2].rpartition("&")[2].partition("=")[0]
    return is_constant(name, read, [span(f"GET /{line}", n).fingerprint for n, line in enumerate(earlier)])


@pytest.mark.parametrize(
    ("reader", "earlier"),
    [
        ("visits?status=eq.missed", "doctors?select=id,name"),
        ("scans?at=gte.2026-01-01", "depots?select=code"),
        ("settings?is_public=eq.true", "users?select=*"),
        ("users?active=eq.true", "teams?select=*"),
    ],
)
def test_what_no_selected_column_means_is_a_constant(reader: str, earlier: str) -> None:
    assert constant(reader, earlier)


@pytest.mark.parametrize(
    ("reader", "earlier"),
    [
        ("visits?status=eq.missed", "orders?select=id,status"),
        ("shipments?depot_code=eq.D4", "depots?select=code"),
        ("depots?code=eq.D4", "vehicles?select=depot_code"),
        ("plans?key=eq.team", "workspaces?select=plan"),
        ("posts?author=eq.ann", "authors?select=username"),
        ("limits?type=eq.a", "product_types?select=label"),
        ("tasks?assignee_id=eq.4", "members?select=name"),
        ("permissions?role=eq.admin", "members?select=*"),
        ("permissions?role=eq.admin", "members?select=name,teams(role)"),
        ("permissions?role=eq.admin", "members?select=r:kind"),
    ],
)
def test_what_a_selected_column_may_mean_is_none(reader: str, earlier: str) -> None:
    assert not constant(reader, earlier)


def test_what_no_answer_came_before_is_a_constant() -> None:
    assert constant("permissions?role_id=eq.4", rows=1)


def test_a_read_of_one_row_may_look_it_up_by_a_natural_key() -> None:
    assert not constant("plans?tier=eq.team", "doctors?select=id,name", rows=1)
