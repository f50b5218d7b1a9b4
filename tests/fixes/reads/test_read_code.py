"""One read in JavaScript and Python, once or by page, keeps the query and runs."""

from __future__ import annotations

import subprocess

import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.read_code import call_js, once_js, once_py, read_js, read_py

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
JS = (once_js, read_js)
PY = (once_py, read_py)
CALLS = SHAPES[2]


@pytest.mark.parametrize("write", JS, ids=["once", "read"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_javascript_parses_for_all_names(shape: str, write: object) -> None:
    code = write(parse_fingerprint(shape))  # type: ignore[operator]
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, code + checked.stderr


@pytest.mark.parametrize("write", PY, ids=["once", "read"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_python_compiles_for_all_names(shape: str, write: object) -> None:
    compile(write(parse_fingerprint(shape)), "fix", "exec")  # type: ignore[operator]


def test_a_read_returns_its_rows() -> None:
    parsed = parse_fingerprint("GET videos?select=*&a=eq.?&order=at.desc&limit=?")
    assert read_js(parsed) == (
        "async function readVideos(a, limit) {\n"
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
    assert (
        '.gte("at", at)\n    .lt("at", at_2)\n    .filter("status", "in", `(${statusList.map(quoted).join()})`)' in code
    )
    assert '.is("a", null)\n    .not("b", "is", true)\n    .not("c", "eq", c)\n    .is("d", false)' in code
    assert '.order("at", { ascending: false })\n    .order("id", { ascending: true })' in code
    assert ".range(offset, offset + limit - 1);" in code


def test_the_python_has_the_query_unchanged() -> None:
    code = once_py(parse_fingerprint(CALLS))
    assert "def read_videos(at, at_2, status_list, x, c, limit, offset):" in code
    assert '.is_("a", "null")\n                .not_.is_("b", "true")\n                .not_.eq("c", c)' in code
    assert ".range(offset, offset + limit - 1)" in code


def test_a_head_selects_an_exact_count() -> None:
    parsed = parse_fingerprint("HEAD videos?select=*&a=eq.?")
    assert "const { count, error } = await supabase" in once_js(parsed)
    assert '.select("*", { count: "exact", head: true })' in once_js(parsed)
    assert '.select("*", count="exact", head=True)' in once_py(parsed)
    assert ".execute()\n                .count\n" in once_py(parsed)


def test_logic_trees_and_orders_of_embeds_are_calls() -> None:
    parsed = parse_fingerprint(SHAPES[4])
    assert ".or(`a.eq.${quoted(a)},b.is.null`)" in once_js(parsed).replace("\u2028", "")
    assert '.order("id", { ascending: true, referencedTable: "kid" })' in once_js(parsed)
    assert '.order("id", desc=False, foreign_table="kid")' in once_py(parsed)


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
