"""The batch read in JavaScript and Python has a name from the relation, keeps the filters, and parses for all names."""

from __future__ import annotations

import subprocess

import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.batch_code import batch_js, batch_name, batch_py

SHAPES = (
    "GET t?id=eq.?",
    "GET videos?select=id,status&tracking_id=eq.?&status=neq.?&x=fts.?&a=is.null&order=created_at.desc",
    "GET t?select=*&data->a->>k=eq.?",
    "GET t?class=eq.?&default=eq.?&1a=eq.?&id=gt.?&id=lt.?&data=in.?&keys=not.eq.?",
    'GET the "table"?Id=eq.?&it\'s a column=eq.?&\\=eq.?',
)


@pytest.mark.parametrize(
    ("relation", "key", "name"),
    [
        ("creator_payout_profiles", "creator_id", "listPayoutProfilesByCreatorIds"),
        ("videos", "monthly_tracking_id", "listVideosByMonthlyTrackingIds"),
        ("creators", "id", "listCreatorsByIds"),
        ("id_cards", "id", "listIdCardsByIds"),
    ],
)
def test_the_name_consists_of_relation_and_key(relation: str, key: str, name: str) -> None:
    assert batch_name(relation, key) == name


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_python_compiles_for_all_names(shape: str, many: bool) -> None:
    parsed = parse_fingerprint(shape)
    compile(batch_py(parsed, parsed.filters[0].column, many), "fix", "exec")


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_javascript_parses_for_all_names(shape: str, many: bool) -> None:
    parsed = parse_fingerprint(shape)
    code = batch_js(parsed, parsed.filters[0].column, many)
    checked = subprocess.run(["node", "--check", "-"], input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_filters_order_and_select_are_those_of_the_query() -> None:
    parsed = parse_fingerprint(SHAPES[1])
    script = batch_js(parsed, "tracking_id", True)
    assert '.select("tracking_id,id,status")\n    .in("tracking_id", trackingIds)\n    .neq("status", status)' in script
    assert '.filter("x", "fts", x)\n    .is("a", null)\n    .order("created_at", { ascending: false });' in script
    python = batch_py(parsed, "tracking_id", True)
    assert '.is_("a", "null")\n        .order("created_at", desc=True)' in python


def test_every_value_has_a_different_name() -> None:
    parsed = parse_fingerprint("GET t?id=eq.?&class=eq.?&id=gt.?&ids=eq.?&x=fts.?&s=in.?")
    code = batch_js(parsed, "id", True)
    assert "listTByIds(ids, _class, id, ids_2, x, sList) {" in code
    assert '.in("id", ids)\n    .eq("class", _class)\n    .gt("id", id)\n    .eq("ids", ids_2)' in code
    assert '.filter("x", "fts", x)\n    .in("s", sList);' in code
    assert "def list_t_by_ids(ids, _class, id, ids_2, x, s_list):" in batch_py(parsed, "id", True)


def test_a_json_path_is_selected_and_rows_are_grouped_by_its_last_step() -> None:
    parsed = parse_fingerprint("GET t?select=*&data->a->>k=eq.?")
    assert '.select("data->a->>k,*")' in batch_js(parsed, "data->a->>k", many=False)
    assert 'row["k"]' in batch_js(parsed, "data->a->>k", many=False)
    assert 'row["k"]' in batch_py(parsed, "data->a->>k", many=True)


def test_a_parameter_without_a_client_method_becomes_a_comment() -> None:
    parsed = parse_fingerprint("GET t?id=eq.?&or=(a.eq.?,\nb.is.null)")
    assert "{\n  // and or=(a.eq.?, b.is.null)\n  const" in batch_js(parsed, "id", many=False)
    assert ":\n    # and or=(a.eq.?, b.is.null)\n    rows" in batch_py(parsed, "id", many=True)
