from __future__ import annotations

import pytest

from proxy.schema.aggregate import UnparsedQueryError, aggregate_of_select, parse_aggregate


def test_the_keys_of_a_view_identify_its_rows_where_all_are_shown() -> None:
    found = parse_aggregate("SELECT t.month, sum(t.n) AS total FROM public.t GROUP BY t.month;")
    assert found is not None
    assert ([(key.name, key.column) for key in found.keys], found.unique) == ([("month", "month")], True)
    hidden = parse_aggregate("SELECT month, sum(n) FROM t GROUP BY month, (lower(kind))")
    assert hidden is not None
    assert not hidden.unique


@pytest.mark.parametrize(
    "definition",
    [
        "SELECT id, name FROM t",
        "SELECT id, (SELECT max(n) FROM t) AS most FROM t",
        "SELECT id, sum(n) OVER (PARTITION BY m) FROM t",
    ],
)
def test_a_query_that_groups_no_rows_itself_is_none(definition: str) -> None:
    assert parse_aggregate(definition) is None


def test_what_cannot_be_parsed_is_an_error() -> None:
    with pytest.raises(UnparsedQueryError):
        parse_aggregate("SELECT FROM WHERE (")


def test_a_query_of_its_caller_is_told() -> None:
    found = parse_aggregate("SELECT count(*) AS n FROM t WHERE owner = CURRENT_USER")
    assert found is not None
    assert found.of_caller


def test_the_select_of_a_request_is_a_statement_with_its_names_quoted() -> None:
    found = aggregate_of_select("month,n.sum(),every:count(),Top:n.max()", "public.s")
    assert found is not None
    assert found[1] == (
        'select month as month, sum(n) as sum, count(*) as every, max(n) as "Top" from public.s group by month'
    )


@pytest.mark.parametrize("select", ["*", "id,name", "*,n.sum()", "a(n.sum())", "meta->a,n.sum()", "n.sum()::text"])
def test_other_selects_are_none(select: str) -> None:
    assert aggregate_of_select(select, "t") is None
