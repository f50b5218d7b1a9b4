"""A read of all columns becomes one that names them, if they are known."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.narrow_code import MOST_COLUMNS, narrow_fix, narrow_js, narrow_py, narrow_sql, starred
from proxy.postgrest.database_facts import DatabaseFacts
from tests.factories import declared
from tests.fixes.reads.test_read_code import SHAPES


@pytest.mark.parametrize("shape", SHAPES)
def test_the_code_parses_for_all_names(shape: str) -> None:
    parsed = parse_fingerprint(shape)
    command, code = ["node", "--input-type=module", "--check", "-"], narrow_js(parsed)
    checked = subprocess.run(command, input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, code + checked.stderr
    compile(narrow_py(parsed), "fix", "exec")
    sqlglot.parse_one(narrow_sql(replace(parsed, select="a,b")), dialect="postgres")


def test_a_star_is_of_the_relation_in_whose_list_it_is() -> None:
    for select, stars in (
        ("*", ["creators"]),
        ("id,videos(a,*,b)", ["videos"]),
        ("*,v:videos(*,rushes(*))", ["creators", "v", "rushes"]),
        ("id,videos(id),n:count()", []),
        ("a*,b", []),
    ):
        assert starred(parse_fingerprint(f"GET creators?select={select}")) == stars


def test_each_star_becomes_the_columns_of_its_relation_and_the_rest_stays() -> None:
    creators, videos = declared("creators", "uid,the name", "uid"), declared("videos", "a,b", "a")
    known = replace(creators, relations={**creators.relations, **videos.relations})
    parsed = parse_fingerprint("GET creators?select=*,v:videos!inner(a,*),x->>*&status=eq.?&order=at.desc&limit=?")
    fix = narrow_fix(parsed, known)
    columns = 'uid,\\"the name\\",v:videos!inner(a,a,b),x->>*'
    assert f'const columns = "{columns}"; // all columns: leave out' in fix.supabase_js
    assert '.select(columns)\n    .eq("status", status)\n    .order("at", { ascending: false })' in fix.supabase_js
    assert f'columns = "{columns}"  # all columns' in fix.supabase_py
    assert fix.reason.startswith("No SQL")
    plain = narrow_fix(parse_fingerprint("GET creators?a=eq.?"), known)
    assert plain.sql.endswith('select uid, "the name"\nfrom creators\nwhere a = $1;')


def test_a_relation_whose_columns_are_unknown_has_no_code_that_names_them() -> None:
    parsed, known = parse_fingerprint("GET creators?select=*,videos(*)"), declared("creators", "uid", "uid")
    for facts, name in ((DatabaseFacts(), "creators"), (known, "videos")):
        fix = narrow_fix(parsed, facts)
        assert (fix.sql, fix.supabase_js, fix.supabase_py) == ("", "", "")
        assert f"the columns of {name} are unknown" in fix.reason


def test_a_list_of_very_many_columns_is_not_printed() -> None:
    many = declared("t", ",".join(f"c{n}" for n in range(MOST_COLUMNS + 1)), "c0")
    assert narrow_fix(parse_fingerprint("GET t"), many).reason.startswith(f"No code: t has {MOST_COLUMNS + 1} columns.")
