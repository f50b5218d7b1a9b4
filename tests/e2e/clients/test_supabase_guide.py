"""docs/how-to/supabase.md: its client sends the data calls through fanin and nothing else, and it warns rightly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from proxy.observe.events import Event, RequestAnswered, UpstreamCalled
from tests.docs.pages import code_blocks
from tests.e2e.support.harness import fanin
from tests.e2e.support.script_runner import output_of
from tests.e2e.support.supabase_gateway import Gateway, creator_ids
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
COUNT = 20


class GuideRun(NamedTuple):
    """What each way of making the client came to, and which requests fanin was asked, by path's first part."""

    ways: dict[str, dict[str, Any]]
    wanted: list[str]
    project: str
    sidecar: str
    data: int
    calls: int
    others: int


@pytest.fixture
async def guide_run(stack: Stack) -> GuideRun:
    (snippet,) = code_blocks(ROOT / "docs/how-to/supabase.md", "js")
    events: list[Event] = []
    async with (
        Gateway(stack.url).running() as gateway,
        fanin(gateway.url, profile="supabase", mount="auto", merge__deadline_floor=10.0) as sidecar,
    ):
        sidecar._events.subscribe(events.append)
        wanted = await creator_ids(stack, COUNT)
        project = gateway.url.replace("127.0.0.1", "localhost")  # so that the names of the two differ
        here = f"http://127.0.0.1:{sidecar.port}"
        ways = await output_of("supabase_guide.cjs", stack.token, json.dumps(wanted), snippet, project, here)
    data = sum(isinstance(event, RequestAnswered) and event.span.relation != "" for event in events)
    calls = sum(isinstance(event, UpstreamCalled) and event.kind != "outside" for event in events)
    others = sum(isinstance(event, UpstreamCalled) and event.kind == "outside" for event in events)
    return GuideRun(ways, wanted, project, here, data, calls, others)


async def test_the_guides_client_sends_data_through_fanin_and_all_else_to_the_project(guide_run: GuideRun) -> None:
    """Both clients that know fanin read through it; only the one that is given its URL asks it for the user."""
    for way in ("before", "guided", "whole"):
        assert guide_run.ways[way]["rows"] == guide_run.wanted, way
    assert guide_run.data == 2 * COUNT
    assert guide_run.calls < guide_run.data
    assert guide_run.others == 1
    guided = guide_run.ways["guided"]
    assert guided == guide_run.ways["before"]
    assert guided["asset"].startswith(f"{guide_run.project}/storage/v1/object/public/")
    assert guided["login"].startswith(f"{guide_run.project}/auth/v1/authorize")
    assert guided["session"] == "sb-localhost-auth-token"


async def test_fanins_url_for_all_makes_the_addresses_and_the_cookie_that_the_guide_warns_of(
    guide_run: GuideRun,
) -> None:
    whole = guide_run.ways["whole"]
    assert whole["asset"].startswith(f"{guide_run.sidecar}/storage/v1/")
    assert whole["login"].startswith(f"{guide_run.sidecar}/auth/v1/")
    assert whole["session"] == "sb-127-auth-token"
