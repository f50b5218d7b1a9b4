"""Reads as rules advise them: code that parses whatever the names, and is the application's own query."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import sqlglot

from proxy.analysis.fingerprint import read_fingerprint
from proxy.fixes.advice_code import estimate_js, estimate_py, narrow_js, narrow_py, together_js, together_py
from proxy.fixes.page_load import load_js, load_py, load_sql
from proxy.fixes.sql.read import estimate_sql, narrow_sql
from tests.fixes.test_read_code import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.analysis.fingerprint import ParsedFingerprint

ALL = [read_fingerprint(shape) for shape in SHAPES]
JS: dict[str, Callable[[ParsedFingerprint], str]] = {
    "narrow": lambda shown: narrow_js(shown, "id"),
    "estimate": estimate_js,
    "together": lambda shown: together_js([shown, *ALL]),
    "load": lambda shown: load_js([shown, *ALL]),
}
PY: dict[str, Callable[[ParsedFingerprint], str]] = {
    "narrow": lambda shown: narrow_py(shown, "id"),
    "estimate": estimate_py,
    "together": lambda shown: together_py([shown, *ALL]),
    "load": lambda shown: load_py([shown, *ALL]),
}


@pytest.mark.parametrize("write", JS.values(), ids=list(JS))
def test_the_javascript_parses_whatever_the_names(write: Callable[[ParsedFingerprint], str]) -> None:
    for shown in ALL:
        command = ["node", "--input-type=module", "--check", "-"]
        checked = subprocess.run(command, input=write(shown), text=True, capture_output=True, check=False)
        assert checked.returncode == 0, write(shown) + checked.stderr


@pytest.mark.parametrize("write", PY.values(), ids=list(PY))
def test_the_python_parses_whatever_the_names(write: Callable[[ParsedFingerprint], str]) -> None:
    for shown in ALL:
        compile(write(shown), "fix", "exec")


def test_the_sql_parses_whatever_the_names_and_numbers_its_values_throughout() -> None:
    for shown in ALL:
        for sql in (narrow_sql(shown, "id"), estimate_sql(shown).removeprefix("explain (format json)\n")):
            sqlglot.parse_one(sql, dialect="postgres")
    whole = load_sql([read_fingerprint("GET a?x=eq.?&y=gt.?"), read_fingerprint("GET b?x=eq.?")])
    sqlglot.parse_one(whole, dialect="postgres")
    assert "where x = $1\n      and y > $2" in whole
    assert "where x = $3" in whole


def test_only_the_columns_and_the_count_differ_from_the_applications_own_query() -> None:
    shown = read_fingerprint("GET videos?select=*&status=eq.?&order=at.desc&limit=?&offset=?")
    assert '.select(columns)\n    .eq("status", status)\n    .order("at", { ascending: false })' in narrow_js(
        shown, "id"
    )
    assert '.select("*", { count: "estimated" })' in estimate_js(shown)
    assert 'select("*", count="estimated")' in estimate_py(shown)
    assert "return answer.data, answer.count" in estimate_py(shown)


def test_reads_of_one_relation_have_names_of_their_own() -> None:
    reads = [read_fingerprint(f"GET videos?{name}=eq.?") for name in ("a", "b", "c")]
    assert "const [videos, videos_2, videos_3] = answers" in together_js(reads)
    assert "rows_videos_1" in load_sql(reads)
    assert "rows_videos_3" in load_sql(reads)


def test_answers_are_called_neither_like_an_argument_nor_like_a_word_of_the_language() -> None:
    reads = [read_fingerprint(line) for line in ("GET class?videos=eq.?&answers=eq.?", "GET videos", "GET 1a")]
    code = together_js(reads)
    assert "async function readAll(videos, _answers) {" in code
    assert "const [_class, videos_2, _1a] = answers" in code
    command = ["node", "--input-type=module", "--check", "-"]
    assert subprocess.run(command, input=code, text=True, check=False).returncode == 0
