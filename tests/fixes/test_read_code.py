"""One read in JavaScript and Python, once or by page, keeps the query and runs."""

from __future__ import annotations

import json
import subprocess

import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.read_code import call_js, once_js, once_py, pages_js, pages_py, read_js, read_py

SHAPES = (
    "GET t",
    "GET creators?select=*&id=eq.?",
    "GET videos?select=id,status&at=gte.?&at=lt.?&status=in.?&x=fts.?&a=is.null&b=not.is.true&c=not.eq.?&d=is.false"
    "&order=at.desc,id&limit=?&offset=?",
    "GET t?class=eq.?&default=eq.?&1a=eq.?&data=eq.?&last=eq.?&\u65e5=eq.?&None=eq.?&query=is.null",
    "GET t?select=*&data->a->>k=eq.?&or=(a.eq.?,\u2028b.is.null)&kid.order=id",
    'GET the "table"\n?Id=eq.?&it\'s a column=eq.?&\\=eq.?',
    "GET \u65e5\u672c?x=?",
    "HEAD videos?count=eq.?",
)
WRITES = ("POST", "PUT", "PATCH", "DELETE")
JS = (once_js, lambda parsed: pages_js(parsed, "id", 1000))
PY = (once_py, lambda parsed: pages_py(parsed, "id", 1000))
CALLS = SHAPES[2]


