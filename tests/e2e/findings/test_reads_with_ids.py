"""Equal reads with an id in each are found, and share no call unless the setting that the finding names is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.e2e.support.bursts import get, one_by_one, statement_counter, together
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import until

if TYPE_CHECKING:
    from tests.conftest import Stack
    from tests.e2e.support.harness import RawAnswer

pytestmark = [pytest.mark.e2e, pytest.mark.stack]

READS = 5
LIST = "/creators?select=handle&order=handle&limit=3"
PATIENT: dict[str, Any] = {"merge__deadline_floor": 10.0, "trace__quiet_explicit": 30.0}
"""However busy the machine is, a trace is one."""


async def played(
    stack: Stack, headers: list[str], in_turn: bool = False, **changes: Any
) -> tuple[list[RawAnswer], int, list[dict[str, Any]]]:
    """The answers to one read with each of ``headers``, Postgres' statements for them, and what FAN003 found."""
    lines = (f"Authorization: Bearer {stack.token}", "X-Fanin-Trace: one")
    requests = [get(LIST, *lines, header) for header in headers]
    async with statement_counter(stack.dsn) as counter, fanin_with_admin(stack.url, **PATIENT | changes) as seen:
        await counter.reset()
        port = seen.sidecar.port
        answers = await (one_by_one(f"http://127.0.0.1:{port}", requests) if in_turn else together(port, requests))
        statements = await counter.statements()
        await seen.close("one")
        await until(lambda: seen.kept["kept_traces"])
        found = (await seen.api("/api/findings"))["findings"]
    return answers, statements, [one["finding"] for one in found if one["finding"]["code"] == "FAN003"]


HEADERS = {
    "x-request-id": [f"X-Request-Id: {uuid4()}" for _ in range(READS)],
    "x-call-id": [f"X-Call-Id: {number}" for number in range(READS)],
    "idempotency-key": [f"Idempotency-Key: k-{number}" for number in range(READS)],
}


@pytest.mark.parametrize("name", HEADERS)
async def test_each_read_is_sent_and_found_and_the_setting_that_is_named_shares_them(stack: Stack, name: str) -> None:
    answers, statements, (finding,) = await played(stack, HEADERS[name])
    assert statements == READS, "identities are exact where calls are shared"
    assert finding["title"] == f"{READS} equal reads of creators, but for {name}"
    assert (
        f'{name} is new in each, so that they share no call. If no SQL reads it: identity.also_neutral = ["{name}"]'
        in (finding["evidence"])
    )
    shared, statements, (finding,) = await played(stack, HEADERS[name], identity__also_neutral=[name])
    assert statements == 1
    assert {answer.body for answer in [*answers, *shared]} == {answers[0].body}
    assert finding["title"] == f"{READS} equal reads of creators"
    assert not [text for text in finding["evidence"] if name in text]


async def test_reads_in_turn_are_found_with_the_header_and_without_a_setting_that_would_not_help(stack: Stack) -> None:
    _, statements, (finding,) = await played(stack, HEADERS["x-call-id"], in_turn=True)
    assert statements == READS
    assert finding["title"] == f"{READS} equal reads of creators, but for x-call-id"
    assert "also_neutral" not in " ".join(finding["evidence"])


async def test_callers_that_a_header_tells_apart_repeat_nothing(stack: Stack) -> None:
    _, statements, found = await played(stack, [f"X-Tenant: t-{number}" for number in range(READS)])
    assert (statements, found) == (READS, [])
