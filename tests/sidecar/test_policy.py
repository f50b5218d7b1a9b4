"""Which requests are merged, compared or only passed on, by the settings that hold for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from proxy.merging.comparing.probation import ProbationFetcher
from proxy.merging.comparing.shadow import SampledFetcher
from proxy.merging.kept.fills import CachedReads
from proxy.merging.kept.trace_memory import TraceMemories
from proxy.observe.events import Events
from proxy.postgrest.response.gateway import POSTGREST
from proxy.sidecar.policy import RequestPolicy, policies
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.client import Upstream
from proxy.upstream.mount import Mount
from proxy.upstream.state import UpstreamState
from tests.e2e.support.harness import settings

if TYPE_CHECKING:
    from proxy.settings.overrides import ByRequest


def policies_of(**changes: Any) -> ByRequest[RequestPolicy]:
    start = settings("http://127.0.0.1:1", **changes)
    client = Upstream(start, lambda: 0.0)
    context = UpstreamContext(client, client.calls, Mount(b"", b""), POSTGREST, Events(), lambda: 0.0)
    return policies(start, UpstreamState(start, context), TraceMemories(1000, 1000, 10), CachedReads(1000))


@pytest.mark.parametrize(
    ("mode", "level", "merges", "compares"),
    [
        ("rewrite", "rewrite", True, False),
        ("rewrite", "report", False, False),
        ("shadow", "rewrite", False, True),
        ("shadow", "report", False, False),
        ("observe", "rewrite", False, False),
        ("pass", "rewrite", False, False),
    ],
)
async def test_a_request_is_merged_or_compared_by_the_mode_and_by_the_level_of_its_rule(
    mode: str, level: str, merges: bool, compares: bool
) -> None:
    policy = policies_of(mode=mode, rules__fan001=level).default
    assert policy.merges is merges
    assert (policy.shadow is not None) is compares


async def test_in_mode_rewrite_a_share_of_merged_calls_is_compared_unless_the_share_is_0() -> None:
    assert isinstance(policies_of(mode="rewrite", shadow__share=0.01).default.merger._fetcher, SampledFetcher)
    assert isinstance(policies_of(mode="rewrite", shadow__share=0).default.merger._fetcher, ProbationFetcher)


async def test_a_relation_with_settings_of_its_own_has_a_policy_of_its_own() -> None:
    override = {"relation": "videos", "rules": {"fan001": "report"}}
    every = policies_of(mode="rewrite", override=[override])
    assert every.of("public.videos", "").merges is False
    assert every.of("public.songs", "") is every.default
    assert len(every.all) == 2


async def test_all_policies_share_the_limit_on_fallbacks_and_no_window() -> None:
    override = {"relation": "videos", "merge": {"ties": "any"}}
    every = policies_of(mode="rewrite", merge__fallbacks=3, override=[override])
    own, default = every.of("public.videos", ""), every.default
    assert own.fallbacks is default.fallbacks
    assert own.merger is not default.merger
    assert own.merger.batcher is not default.merger.batcher


async def test_a_policy_under_which_nobody_waits_is_not_busy() -> None:
    policy = policies_of(mode="rewrite").default
    assert not policy.busy
    policy.chunker.in_progress += 1
    assert policy.busy


@pytest.mark.parametrize(
    ("mode", "fan001", "fan002", "prefetches"),
    [
        ("rewrite", "rewrite", "rewrite", True),
        ("rewrite", "rewrite", "report", False),
        ("rewrite", "report", "rewrite", False),
        ("shadow", "rewrite", "rewrite", False),
        ("observe", "rewrite", "rewrite", False),
    ],
)
async def test_loops_are_prefetched_only_where_merging_and_prefetching_are_on(
    mode: str, fan001: str, fan002: str, prefetches: bool
) -> None:
    policy = policies_of(mode=mode, rules__fan001=fan001, rules__fan002=fan002).default
    assert (policy.prefetcher is not None) == prefetches


async def test_loops_can_be_prefetched_for_one_relation_or_route() -> None:
    override = [{"relation": "videos", "rules": {"fan002": "rewrite"}}, {"route": "/x", "rules": {"fan002": "rewrite"}}]
    policy = policies_of(override=override)
    assert policy.default.prefetcher is None
    assert policy.of("public.videos", "").prefetcher is not None
    assert policy.of("public.rushes", "/x").prefetcher is not None
