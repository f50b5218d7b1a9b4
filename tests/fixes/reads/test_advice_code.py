"""Client code and SQL with estimates and parallel reads parses for all names and keeps the query."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.advice_code import estimate_js, estimate_py, together_js, together_py
from proxy.fixes.reads.page_load import load_sql
from proxy.fixes.sql.read import estimate_sql
from tests.fixes.reads.test_read_code import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.analysis.fingerprint import ParsedFingerprint

ALL = [parse_fingerprint(shape) for shape in SHAPES]
JS: dict[str, Callable[[ParsedFingerprint], str]] = {
    "estimate": estimate_js,
    "together": lambda parsed: together_js([parsed, *ALL]),
}
PY: dict[str, Callable[[ParsedFingerprint], str]] = {
    "estimate": estimate_py,
    "together": lambda parsed: together_py([parsed, *ALL]),
}


@pytest.mark.parametrize("write", JS.values(), ids=list(JS))
def test_the_javascript_parses_for_all_names(write: Callable[[ParsedFingerprint], str]) -> None:
    for parsed in ALL:
        command = ["node", "--input-type=module", "--check", "-"]
        checked = subprocess.run(command, input=write(parsed), text=True, capture_output=True, check=False)
        assert checked.returncode == 0, write(parsed) + checked.stderr


@pytest.mark.parametrize("write", PY.values(), ids=list(PY))
def test_the_python_compiles_for_all_names(write: Callable[[ParsedFingerprint], str]) -> None:
    for parsed in ALL:
        compile(write(parsed), "fix", "exec")


def test_the_sql_parses_for_all_names_and_numbers_its_values() -> None:
    for parsed in ALL:
        sqlglot.parse_one(estimate_sql(parsed).removeprefix("explain (format json)\n"), dialect="postgres")
    whole = load_sql([parse_fingerprint("GET a?x=eq.?&y=gt.?"), parse_fingerprint("GET b?x=eq.?")])
    sqlglot.parse_one(whole, dialect="postgres")
    assert "where x = $1\n      and y > $2" in whole
    assert "where x = $3" in whole


def test_only_the_count_differs_from_the_query() -> None:
    parsed = parse_fingerprint("GET videos?select=*&status=eq.?&order=at.desc&limit=?&offset=?")
    assert '.select("*", { count: "estimated" })' in estimate_js(parsed)
    assert 'select("*", count="estimated")' in estimate_py(parsed)
    assert "return answer.data, answer.count" in estimate_py(parsed)


def test_several_reads_of_one_relation_have_different_names() -> None:
    reads = [parse_fingerprint(f"GET videos?{name}=eq.?") for name in ("a", "b", "c")]
    assert "const [videos, videos_2, videos_3] = answers" in together_js(reads)
    assert "rows_videos_1" in load_sql(reads)
    assert "rows_videos_3" in load_sql(reads)


def test_names_of_answers_are_neither_arguments_nor_keywords() -> None:
    reads = [parse_fingerprint(line) for line in ("GET class?videos=eq.?&answers=eq.?", "GET videos", "GET 1a")]
    code = together_js(reads)
    assert "async function readAll(videos, _answers) {" in code
    assert "const [_class, videos_2, _1a] = answers" in code
    command = ["node", "--input-type=module", "--check", "-"]
    assert subprocess.run(command, input=code, text=True, check=False).returncode == 0


def test_two_queries_with_one_column_have_two_arguments() -> None:
    reads = [parse_fingerprint("GET a?id=eq.?"), parse_fingerprint("GET b?id=eq.?")]
    assert "async function readAll(id, id_2) {" in together_js(reads)
    assert "def read_all(id, id_2):" in together_py(reads)
