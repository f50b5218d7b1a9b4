"""A name may be shown once PostgREST has accepted it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.observe.confirmed_names import MAX_CHARS, ConfirmedNames
from tests.rules.traces import parallel, span

LINE = "GET /creators?id=eq.1&select=id"
ACCEPTED = span(LINE, 1)


def names_after(*lines: str) -> ConfirmedNames:
    names = ConfirmedNames()
    names.learn([span(line, 1) for line in lines])
    return names


def test_a_query_that_succeeded_once_may_be_shown_even_if_it_fails_later() -> None:
    for status in (200, 404, 500, 0):
        assert names_after(LINE).fingerprint_of(replace(ACCEPTED, status=status)) == "GET creators?id=eq.?&select=id"


def test_a_query_that_never_succeeded_shows_only_a_confirmed_relation() -> None:
    names = names_after(LINE)
    assert names.fingerprint_of(span("GET /creators?secret=eq.1", 1)) == "GET creators?…"
    assert names.fingerprint_of(span("GET /secret?id=eq.1", 1)) == "GET …"
    assert names.fingerprint_of(span("GET /functions/secret", 1)) == "GET …"


def test_an_unknown_method_is_not_shown() -> None:
    assert (
        ConfirmedNames().fingerprint_of(replace(ACCEPTED, method="SECRET", fingerprint="SECRET creators")) == "other …"
    )


@pytest.mark.parametrize(
    "refused",
    [
        replace(ACCEPTED, status=404),
        replace(ACCEPTED, status=400),
        replace(ACCEPTED, status=0),
        replace(ACCEPTED, method="OPTIONS"),
        span("GET /creators?columns=id", 1),
        span("DELETE /creators?on_conflict=id", 1),
        span("PATCH /creators?on_conflict=id", 1),
    ],
)
def test_a_name_that_postgrest_did_not_parse_is_not_confirmed(refused: object) -> None:
    names = ConfirmedNames()
    names.learn([refused])  # type: ignore[list-item]
    assert "creators" not in names.fingerprint_of(refused)  # type: ignore[arg-type]


def test_a_query_refused_for_its_over_long_list_may_be_shown() -> None:
    line = "GET /creators?id=in.(" + ",".join(map(str, range(20_000))) + ")"
    long = span(line, 1)
    assert long.status == 400
    assert names_after(line).fingerprint_of(long) == "GET creators?id=in.?"


def test_the_least_recently_seen_names_are_removed() -> None:
    names = ConfirmedNames(most=6)  # three for each query
    first, *others = (span(f"GET /t{n}?id=eq.1", 1) for n in range(3))
    names.learn([first, others[0], first, others[1]])
    assert names.fingerprint_of(first) != "GET …"
    assert names.fingerprint_of(others[0]) == "GET …"


def test_a_finding_may_be_shown_once_its_names_are_confirmed() -> None:
    from proxy.settings.rules import RuleSettings
    from rules.fan001_n_plus_one_read import RULE, detect

    seen = parallel([f"GET /t?id=eq.{n}" for n in range(6)])
    findings = tuple(detect(seen, RuleSettings().of(RULE)))
    names = ConfirmedNames()
    names.learn([replace(one, status=400) for one in seen.spans])
    assert names.shown_findings(findings) == []
    names.learn(seen.spans)
    assert names.shown_findings(findings) == list(findings)


def test_a_relation_may_be_shown_only_with_the_confirmed_schema() -> None:
    names = names_after(LINE)
    assert names.shown_relation("public.creators") == "public.creators"
    assert names.shown_relation("secret.creators") == "…"
    assert names.shown_relation("") == ""
    assert ConfirmedNames(everything=True).shown_relation("secret.creators") == "secret.creators"


def test_long_names_are_bounded_in_characters() -> None:
    names = ConfirmedNames()
    spans = [span(f"GET /t?select={number}{'a' * 8000}", number) for number in range(1, 1 + MAX_CHARS // 8000 + 9)]
    names.learn(spans)
    assert names.may_show(spans[-1].fingerprint)
    assert not names.may_show(spans[0].fingerprint)
