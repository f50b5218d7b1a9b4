"""A name is shown once upstream has taken it for one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.observe.confirmed_names import ConfirmedNames
from tests.rules.traces import parallel, span

LINE = "GET /creators?id=eq.1&select=id"
TAKEN = span(LINE, 1)


def knowing(*lines: str) -> ConfirmedNames:
    names = ConfirmedNames()
    names.learn([span(line, 1) for line in lines])
    return names


def test_a_query_that_was_answered_is_shown_whatever_comes_of_it_later() -> None:
    for status in (200, 404, 500, 0):
        assert knowing(LINE).of(replace(TAKEN, status=status)) == "GET creators?id=eq.?&select=id"


def test_of_a_query_that_was_never_answered_the_relation_is_shown_when_that_is_known() -> None:
    names = knowing(LINE)
    assert names.of(span("GET /creators?secret=eq.1", 1)) == "GET creators?…"
    assert names.of(span("GET /secret?id=eq.1", 1)) == "GET …"
    assert names.of(span("GET /functions/secret", 1)) == "GET …"


def test_a_method_that_is_none_is_not_shown() -> None:
    assert ConfirmedNames().of(replace(TAKEN, method="SECRET", fingerprint="SECRET creators")) == "other …"


@pytest.mark.parametrize(
    "refused",
    [
        replace(TAKEN, status=404),
        replace(TAKEN, status=400),
        replace(TAKEN, status=0),
        replace(TAKEN, method="OPTIONS"),
        span("GET /creators?columns=id", 1),
        span("DELETE /creators?on_conflict=id", 1),
        span("PATCH /creators?on_conflict=id", 1),
    ],
)
def test_what_upstream_did_not_read_as_a_name_is_none(refused: object) -> None:
    names = ConfirmedNames()
    names.learn([refused])  # type: ignore[list-item]
    assert "creators" not in names.of(refused)  # type: ignore[arg-type]


def test_an_over_long_list_which_is_refused_for_its_length_is_shown() -> None:
    line = "GET /creators?id=in.(" + ",".join(map(str, range(20_000))) + ")"
    long = span(line, 1)
    assert long.status == 400
    assert knowing(line).of(long) == "GET creators?id=in.?"


def test_the_names_not_seen_for_longest_are_forgotten() -> None:
    names = ConfirmedNames(most=6)  # three for each query
    first, *others = (span(f"GET /t{n}?id=eq.1", 1) for n in range(3))
    names.learn([first, others[0], first, others[1]])
    assert names.of(first) != "GET …"
    assert names.of(others[0]) == "GET …"


def test_a_finding_is_shown_with_the_trace_that_shows_its_names() -> None:
    from proxy.settings.rules import RuleSettings
    from rules.fan001_n_plus_one_read import RULE, detect

    seen = parallel([f"GET /t?id=eq.{n}" for n in range(6)])
    found = tuple(detect(seen, RuleSettings().of(RULE)))
    names = ConfirmedNames()
    names.learn([replace(one, status=400) for one in seen.spans])
    assert names.shown(found) == []
    names.learn(seen.spans)
    assert names.shown(found) == list(found)


def test_a_relation_is_shown_under_the_schema_that_upstream_took_and_no_other() -> None:
    names = knowing(LINE)
    assert names.relation("public.creators") == "public.creators"
    assert names.relation("secret.creators") == "…"
    assert names.relation("") == ""
    assert ConfirmedNames(everything=True).relation("secret.creators") == "secret.creators"
