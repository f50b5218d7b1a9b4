"""What the constant parts of expressions come to, and what of an expression never runs."""

from __future__ import annotations

import pytest

from proxy.schema.parsing import parse_expression

ROW = "(owner = auth.uid())"
TRUE = (
    f"CASE WHEN true THEN true ELSE {ROW} END",
    f"CASE WHEN (1 = 2) THEN {ROW} WHEN (1 < 2) THEN true END",
    f"CASE 1 WHEN 1 THEN true ELSE {ROW} END",
    "CASE WHEN public.f() THEN true ELSE true END",
    f"COALESCE(NULL::boolean, true, {ROW})",
    f"((2 > 1) OR {ROW})",
    "((owner IS NULL) OR (owner IS NOT NULL))",
    "(('a'::text = 'b'::text) IS FALSE)",
    "(1 IS NOT NULL)",
    "(1 = ANY (ARRAY[1, 2]))",
    "((1 + 1) = 2)",
    "(1.0 = 1)",
    "EXISTS ( SELECT 1)",
    "(('1'::text)::integer = 1)",
    "(('a'::character varying)::text <> 'b'::text)",
    "('on'::text)::boolean",
)
FALSE = (
    "NULL::boolean",
    f"(false AND {ROW})",
    "CASE WHEN false THEN true END",
    "(1 = NULL::integer)",
    "(NOT (1 = 1))",
    "('a'::text = 'b'::text)",
)
DEPENDS = (
    f"CASE WHEN published THEN true ELSE {ROW} END",
    f"CASE WHEN true THEN {ROW} ELSE true END",
    f"COALESCE({ROW}, true)",
    "EXISTS ( SELECT 1 FROM public.members)",
    "EXISTS ( SELECT public.teams())",
    "('{a}'::jsonb = '{b}'::jsonb)",
    "('01'::uuid = '1'::uuid)",
    "('a'::text < 'b'::text)",
    "(1.5 = (1.5)::integer)",
    "(NULL::boolean OR published)",
    "((owner IS NULL) OR (team IS NOT NULL))",
)


@pytest.mark.parametrize("text", TRUE)
def test_it_is_true_for_each_row(text: str) -> None:
    found = parse_expression(text)
    assert (found.always_true, found.always_false, found.equal_columns) == (True, False, ())


@pytest.mark.parametrize("text", FALSE)
def test_it_lets_no_row_pass(text: str) -> None:
    found = parse_expression(text)
    assert (found.always_true, found.always_false, found.equal_columns) == (False, True, ())


@pytest.mark.parametrize("text", DEPENDS)
def test_it_is_not_said_to_be_the_same_for_each_row(text: str) -> None:
    found = parse_expression(text)
    assert (found.always_true, found.always_false) == (False, False)


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (TRUE[0], []),
        (f"(true OR {ROW})", []),
        (f"(true AND {ROW})", ["auth.uid"]),
        ("CASE WHEN (1 = 1) THEN (owner = auth.uid()) ELSE public.f() END", ["auth.uid"]),
        ("CASE WHEN (1 = 2) THEN (owner = auth.uid()) WHEN published THEN public.f() END", ["public.f"]),
        ("COALESCE(public.f(), true, (owner = auth.uid()))", ["public.f"]),
        ("(CASE WHEN false THEN auth.uid() ELSE NULL::uuid END IS NULL)", []),
        ("CASE WHEN public.f() THEN true ELSE true END", ["public.f"]),
    ],
)
def test_a_call_that_never_runs_is_not_among_the_calls(text: str, calls: list[str]) -> None:
    found = parse_expression(text)
    own = [call for call in found.calls if call.schema]
    assert [call.qualified for call in own] == calls
    assert [text[call.start : call.end] for call in own] == [f"{name}()" for name in calls]
