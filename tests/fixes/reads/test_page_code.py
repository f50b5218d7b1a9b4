"""The code of the next page runs for all names and orders."""

from __future__ import annotations

import json
import subprocess

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.page_code import Seek, next_page_js, next_page_py, page_reason, pages_js, pages_py, seek_order
from proxy.fixes.reads.page_fix import all_pages_fix, next_page_fix, nulls_risk
from proxy.fixes.sql.page import next_page_sql
from proxy.model import Column
from proxy.postgrest.database_facts import DatabaseFacts
from tests.factories import declared

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
    code = next_page_js(parsed, Seek(("id",)))
    checked = subprocess.run(command, input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, code + checked.stderr
    compile(next_page_py(parsed, Seek(("id",))), "fix", "exec")
    sqlglot.parse_one(next_page_sql(parsed, Seek(("id",))), dialect="postgres")


def test_the_key_is_added_to_an_order_without_it() -> None:
    assert [order.column for order in seek_order(parse_fingerprint(SHAPES[1]), ("id",))] == ["created_at", "id"]
    assert seek_order(parse_fingerprint(SHAPES[1]), ("id",))[1].descending
    assert [order.column for order in seek_order(parse_fingerprint(SHAPES[2]), ("id",))] == ["a", "b", "id"]
    assert [order.column for order in seek_order(parse_fingerprint("GET t"), ("id",))] == ["id"]


def test_a_json_path_is_selected_and_read_from_the_last_row_by_its_last_step() -> None:
    parsed = parse_fingerprint("GET t?select=*&order=data->>k.desc")
    for code in (next_page_js(parsed, Seek(("id",))), next_page_py(parsed, Seek(("id",)))):
        assert '.select("data->>k,*")' in code
        assert '"data->>k", last["k"], "lt", "first"' in code


def test_rows_that_cannot_have_the_columns_of_the_order_have_no_pages() -> None:
    key = ("id",)
    assert "cannot have the column id" in page_reason(parse_fingerprint("GET t?select=id:title"), key)
    assert "cannot have the column k(at)" in page_reason(parse_fingerprint("GET t?order=k(at)"), key)
    assert page_reason(parse_fingerprint("GET t?select=title&order=at"), key) == ""
    fix = next_page_fix(parse_fingerprint("GET t?select=id:title"), declared("t", "id,title", "id"))
    assert (fix.sql, fix.supabase_js, fix.supabase_py) == ("", "", "")
    assert fix.reason


def test_a_page_starts_after_each_column_of_the_key() -> None:
    parsed = parse_fingerprint("GET t?select=title&order=b.desc")
    fix = next_page_fix(parsed, declared("t", "a,b,title", "a", "b"))
    assert '.select("b,a,title")' in fix.supabase_js
    assert '`and(b.eq.${quoted(last["b"])},a.lt.${quoted(last["a"])})`' in fix.supabase_js
    assert """f'and(b.eq.{quoted(last["b"])},a.lt.{quoted(last["a"])})'""" in fix.supabase_py
    assert "where (b, a) < ($1, $2)\norder by b desc, a desc" in fix.sql


def test_an_order_by_a_unique_column_without_nulls_is_total() -> None:
    fix = next_page_fix(parse_fingerprint("GET t?order=code"), declared("t", "k,code", "k", unique="code"))
    assert 'if (last) query = query.gt("code", last["code"]);' in fix.supabase_js
    assert '.order("k"' not in fix.supabase_js


def test_without_a_known_key_there_are_no_pages() -> None:
    parsed = parse_fingerprint("GET t?select=id,title&order=id")
    unknown, none = next_page_fix(parsed, DatabaseFacts()), all_pages_fix(parsed, declared("t", "id,title"), 100)
    for fix in (unknown, none):
        assert (fix.sql, fix.supabase_js, fix.supabase_py) == ("", "", "")
    assert (
        "the primary key of t, after which a page starts, is unknown; fanin reads columns and keys from"
        in unknown.reason
    )
    assert none.reason == "No code: t has no primary key, after whose last value the next page could start."


def test_pages_are_in_the_order_of_the_query_and_the_key() -> None:
    parsed = parse_fingerprint("GET videos?select=title&status=eq.?&order=at.desc")
    code = pages_js(parsed, Seek(("id",)), 500)
    assert '.select("at,id,title")' in code
    assert '.order("id", { ascending: false })\n      .limit(500);' in code
    assert 'query.order("id", desc=True)\n        page = query.limit(500)' in pages_py(parsed, Seek(("id",)), 500)


class Table:
    """A stand-in for supabase-py over ``rows``, by which all of its answers are cut at ``most``."""

    def __init__(self, rows: list[dict[str, int]], most: int) -> None:
        self.rows, self.most, self.calls = rows, most, 0

    def table(self, _: str) -> Table:
        self.data, self.size = list(self.rows), self.most
        return self

    def select(self, _: str) -> Table:
        return self

    def gt(self, column: str, value: int) -> Table:
        self.data = [row for row in self.data if row[column] > value]
        return self

    def order(self, column: str, **_: object) -> Table:
        self.data.sort(key=lambda row: row[column])
        return self

    def limit(self, size: int) -> Table:
        self.size = min(size, self.most)
        return self

    def execute(self) -> Table:
        self.calls += 1
        self.data = self.data[: self.size]
        return self


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 30])
def test_the_python_pages_return_each_row_once(count: int) -> None:
    table = Table([{"id": n * 3 % 31, "x": n % 2} for n in range(count)], 10)
    names: dict[str, object] = {"supabase": table}
    exec(pages_py(parse_fingerprint("GET videos?select=*"), Seek(("id",)), 10), names)
    rows = names["list_all_videos"]()  # type: ignore[operator]
    assert rows == sorted(table.rows, key=lambda row: row["id"])
    assert table.calls == count // 10 + 1


