"""What spans remember of answers: their rows' keys, hashed as literals are, and how many rows there are in all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from proxy.observe.events import Event, RequestAnswered
from tests.e2e.support.bursts import get, one_by_one, together
from tests.e2e.support.harness import fanin

if TYPE_CHECKING:
    from proxy.model import Span
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


async def spans_of(stack: Stack, targets: list[str], *headers: str, **settings: str) -> list[Span]:
    seen: list[Event] = []
    async with fanin(stack.url, **settings) as sidecar:
        sidecar._events.subscribe(seen.append)
        requests = [get(target, f"Authorization: Bearer {stack.token}", *headers) for target in targets]
        answers = await together(sidecar.port, requests)
    assert {answer.status for answer in answers} <= {200, 206}
    return [event.span for event in seen if isinstance(event, RequestAnswered)]


async def some_ids(stack: Stack) -> list[str]:
    request = get("/creators?select=id&order=id&limit=3", f"Authorization: Bearer {stack.token}")
    (answer,) = await one_by_one(stack.url, [request])
    return [row["id"] for row in json.loads(answer.body)]


ONE = "/creators?select=id,email&id=eq.{}"


async def test_a_literal_of_one_request_is_known_again_among_the_keys_of_another_ones_answer(stack: Stack) -> None:
    ids = await some_ids(stack)
    whole = f"/creators?select=id,user_id,email&id=in.({','.join(ids)})&order=id"
    seen = await spans_of(stack, [whole, *map(ONE.format, ids)], detect__row_keys="on", mode="observe")
    (keys,) = [dict(span.row_keys) for span in seen if span.rows == len(ids)]
    assert set(keys) == {"id", "user_id"}
    assert len(set(keys["id"])) == len(ids)
    assert {span.literals[1] for span in seen if span.rows == 1} == set(keys["id"])


async def test_merged_answers_show_their_keys_too_and_by_default_none_are_remembered(stack: Stack) -> None:
    targets = [ONE.format(id_) for id_ in await some_ids(stack)]
    shown = await spans_of(stack, targets, detect__row_keys="on")
    assert all(dict(span.row_keys)["id"] == span.literals[1:] for span in shown)
    assert not any(span.row_keys for span in await spans_of(stack, targets))


async def test_an_exact_count_is_remembered_as_the_number_of_all_rows(stack: Stack) -> None:
    (span,) = await spans_of(stack, ["/creators?select=id&limit=2&offset=1"], "Prefer: count=exact")
    assert (span.rows, span.limit, span.offset) == (2, 2, 1)
    assert span.total > 50
    (span,) = await spans_of(stack, ["/creators?select=id&limit=2"])
    assert span.total == -1
