"""Which reads merge: by the keys that PostgREST describes, one line per reason."""

from __future__ import annotations

from proxy.doctor.merge_checks import MAX_NAMED, merge_checks
from proxy.doctor.openapi import ServedRelation
from proxy.settings.loading import load

SETTINGS = load({}).settings


def relation(name: str, kind: str = "uuid") -> ServedRelation:
    return ServedRelation(name, {"id": kind, "owner_id": "uuid"}, ("id",), ("owner_id",))


def test_each_reason_is_one_line_and_names_a_few_relations() -> None:
    many = [relation(f"t{number:02}") for number in range(MAX_NAMED + 3)]
    keys, lists = merge_checks([*many, relation("odd", "jsonb")], SETTINGS, "/rest/v1", None).checks[::2]
    assert (keys.name, keys.state) == ("reads by key", "ok")
    assert keys.text.endswith("t05 and 3 more")
    assert (lists.name, lists.state) == ("lists by key", "warning")
    assert "order" in lists.remedy


def test_an_order_is_proposed_only_where_it_is_missing() -> None:
    assert [change.line for change in merge_checks([relation("t")], SETTINGS, "/", None).changes] == [
        'merge.ties = "physical"'
    ]
    physical = load({"merge.ties": "physical"}).settings
    assert merge_checks([relation("t")], physical, "/", None).changes == ()


def test_with_rewriting_off_the_reason_is_the_mode() -> None:
    checks = merge_checks([relation("t")], load({"mode": "observe"}).settings, "/", None).checks
    assert all(check.state == "warning" for check in checks)


def test_without_a_relation_nothing_is_known() -> None:
    (check,) = merge_checks([], SETTINGS, "/", None).checks
    assert check.state == "unknown"