@pytest.mark.parametrize("write", JS, ids=["once", "pages"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_javascript_parses_for_all_names(shape: str, write: object) -> None:
    code = write(parse_fingerprint(shape))  # type: ignore[operator]
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, code + checked.stderr


@pytest.mark.parametrize("write", PY, ids=["once", "pages"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_python_compiles_for_all_names(shape: str, write: object) -> None:
    compile(write(parse_fingerprint(shape)), "fix", "exec")  # type: ignore[operator]


def test_a_read_returns_its_rows() -> None:
    parsed = parse_fingerprint("GET videos?select=*&a=eq.?&or=(b.is.null)&order=at.desc&limit=?")
    assert read_js(parsed) == (
        "async function readVideos(a, limit) {\n"
        "  // and or=(b.is.null)\n"
        "  const { data, error } = await supabase\n"
        '    .from("videos")\n'
        '    .select("*")\n'
        '    .eq("a", a)\n'
        '    .order("at", { ascending: false })\n'
        "    .limit(limit);\n"
        "  if (error) throw error;\n"
        "  return data;\n"
        "}"
    )
    assert read_py(parsed).endswith("        .limit(limit)\n        .execute()\n        .data\n    )")


def test_a_head_returns_its_count() -> None:
    parsed = parse_fingerprint("HEAD videos?a=eq.?")
    assert "const { count, error }" in read_js(parsed)
    assert read_js(parsed).endswith("  return count;\n}")
    assert ".count\n" in read_py(parsed)


def test_the_javascript_has_the_query_unchanged() -> None:
    code = once_js(parse_fingerprint(CALLS))
    assert "readVideos = cache(async (at, at_2, statusList, x, c, limit, offset) => {" in code
    assert '.gte("at", at)\n    .lt("at", at_2)\n    .in("status", statusList)\n    .filter("x", "fts", x)' in code
    assert '.is("a", null)\n    .not("b", "is", true)\n    .not("c", "eq", c)\n    .is("d", false)' in code
    assert '.order("at", { ascending: false })\n    .order("id", { ascending: true })' in code
    assert ".range(offset, offset + limit - 1);" in code


def test_the_python_has_the_query_unchanged() -> None:
    code = once_py(parse_fingerprint(CALLS))
    assert "def read_videos(at, at_2, status_list, x, c, limit, offset):" in code
    assert '.is_("a", "null")\n            .not_.is_("b", "true")\n            .not_.eq("c", c)' in code
    assert ".range(offset, offset + limit - 1)" in code


def test_a_head_selects_an_exact_count() -> None:
    parsed = parse_fingerprint("HEAD videos?select=*&a=eq.?")
    assert "const { count, error } = await supabase" in once_js(parsed)
    assert '.select("*", { count: "exact", head: true })' in once_js(parsed)
    assert '.select("*", count="exact", head=True)' in once_py(parsed)
    assert ".execute()\n            .count\n" in once_py(parsed)


def test_a_parameter_without_a_client_method_becomes_a_one_line_comment() -> None:
    parsed = parse_fingerprint(SHAPES[4])
    for code, mark in ((once_js(parsed), "//"), (once_py(parsed), "#")):
        assert f"{mark} and or=(a.eq.?, b.is.null)\n" in code
        assert f"{mark} and kid.order=id\n" in code


def test_pages_select_the_key_and_are_ordered_by_it() -> None:
    parsed = parse_fingerprint("GET videos?select=title&status=eq.?&order=at.desc")
    code = pages_js(parsed, "id", 500)
    assert '.select("id,title")' in code
    assert 'query.order("id").limit(500);' in code
    assert '"at"' not in code
    assert '.select("id,title")' in pages_py(parsed, "id", 500)


class Table:
    """A stand-in for supabase-py over ``rows``, by which all of its answers are cut at ``most``."""

    def __init__(self, rows: list[dict[str, int]], most: int) -> None:
        self.rows, self.most, self.calls = rows, most, 0

    def table(self, _: str) -> Table:
        self.data, self.size = list(self.rows), self.most
        return self

    def select(self, _: str) -> Table:
        return self

    def eq(self, column: str, value: int) -> Table:
        self.data = [row for row in self.data if row[column] == value]
        return self

    def gt(self, column: str, value: int) -> Table:
        self.data = [row for row in self.data if row[column] > value]
        return self

    def order(self, column: str) -> Table:
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
    exec(pages_py(parse_fingerprint("GET videos?select=*"), "id", 10), names)
    rows = names["list_all_videos"]()  # type: ignore[operator]
    assert rows == sorted(table.rows, key=lambda row: row["id"])
    assert table.calls == count // 10 + 1


def test_the_javascript_pages_return_each_row_once() -> None:
    code = pages_js(parse_fingerprint("GET videos?select=*&x=eq.?"), "id", 10)
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


def test_the_python_reads_once_for_the_same_arguments() -> None:
    table = Table([{"id": 1}, {"id": 2}], 10)
    names: dict[str, object] = {"supabase": table}
    exec(once_py(parse_fingerprint("GET creators?select=*&id=eq.?")), names)
    read = names["make_read_creators"]()  # type: ignore[operator]
    assert read(1) == read(1) == [{"id": 1}]
    assert read(2) == [{"id": 2}]
    assert table.calls == 2


@pytest.mark.parametrize("shape", [*SHAPES, *(f"{method} t?id=eq.?&select=id" for method in WRITES)])
@pytest.mark.parametrize("schema", ["", 'a "schema"\n.'])
def test_a_call_parses_for_all_names(shape: str, schema: str) -> None:
    method, name = shape.split(" ", 1)
    code = f"const supabase = {{}};\n{call_js(parse_fingerprint(f'{method} {schema}{name}'))}"
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, code + checked.stderr


def test_a_call_has_the_query_unchanged() -> None:
    assert call_js(parse_fingerprint("GET private.t?select=id&a=eq.?&limit=?")) == (
        "const { data, error } = await supabase\n"
        '  .schema("private").from("t")\n  .select("id")\n  .eq("a", a)\n  .limit(limit);'
    )
    assert call_js(parse_fingerprint("PATCH t?a=eq.?&select=id")).endswith(
        '.from("t")\n  .update(values)\n  .eq("a", a)\n  .select("id");'
    )
    assert call_js(parse_fingerprint("DELETE t?a=eq.?")).endswith('.from("t")\n  .delete()\n  .eq("a", a);')
