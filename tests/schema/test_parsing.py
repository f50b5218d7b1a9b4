"""What the expressions of policies do, as Postgres prints them with an empty search path."""

from __future__ import annotations

import pytest

from proxy.schema.expression import ComparedColumn
from proxy.schema.parsing import parse_expression, parse_optional, reads_user_metadata, same_expression

WRAPPED = "(owner = ( SELECT auth.uid() AS uid))"
BARE = "(owner = auth.uid())"


def runs(text: str) -> dict[str, list[bool]]:
    """Whether each call of a function runs once per statement, by name."""
    found: dict[str, list[bool]] = {}
    for call in parse_expression(text).calls:
        found.setdefault(call.qualified, []).append(call.once)
    return found


def test_a_call_in_a_subselect_of_its_own_runs_once() -> None:
    assert runs(WRAPPED) == {"auth.uid": [True]}


def test_a_bare_call_runs_for_each_row() -> None:
    assert runs(BARE) == {"auth.uid": [False]}


def test_of_a_wrapped_and_a_bare_call_only_the_wrapped_one_runs_once() -> None:
    assert runs(f"({WRAPPED} OR {BARE})") == {"auth.uid": [True, False]}


def test_a_subselect_that_refers_to_the_row_runs_for_each_row() -> None:
    assert runs("( SELECT public.is_member(videos.team_id) AS is_member)") == {"public.is_member": [False]}


def test_a_subselect_that_refers_to_its_own_relation_runs_once() -> None:
    text = "(team_id IN ( SELECT m.team_id FROM public.members m WHERE (m.user_id = auth.uid())))"
    assert runs(text) == {"auth.uid": [True]}
    assert parse_expression(text).relations == ("public.members",)


def test_a_call_in_an_exists_that_compares_with_the_row_runs_for_each_row() -> None:
    text = (
        "(EXISTS ( SELECT 1 FROM public.members m WHERE ((m.team_id = videos.team_id) AND (m.user_id = auth.uid()))))"
    )
    assert runs(text) == {"auth.uid": [False]}


@pytest.mark.parametrize(
    "text", ["true", "(1 = 1)", "((1 = 1) OR (owner = 2))", "(NOT false)", "( SELECT true AS bool)", "('t'::boolean)"]
)
def test_an_expression_that_is_true_for_each_row_is_known_as_that(text: str) -> None:
    parsed = parse_expression(text)
    assert (parsed.parsed, parsed.always_true, parsed.always_false) == (True, True, False)


@pytest.mark.parametrize("text", ["false", "((1 = 1) AND false)", "(NOT true)"])
def test_an_expression_that_is_false_for_each_row_is_known_as_that(text: str) -> None:
    parsed = parse_expression(text)
    assert (parsed.always_true, parsed.always_false) == (False, True)


@pytest.mark.parametrize("text", ["published", "(1 = owner)", "((1 = 1) AND published)", "(owner = owner)"])
def test_an_expression_that_depends_on_the_row_is_neither(text: str) -> None:
    parsed = parse_expression(text)
    assert (parsed.always_true, parsed.always_false) == (False, False)


@pytest.mark.parametrize("text", ["(owner = ", "a; drop table b", "x FROM public.t", ")", "(" * 3000])
def test_what_cannot_be_parsed_is_said_to_be_unparsed(text: str) -> None:
    parsed = parse_expression(text)
    assert (parsed.parsed, parsed.text, parsed.always_true) == (False, text, False)


def test_columns_that_are_compared_for_equality_are_those_of_the_row() -> None:
    text = "((owner = auth.uid()) AND (team_id = ANY (ARRAY[1, 2])) AND (kind > 3))"
    owner = ComparedColumn("owner", calls=(("auth", "uid"),))
    assert parse_expression(text).equal_columns == (owner, ComparedColumn("team_id"))


def test_a_column_that_is_cast_before_it_is_compared_has_its_casts() -> None:
    text = "(((owner)::text = (auth.uid())::text) AND ((n)::numeric = ANY (ARRAY[1.5])) AND (((a)::int)::text = 'b'))"
    casts = {each.name: each.casts for each in parse_expression(text).equal_columns}
    assert casts == {"owner": ("text",), "n": ("decimal",), "a": ("int", "text")}


@pytest.mark.parametrize(
    "text",
    [
        "(NOT (owner = auth.uid()))",
        "CASE WHEN published THEN (owner = auth.uid()) ELSE false END",
        "COALESCE((owner = auth.uid()), false)",
        "((owner = auth.uid()) IS NOT FALSE)",
        "(EXISTS ( SELECT 1 FROM public.members m WHERE (m.team = videos.team)))",
    ],
)
def test_a_comparison_that_is_an_operand_of_something_else_is_none_that_an_index_serves(text: str) -> None:
    assert parse_expression(text).equal_columns == ()


@pytest.mark.parametrize(
    "text",
    [
        "(((auth.jwt() -> 'user_metadata'::text) ->> 'role'::text) = 'admin'::text)",
        "(EXISTS ( SELECT 1 FROM auth.users u WHERE ((u.raw_user_meta_data ->> 'role'::text) = 'admin'::text)))",
    ],
)
def test_metadata_that_users_change_is_recognised(text: str) -> None:
    assert parse_expression(text).user_metadata
    assert not parse_expression(text.replace("user_meta", "app_meta")).user_metadata


def test_no_clause_is_no_expression() -> None:
    assert parse_optional(None) is None
    assert parse_optional("true") == parse_expression("true")


def test_expressions_are_compared_as_they_are_parsed() -> None:
    assert same_expression("((meta -> 'a'::text) ->> 'b'::text)", "meta -> 'a' ->> 'b'")
    assert not same_expression("((meta ->> 'a'::text))::integer", "meta ->> 'a'")
    assert not same_expression("a * (b + c)", "a * b + c")
    assert not same_expression("meta -> (b ->> 'c')", "meta -> b ->> 'c'")
    assert not same_expression("(", "(")


@pytest.mark.parametrize(
    ("body", "reads"),
    [
        ("select auth.jwt() -> 'user_metadata' ->> 'org'", True),
        ("select raw_user_meta_data ->> 'a' from auth.users where id = auth.uid()", True),
        ("select 1; select u.raw_user_meta_data from auth.users u", True),
        ("select kind = 'user_metadata' from t", False),
        ("select auth.jwt() -> 'app_metadata'", False),
        ("begin return auth.jwt() -> 'user_metadata'; end", None),
        ("begin return 1; end", False),
    ],
)
def test_a_function_that_names_user_metadata_reads_it_does_not_or_cannot_be_parsed(
    body: str, reads: bool | None
) -> None:
    assert reads_user_metadata(body) is reads
