"""FAN015 tells traces of many different requests from fan-outs of one and from long ones."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules.fan015_chatty_trace import RULE, ChattyTrace, detect
from tests.rules.traces import told, trace

DEFAULTS = RuleSettings().of(RULE)

MANY = [f"{4 - number % 2} of GET /t{number}?id=eq.1" for number in range(10)]
"""35 requests of 10 kinds."""


def test_many_requests_of_many_kinds_are_found_with_the_most_frequent_ones() -> None:
    (seen,) = told(MANY)
    (finding,) = detect(seen, DEFAULTS)
    assert finding.title == "35 requests of 10 kinds in GET /export"
    assert finding.evidence[0] == "4 × GET t0?id=eq.?"
    assert (finding.relation, finding.key) == ("", "FAN015::GET /export:")
    assert finding.expected == "One call instead of the 20 most frequent ones."


def test_the_calls_are_those_of_its_requests_and_one_is_one() -> None:
    (seen,) = told(MANY)
    other = replace(seen.spans[0], number=99, relation="", fingerprint="GET /auth", bypass_reason="outside-mount")
    shared = [replace(span, call=1, shared=35) for span in seen.spans]
    (finding,) = detect(replace(seen, spans=(*shared, replace(other, call=2))), DEFAULTS)
    assert finding.current.startswith("35 requests, 1 upstream call in ")


def test_fewer_requests_or_kinds_are_not() -> None:
    for lines in (MANY[:9], ["3 of GET /a", "40 of GET /b?id=eq.1"], [f"2 of GET /t{number}" for number in range(14)]):
        (seen,) = told(lines)
        assert not list(detect(seen, DEFAULTS))


def test_retries_and_what_is_no_relation_do_not_count() -> None:
    (seen,) = told(MANY)
    retried = [replace(span, retry=number < 6) for number, span in enumerate(seen.spans)]
    assert not list(detect(trace(retried), DEFAULTS))
    (seen,) = told([line.replace("/t", "/rpc/t") for line in MANY])
    assert not list(detect(seen, DEFAULTS))


def test_names_that_postgrest_has_not_accepted_are_not_quoted() -> None:
    (seen,) = told([*MANY, "9 of GET /secret?id=eq.1"])
    failed = [replace(span, status=503 if "secret" in span.fingerprint else 200) for span in seen.spans]
    (finding,) = detect(trace(failed), DEFAULTS)
    assert finding.title.startswith("35 requests of 10 kinds")
    assert "secret" not in repr(finding)
    assert not list(detect(trace([replace(span, status=503) for span in seen.spans]), DEFAULTS))


def test_a_long_trace_and_one_that_may_mix_several_requests_are_not_judged() -> None:
    (seen,) = told(MANY)
    assert not list(detect(replace(seen, end=seen.start + 31), DEFAULTS))
    assert list(
        detect(replace(seen, end=seen.start + 31), RuleSettings(chatty_trace=ChattyTrace(max_seconds=60)).of(RULE))
    )
    assert not list(detect(replace(seen, mixed=True), DEFAULTS))
