"""Conditions of PostgREST's statements are read back into parameters."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from proxy.sql.expressions import UnwritableError
from proxy.sql.pgrst_filters import column_of, params_of


def parsed(text: str) -> exp.Expr:
    where: exp.Expr = sqlglot.parse_one(f"select * from t where {text}", read="postgres").args["where"].this
    return where


@pytest.mark.parametrize(
    ("where", "params"),
    [
        ("t.a = '?' and t.b <> '?'", ["a=eq.?", "b=neq.?"]),
        ("not t.a = any ('?')", ["a=not.in.?"]),
        ("t.a like any ('?')", ["a=like(any).?"]),
        ("t.a is null and not t.b is true and t.c is not null", ["a=is.null", "b=not.is.true", "c=not.is.null"]),
        ("(t.a > '?' or not (t.b < '?' and t.a is null))", ["or=(a.gt.?,not.and(b.lt.?,a.is.null))"]),
        ("t.a ~ '?' and t.a is distinct from '?'", ["a=match.?", "a=isdistinct.?"]),
        ("t.a @> '?' and t.b <@ '?' and t.c && '?'", ["a=cs.?", "b=cd.?", "c=ov.?"]),
        ("t.id = u.t_id and t.a = '?'", ["a=eq.?"]),
    ],
)
def test_each_operator_is_read_back_and_conditions_of_joins_are_left_out(where: str, params: list[str]) -> None:
    assert list(params_of(parsed(where), "")) == params
    assert list(params_of(parsed(where), "e.")) == [f"e.{param}" for param in params]


@pytest.mark.parametrize("where", ["t.a @@ my_query('?')", "lower(t.a) = '?'", "t.a = 1 + 1", "exists (select 1)"])
def test_what_postgrest_does_not_write_so_is_not_read_back(where: str) -> None:
    with pytest.raises(UnwritableError):
        list(params_of(parsed(where), ""))


def test_a_path_has_its_arrows_but_no_keys() -> None:
    assert column_of(parsed("to_jsonb(t.d)->'?'->>'?'")) == "d->?->>?"