def test_the_javascript_pages_return_each_row_once() -> None:
    code = pages_js(parse_fingerprint("GET videos?select=*&x=eq.?"), Seek(("id",)), 10)
    script = (
        """
const all = Array.from({ length: 64 }, (_, n) => ({ id: (n * 5) % 64, x: n % 2 }));
let calls = 0;
const from = () => {
  let data = all, size = 10;
  const query = {
    select: () => query,
    eq: (c, v) => ((data = data.filter((r) => r[c] === v)), query),
    gt: (c, v) => ((data = data.filter((r) => r[c] > v)), query),
    order: (c) => ((data = [...data].sort((a, b) => a[c] - b[c])), query),
    limit: (n) => ((size = n), query),
    then: (resolve) => (calls++, resolve({ data: data.slice(0, size), error: null })),
  };
  return query;
};
const supabase = { from };
"""
        + code
        + "\nconst rows = await listAllVideos(1);\nconsole.log(JSON.stringify([calls, rows.map((row) => row.id)]));"
    )
    command = ["node", "--input-type=module", "-"]
    ran = subprocess.run(command, input=script, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [4, list(range(1, 64, 2))]


RECORDER = """
const calls = [];
const supabase = new Proxy({}, {
  get: (_, name) => (...given) => (calls.push([name, ...given]), name === "limit" ? { data: calls } : supabase),
});
"""
"""Stands for a client: every call is written down and gives it again, the last one gives what was written."""


def test_the_javascript_and_the_python_read_the_rows_after_the_last_one() -> None:
    parsed, last = parse_fingerprint(SHAPES[1]), {"created_at": 'a"b', "id": 7}
    past = 'and(created_at.lt."a\\"b"),and(created_at.eq."a\\"b",id.lt."7")'
    shows = f"\nlistVideosPage('x', 50, {json.dumps(last)}).then((calls) => console.log(JSON.stringify(calls)));"
    code = RECORDER + next_page_js(parsed, Seek(("id",))) + shows
    run = subprocess.run(["node", "-e", code], text=True, capture_output=True, check=True)
    calls = json.loads(run.stdout)
    assert ["or", past] in calls
    assert ["order", "id", {"ascending": False}] in calls
    space: dict[str, object] = {}
    exec(next_page_py(parsed, Seek(("id",))), space)
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


def test_without_nulls_the_condition_is_written_out() -> None:
    parsed, seek = parse_fingerprint("GET t?order=at.desc"), Seek(("id",), ("at",))
    js, py = next_page_js(parsed, seek), next_page_py(parsed, seek)
    assert (
        'query = query.or([\n    `at.lt.${quoted(last["at"])}`,\n'
        '    `and(at.eq.${quoted(last["at"])},id.lt.${quoted(last["id"])})`,\n  ].join());'
    ) in js
    assert 'f\'at.lt.{quoted(last["at"])},\'\n            f\'and(at.eq.{quoted(last["at"])},id.lt.' in py
    assert '"nulls"' not in js + py
    quoted = next_page_js(parse_fingerprint('GET t?order="a b"'), Seek(("id",), ("a b",)))
    assert "for (const [column, value, after, nulls]" in quoted


@pytest.mark.parametrize(
    ("query", "risk"),
    [
        ("t?order=a", " The code is right for nulls in a: not known to be NOT NULL."),
        ("t?order=a,b,data->>k", " The code is right for nulls in a, b, data->>k: not known to be NOT NULL."),
        ("t?order=id", ""),
        ("t", ""),
        ("u?order=a", ""),
    ],
)
def test_the_finding_tells_for_which_columns_the_code_provides_for_nulls(query: str, risk: str) -> None:
    assert nulls_risk(parse_fingerprint(f"GET {query}"), declared("t", "id,a,b,data", "id")) == risk


def test_columns_that_are_declared_not_null_are_not_told() -> None:
    facts = declared("t", "id,a,b", "id")
    table = facts.relations["public.t"]
    known = {**table.columns, b"a": Column("date", not_null=True)}
    facts = replace(facts, relations={"public.t": replace(table, columns=known)})
    assert "nulls in b:" in nulls_risk(parse_fingerprint("GET t?order=a,b"), facts)
    assert "at.lt" not in next_page_fix(parse_fingerprint("GET t?order=a,b"), facts).supabase_js
    assert "`a.gt.${quoted" in next_page_fix(parse_fingerprint("GET t?order=a"), facts).supabase_js


@pytest.mark.parametrize("kind", ["jsonb", "text[]", "representation"])
def test_no_page_starts_after_a_value_that_no_filter_takes(kind: str) -> None:
    facts = declared("t", "id,a", "id")
    table = facts.relations["public.t"]
    facts = replace(facts, relations={"public.t": replace(table, columns={**table.columns, b"a": Column(kind)})})
    fix = next_page_fix(parse_fingerprint("GET t?order=a"), facts)
    assert fix.reason == f"No code: no filter takes a value of a ({kind}), after which a page starts."
    assert not fix.supabase_js
