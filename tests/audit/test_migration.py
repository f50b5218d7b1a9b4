"""The statements of a report run one after another: what is served, or changed before, is left out and named."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.audit.migration import migration
from proxy.audit.report import ReportedFinding
from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape
from proxy.schema.undo import with_undo
from tests.audit.factories import report
from tests.check.factories import finding as some_finding


def about(code: str, kind: str, name: str, sql: str, index: tuple[str, ...] | None = None) -> ReportedFinding:
    shape = None if index is None else IndexShape("public", "t", "btree", index)
    made: Finding = replace(
        some_finding("t", code),
        object=DatabaseObject(kind, "public", name, "t"),
        fix=Fix(sql=with_undo(sql, "undone;")),
        index=shape,
    )
    return ReportedFinding(made.key, 1, 0, True, False, "", "", made)


def index(code: str, *keys: str, name: str = "") -> ReportedFinding:
    called = name or "_".join(("t", *keys, "idx")).replace(" ", "_")
    return about(code, "index", called, f"create index concurrently {called} on public.t ({', '.join(keys)});", keys)


def written(*findings: ReportedFinding) -> str:
    return migration(replace(report("t"), findings=findings, database="shop"))


def run_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("--")]


def test_each_statement_is_followed_by_what_undoes_it() -> None:
    text = written(index("FAN020", "a"))
    assert "create index concurrently t_a_idx on public.t (a);\n-- undo: undone;\n" in text
    assert run_lines(text) == ["create index concurrently t_a_idx on public.t (a);"]
    assert "for the database shop." in text


def test_an_equal_index_is_created_once_as_the_advisor_proposes_it() -> None:
    text = written(index("FAN021", "a"), index("FAN020", "a", name="of_advisor"), index("FAN032", "a", name="third"))
    assert run_lines(text) == ["create index concurrently of_advisor on public.t (a);"]
    assert text.count("-- Left out: ") == 2


def test_a_prefix_of_another_new_index_is_not_created() -> None:
    text = written(index("FAN021", "a"), index("FAN020", "a", "b DESC"))
    assert run_lines(text) == ["create index concurrently t_a_b_DESC_idx on public.t (a, b DESC);"]


def test_two_indexes_of_the_advisor_are_both_created() -> None:
    assert len(run_lines(written(index("FAN020", "a"), index("FAN020", "a", "b")))) == 2


def test_two_indexes_of_one_name_are_not_both_created() -> None:
    assert len(run_lines(written(index("FAN020", "a", name="same"), index("FAN021", "b", name="same")))) == 1


def test_a_generated_column_is_not_added_where_the_advisor_proposes_an_index_on_its_expression() -> None:
    sql = "alter table public.t add column d_a text generated always as (d ->> 'a') stored;\n"
    column = about("FAN038", "column", "d", f"{sql}create index concurrently t_d_a_idx on public.t (d_a);", ("d_a",))
    text = written(index("FAN020", "(d ->> 'a')", name="t_d_a_idx"), column)
    assert [line.partition(" on ")[0] for line in run_lines(text)] == [
        "create index concurrently t_d_a_idx",
        'analyze "public"."t";',
    ]
    assert "-- Left out: FAN038" in text
    assert len(run_lines(written(index("FAN020", "(d ->> 'b')"), column))) == 4


def test_an_index_that_is_created_behind_another_statement_has_a_name_of_its_own() -> None:
    both = about("FAN038", "column", "d", "alter table public.t add d_a text;\ncreate index same on public.t (d_a);")
    assert len(run_lines(written(index("FAN020", "a", name="same"), both))) == 1


def test_an_index_on_an_expression_gets_its_statistics() -> None:
    assert run_lines(written(index("FAN020", "(lower(a))")))[1] == 'analyze "public"."t";'


def test_policies_that_are_replaced_are_not_changed_before_or_after() -> None:
    each = about("FAN031", "policy", "p", "alter policy p on public.t using (true);")
    other = about("FAN031", "policy", "q", "alter policy q on public.t using (true);")
    every = about("FAN033", "table", "t", "begin;\ndrop policy p on public.t;\ncommit;")
    assert len(run_lines(written(each, other, every))) == 2
    assert len(run_lines(written(every, each, other))) == 3
    assert len(run_lines(written(each, replace(each, finding=replace(each.finding, code="FAN037"))))) == 1


def test_an_unused_index_stays_where_another_one_is_dropped_because_of_it() -> None:
    unused = about("FAN022", "index", "wide", "drop index concurrently public.wide;")
    prefix = about("FAN023", "index", "narrow", "drop index concurrently public.narrow;")
    assert run_lines(written(unused, prefix)) == ["drop index concurrently public.narrow;"]


def test_indexes_come_first_and_dropped_ones_last_and_access_with_its_risk() -> None:
    text = written(
        about("FAN023", "index", "narrow", "drop index concurrently public.narrow;"),
        about("FAN026", "table", "t", "alter table public.t enable row level security;"),
        about("FAN041", "table", "t", "analyze public.t;"),
        index("FAN020", "a"),
    )
    assert [line.split(" ")[0] for line in run_lines(text)] == ["create", "analyze", "alter", "drop"]
    assert "-- Risk: " in text.partition("enable row level security")[0].partition("who may")[0]


def test_a_report_without_statements_says_so() -> None:
    assert run_lines(written()) == []
    assert "nothing to change" in written()


def test_a_title_cannot_end_the_comment_that_it_is_in() -> None:
    one = index("FAN020", "a")
    text = written(replace(one, finding=replace(one.finding, title="x\ndrop table t;", current="y\r\nz")))
    assert run_lines(text) == ["create index concurrently t_a_idx on public.t (a);"]
