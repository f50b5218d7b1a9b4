"""Which reads merge: by the keys that PostgREST describes, one line per reason."""

from __future__ import annotations

from proxy.doctor.merge_checks import MAX_NAMED, merge_checks
from proxy.doctor.openapi import ServedRelation
from proxy.model import Column
from proxy.postgrest.catalog import Catalog
from proxy.settings.loading import load

SETTINGS = load({}).settings
CERTAIN = load({"merge.ties": "none"}).settings


def relation(name: str, kind: str = "uuid") -> ServedRelation:
    return ServedRelation(name, {"id": kind, "owner_id": "uuid"}, ("id",), ("owner_id",))


def test_each_reason_is_one_line_and_names_a_few_relations() -> None:
    many = [relation(f"t{number:02}") for number in range(MAX_NAMED + 3)]
    keys, lists = merge_checks([*many, relation("odd", "jsonb")], CERTAIN, "/rest/v1", None).checks[::2]
    assert (keys.name, keys.state) == ("reads by key", "ok")
    assert keys.text.endswith("t05 and 3 more")
    assert (lists.name, lists.state) == ("lists by key", "warning")
    assert "order" in lists.remedy


def test_an_order_is_proposed_only_where_it_is_missing() -> None:
    assert [change.line for change in merge_checks([relation("t")], CERTAIN, "/", None).changes] == [
        'merge.ties = "physical"'
    ]
    assert merge_checks([relation("t")], SETTINGS, "/", None).changes == ()


def test_the_setting_is_no_remedy_where_it_is_set() -> None:
    columns = {b"owner_id": Column(type="uuid", deterministic=True, by_address=False)}
    for settings, expected in ((SETTINGS, False), (CERTAIN, True)):
        *_, lists = merge_checks([relation("t")], settings, "/", Catalog({"public.t": columns})).checks
        assert "an order that ends in a unique column" in lists.remedy
        assert ("merge.ties" in lists.remedy) is expected


def test_with_rewriting_off_the_reason_is_the_mode() -> None:
    checks = merge_checks([relation("t")], load({"mode": "observe"}).settings, "/", None).checks
    assert all(check.state == "warning" for check in checks)


def test_without_a_relation_nothing_is_known() -> None:
    (check,) = merge_checks([], SETTINGS, "/", None).checks
    assert check.state == "unknown"
