"""The code of an error of fanin's own, checked for its shape."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from proxy.errors.codes import FAULTS, MAYBE_SENT_CODES, NOT_SENT_CODES, REFUSED_CODES
from proxy.upstream.overload import MAX_RETRY_AFTER

if TYPE_CHECKING:
    from tests.e2e.support.harness import RawAnswer


def error_code(answer: RawAnswer, method: bytes = b"GET") -> str:
    """The code of a fanin error, checked for the shape that PostgREST's clients expect, and for when to ask again."""
    assert answer.complete
    assert answer.values(b"content-type") == [b"application/json; charset=utf-8"]
    problem = json.loads(answer.body)
    assert list(problem) == ["code", "details", "hint", "message"]
    fault = FAULTS[problem["code"]]
    assert (fault.status, fault.message, fault.hint) == (answer.status, problem["message"], problem["hint"])
    again = fault.code in NOT_SENT_CODES or (fault.code in MAYBE_SENT_CODES and method == b"GET")
    told = answer.values(b"retry-after")
    if fault.code in REFUSED_CODES:
        assert told in [[b"%d" % seconds] for seconds in range(1, MAX_RETRY_AFTER + 1)]
    else:
        assert told == ([b"1"] if again else [])
    return fault.code
