"""The batch method in JavaScript and Python: a name from the relation, the same filters, code that parses."""

from __future__ import annotations

import subprocess

import pytest

from proxy.analysis.fingerprint import read_fingerprint
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
def test_the_name_says_what_is_listed_and_by_what(relation: str, key: str, name: str) -> None:
    assert batch_name(relation, key) == name


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_python_parses_whatever_the_names(shape: str, many: bool) -> None:
    shown = read_fingerprint(shape)
    compile(batch_py(shown, shown.filters[0].column, many), "fix", "exec")


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_javascript_parses_whatever_the_names(shape: str, many: bool) -> None:
    shown = read_fingerprint(shape)
    code = batch_js(shown, shown.filters[0].column, many)
    checked = subprocess.run(["node", "--check", "-"], input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_filters_order_and_select_are_the_applications_own() -> None:
    shown = read_fingerprint(SHAPES[1])
    script = batch_js(shown, "tracking_id", True)
    assert '.select("tracking_id,id,status")\n    .in("tracking_id", trackingIds)\n    .neq("status", status)' in script
    assert '.filter("x", "fts", x)\n    .is("a", null)\n    .order("created_at", { ascending: false });' in script
    python = batch_py(shown, "tracking_id", True)
    assert '.is_("a", "null")\n        .order("created_at", desc=True)' in python


def test_every_value_has_a_name_of_its_own() -> None:
    shown = read_fingerprint("GET t?id=eq.?&class=eq.?&id=gt.?&ids=eq.?&x=fts.?&s=in.?")
    code = batch_js(shown, "id", True)
    assert "listTByIds(ids, _class, id, ids_2, x, sList) {" in code
    assert '.in("id", ids)\n    .eq("class", _class)\n    .gt("id", id)\n    .eq("ids", ids_2)' in code
    assert '.filter("x", "fts", x)\n    .in("s", sList);' in code
    assert "def list_t_by_ids(ids, _class, id, ids_2, x, s_list):" in batch_py(shown, "id", True)


def test_a_path_into_json_is_selected_and_its_rows_are_told_by_the_last_step() -> None:
    shown = read_fingerprint("GET t?select=*&data->a->>k=eq.?")
    assert '.select("data->a->>k,*")' in batch_js(shown, "data->a->>k", many=False)
    assert 'row["k"]' in batch_js(shown, "data->a->>k", many=False)
    assert 'row["k"]' in batch_py(shown, "data->a->>k", many=True)


def test_what_has_no_method_is_named_in_a_comment() -> None:
    shown = read_fingerprint("GET t?id=eq.?&or=(a.eq.?,\nb.is.null)")
    assert "{\n  // and or=(a.eq.?, b.is.null)\n  const" in batch_js(shown, "id", many=False)
    assert ":\n    # and or=(a.eq.?, b.is.null)\n    rows" in batch_py(shown, "id", many=True)
