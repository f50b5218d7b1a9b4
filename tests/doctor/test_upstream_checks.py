"""Checks of upstream's answers: what the end-to-end tests have no server for."""

from __future__ import annotations

import pytest

from proxy.doctor.probe import ProbedAnswer, UpstreamFacts
from proxy.doctor.upstream_checks import answer_headers, clock, max_rows
from proxy.http1.head import parse_fields
from proxy.postgrest.response.gateway import POSTGREST, SUPABASE, Gateway
from proxy.settings.loading import load
from proxy.upstream.facts.discovery import Discovered


def answer(*lines: str, skew: float | None = 0.0) -> ProbedAnswer:
    fields = parse_fields("\r\n".join(lines).encode(), "FANIN102") if lines else ()
    return ProbedAnswer(200, fields, b"", 0.001, skew)


def facts(*reads: ProbedAnswer, gateway: Gateway = POSTGREST, rows: int = 0) -> UpstreamFacts:
    skew = reads[0].skew if reads else None
    return UpstreamFacts(Discovered("/", b"", gateway), answer(skew=skew), True, reads=reads, most_rows=rows)


@pytest.mark.parametrize(
    ("skew", "state", "word"),
    [(0.0, "ok", ""), (31.0, "warning", "ahead"), (-9e4, "warning", "behind"), (None, "unknown", "")],
)
def test_the_clocks_may_differ_by_what_tokens_allow(skew: float | None, state: str, word: str) -> None:
    (check,) = clock(facts(answer(skew=skew)), load({}).settings).checks
    assert check.state == state
    assert word in check.text


def test_headers_of_a_known_gateway_and_a_cookie_that_cannot_be_shared() -> None:
    kong = [answer(f"x-kong-request-id: {n}", "via: kong", "date: x") for n in range(3)]
    assert answer_headers(facts(*kong, gateway=SUPABASE), load({}).settings).checks[0].state == "ok"
    told = answer_headers(facts(*kong), load({}).settings)
    assert [check.text.partition(":")[0] for check in told.checks] == [
        "x-kong-request-id differs per call", "via is in each answer"
    ]  # fmt: skip
    cookie = answer_headers(facts(answer("set-cookie: a=b")), load({}).settings)
    assert (cookie.checks[0].state, cookie.changes) == ("warning", ())


def test_a_setting_of_rows_that_answers_exceed_is_told() -> None:
    told = max_rows(facts(answer(), rows=500), load({"merge.max_rows": 100}).settings)
    assert (told.checks[0].state, told.changes[0].line) == ("warning", "merge.max_rows = 500")
    assert max_rows(facts(answer(), rows=20_000), load({}).settings).checks[0].state == "ok"
