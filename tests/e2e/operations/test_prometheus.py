"""A real Prometheus on deploy/'s own scrape config and rules, beside a fanin that works: it has what happened."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from proxy.demo.link import Link
from proxy.demo.payment_export import ROUTE, export
from proxy.demo.sidecar import NO_CHECKS, Fanin
from proxy.recording.prometheus import read_fleet
from tests.deploy.manifests import read
from tests.deploy.prometheus import KNOWN_AS, PATIENCE, Prometheus
from tests.e2e.support.bursts import statement_counter
from tests.e2e.support.harness import PATIENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
RUNS = [f"prometheus-{number}" for number in range(3)]
"""Trace ids of the exports."""
DELAY = 0.2
"""Seconds each way to PostgREST: on a busy machine, too, the profiles are asked for while the first is on its way."""
GROUPS: list[dict[str, Any]] = read("prometheus/fanin.rules.yml")["groups"]


class Workload(NamedTuple):
    """What the application sent and Postgres counted, and a Prometheus that has seen all of it."""

    prometheus: Prometheus
    requests: int
    statements: int
    began: float


@pytest.fixture(scope="module")
def workload(stack: Stack) -> Iterator[Workload]:
    port = urlsplit(stack.url).port
    assert port is not None
    with (
        Link(port, DELAY) as link,
        Fanin(link.url, settings={**NO_CHECKS, **PATIENT, "merge.max_wait": "1", "admin_hosts": KNOWN_AS}) as fanin,
        Prometheus(fanin.admin_port) as prometheus,
    ):
        yield asyncio.run(run_exports(stack, fanin, prometheus))


async def run_exports(stack: Stack, fanin: Fanin, prometheus: Prometheus) -> Workload:
    """The payment export a few times, each seen before the next one begins."""
    began, requests = time.time(), 0
    async with statement_counter(stack.dsn) as counter:
        await counter.reset()
        for number, run in enumerate(RUNS, 1):
            requests += len((await export(fanin.url, stack.token, run)).answers)
            traces = f'fanin_trace_queries_count{{route="{ROUTE}"}}'
            await wait_until_scraped(lambda: value(prometheus, traces) == number)  # noqa: B023
        return Workload(prometheus, requests, await counter.statements(), began)


async def wait_until_scraped(holds: Callable[[], bool]) -> None:
    """Prometheus looks when it looks: wait for that."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - another process sends no word
            await asyncio.sleep(0.05)


def value(prometheus: Prometheus, expression: str) -> float | None:
    """The one number of an expression; None where there is none yet."""
    found = prometheus.query(expression)
    assert len(found) <= 1, found
    return float(found[0]["value"][1]) if found else None


def targets(prometheus: Prometheus) -> list[dict[str, Any]]:
    return list(prometheus.ask("targets", state="active")["activeTargets"])


def test_the_target_is_up_under_the_name_that_the_scrape_config_has(workload: Workload) -> None:
    (target,) = targets(workload.prometheus)
    assert target["scrapeUrl"] == f"http://{KNOWN_AS}:9000/metrics"
    assert (target["health"], target["lastError"]) == ("up", "")
    assert value(workload.prometheus, 'up{job="fanin",instance="fanin:9000"}') == 1


async def test_a_fanin_that_does_not_know_its_name_is_down_to_prometheus(stack: Stack) -> None:
    """Which is why deploy/compose.yaml sets admin_hosts."""
    with Fanin(stack.url) as fanin, Prometheus(fanin.admin_port) as prometheus:
        await wait_until_scraped(lambda: [target["health"] for target in targets(prometheus)] == ["down"])
        assert "403" in targets(prometheus)[0]["lastError"]


def test_requests_are_those_that_the_application_sent(workload: Workload) -> None:
    assert workload.requests > 30
    assert value(workload.prometheus, "sum(fanin_requests_total)") == workload.requests
    assert value(workload.prometheus, 'sum(fanin_requests_total{code="2xx",method="GET"})') == workload.requests
    assert value(workload.prometheus, "sum(fanin_request_duration_seconds_count)") == workload.requests


def test_the_audit_counts_the_requests_of_the_fleet_by_relation(workload: Workload) -> None:
    fleet = read_fleet(f"http://127.0.0.1:{workload.prometheus.port}")
    assert "public.creator_payout_profiles" in fleet.reads or "creator_payout_profiles" in fleet.reads
    assert fleet.writes == {}
    # Prometheus extrapolates by up to an interval between two scrapes.
    assert workload.requests <= sum(fleet.reads.values()) < 2 * workload.requests


def test_upstream_calls_are_the_statements_that_postgres_counted(workload: Workload) -> None:
    assert workload.statements < workload.requests / 2
    assert value(workload.prometheus, "sum(fanin_upstream_calls_total)") == workload.statements
    assert value(workload.prometheus, "sum(fanin_calls_saved)") == workload.requests - workload.statements


def test_queries_per_request_are_there_by_route(workload: Workload) -> None:
    each = workload.requests / len(RUNS)
    chosen = f'{{kind="explicit",route="{ROUTE}"}}'
    assert value(workload.prometheus, f"fanin_trace_queries_sum{chosen}") == workload.requests
    assert value(workload.prometheus, f"fanin_trace_upstream_calls_sum{chosen}") == workload.statements
    low, high = (
        value(workload.prometheus, f'fanin_trace_queries_bucket{{route="{ROUTE}",le="{le}"}}')
        for le in ("1.0", "2000.0")
    )
    assert (low, high) == (0, len(RUNS))
    assert each > 10


def test_exemplars_lead_to_the_traces(workload: Workload) -> None:
    found = workload.prometheus.exemplars("fanin_trace_queries_bucket", workload.began)
    assert {exemplar["labels"]["trace_id"] for exemplar in found} <= set(RUNS)
    assert {float(exemplar["value"]) for exemplar in found} == {workload.requests / len(RUNS)}
    slow = workload.prometheus.exemplars("fanin_request_duration_seconds_bucket", workload.began)
    assert {exemplar["labels"]["trace_id"] for exemplar in slow} & set(RUNS)


async def test_every_rule_is_loaded_and_runs_and_no_alert_fires_for_a_healthy_hour(workload: Workload) -> None:
    def groups() -> list[dict[str, Any]]:
        return list(workload.prometheus.ask("rules")["groups"])

    await wait_until_scraped(lambda: all(rule["health"] != "unknown" for group in groups() for rule in group["rules"]))
    loaded = {group["name"]: group["rules"] for group in groups()}
    assert {name: [rule["name"] for rule in rules] for name, rules in loaded.items()} == {
        group["name"]: [rule.get("alert") or rule["record"] for rule in group["rules"]] for group in GROUPS
    }
    for rule in (rule for rules in loaded.values() for rule in rules):
        assert rule["health"] == "ok", f"{rule['name']}: {rule.get('lastError')}"
        assert not rule.get("alerts"), f"{rule['name']} fires"


async def test_the_recorded_mean_is_the_number_of_requests_of_one_export(workload: Workload) -> None:
    each = workload.requests / len(RUNS)
    recorded = f'route:fanin_trace_queries:mean15m{{route="{ROUTE}"}}'
    await wait_until_scraped(lambda: value(workload.prometheus, recorded) == pytest.approx(each))
