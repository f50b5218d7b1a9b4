"""The code of the next page runs for all names and orders."""

from __future__ import annotations

import json
import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.page_code import next_page_js, next_page_py, next_page_sql, seek_order

SHAPES = (
    "GET t",
    "GET videos?select=*&status=eq.?&order=created_at.desc&limit=?&offset=?",
    "GET videos?select=name&order=a.desc,b,id&limit=?",
    "GET t?size=eq.?&last=eq.?&past=eq.?&x=fts.?&or=(a.eq.?)",
    'GET t?order=`${x}`,"{0}".desc,\\,it\'s a.desc',
)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_code_parses_for_all_names(shape: str) -> None:
    parsed = parse_fingerprint(shape)
    command = ["node", "--input-type=module", "--check", "-"]
    code = next_page_js(parsed, "id")
    checked = subprocess.run(command, input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, code + checked.stderr
    compile(next_page_py(parsed, "id"), "fix", "exec")
    sqlglot.parse_one(next_page_sql(parsed, "id"), dialect="postgres")


def test_the_key_is_added_to_an_order_without_it() -> None:
    assert [order.column for order in seek_order(parse_fingerprint(SHAPES[1]), "id")] == ["created_at", "id"]
    assert seek_order(parse_fingerprint(SHAPES[1]), "id")[1].descending
    assert [order.column for order in seek_order(parse_fingerprint(SHAPES[2]), "id")] == ["a", "b", "id"]
    assert [order.column for order in seek_order(parse_fingerprint("GET t"), "id")] == ["id"]


def test_columns_with_different_directions_are_compared_one_by_one() -> None:
    sql = next_page_sql(parse_fingerprint(SHAPES[2]), "id")
    assert "(a < $1 or a = $1 and b > $2 or a = $1 and b = $2 and id > $3)" in sql
    assert sql.startswith("select a, b, id, name\n")


def test_a_page_starts_after_the_last_key_of_the_previous_page() -> None:
    sql = next_page_sql(parse_fingerprint("GET t?select=title&a=eq.?"), "id", 1000)
    assert sql == (
        "select id, title\nfrom t\nwhere a = $1\n  and id > $2\norder by id\nlimit 1000;\n"
        "-- $2: id of the last row; omit the condition for the first page"
    )
    assert "where id > $1\norder by id\nlimit $2;" in next_page_sql(parse_fingerprint("GET t"), "id")


def test_a_json_path_is_selected_and_read_from_the_last_row_by_its_last_step() -> None:
    parsed = parse_fingerprint("GET t?select=*&order=data->>k.desc")
    for code in (next_page_js(parsed, "id"), next_page_py(parsed, "id")):
        assert '.select("data->>k,*")' in code
        assert "data->>k.lt." in code
    assert '["k", "id"].map((name) => JSON.stringify(String(last[name])))' in next_page_js(parsed, "id")
    assert 'for name in ("k", "id")]' in next_page_py(parsed, "id")


RECORDER = """
const calls = [];
const supabase = new Proxy({}, {
  get: (_, name) => (...given) => (calls.push([name, ...given]), name === "limit" ? { data: calls } : supabase),
});
"""
"""Stands for a client: every call is written down and gives it again, the last one gives what was written."""


def test_the_javascript_and_the_python_read_the_rows_after_the_last_one() -> None:
    parsed, last = parse_fingerprint(SHAPES[1]), {"created_at": 'a"b', "id": 7}
    past = 'created_at.lt."a\\"b",and(created_at.eq."a\\"b",id.lt."7")'
    shows = f"\nlistVideosPage('x', 50, {json.dumps(last)}).then((calls) => console.log(JSON.stringify(calls)));"
    code = RECORDER + next_page_js(parsed, "id") + shows
    run = subprocess.run(["node", "-e", code], text=True, capture_output=True, check=True)
    calls = json.loads(run.stdout)
    assert ["or", past] in calls
    assert ["order", "id", {"ascending": False}] in calls
    space: dict[str, object] = {}
    exec(next_page_py(parsed, "id"), space)
    recorder = Recorder()
    space["supabase"] = recorder
    space["list_videos_page"]("x", 50, last)  # type: ignore[operator]
    assert ("or_", past) in recorder.calls
    assert ("limit", 50) in recorder.calls


class Recorder:
    """The same for Python."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.data: list[object] = []

    def __getattr__(self, name: str) -> object:
        def call(*given: object, **_: object) -> Recorder:
            self.calls.append((name, *given))
            return self

        return call
