"""A real Prometheus on deploy/'s own scrape config and rules, beside a fanin that works: it has what happened."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from proxy.demo.payment_export import ROUTE, export
from proxy.demo.sidecar import NO_CHECKS, Fanin
from tests.deploy.manifests import read
from tests.deploy.prometheus import KNOWN_AS, PATIENCE, Prometheus
from tests.e2e.support.bursts import counting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
RUNS = [f"prometheus-{number}" for number in range(3)]
"""Trace ids of the exports."""
GROUPS: list[dict[str, Any]] = read("prometheus/fanin.rules.yml")["groups"]


class Worked(NamedTuple):
    """What the application sent and Postgres counted, and a Prometheus that has seen all of it."""

    prometheus: Prometheus
    requests: int
    statements: int
    began: float


@pytest.fixture(scope="module")
def worked(stack: Stack) -> Iterator[Worked]:
    with (
        Fanin(stack.url, settings={**NO_CHECKS, "admin_hosts": KNOWN_AS}) as fanin,
        Prometheus(fanin.admin_port) as prometheus,
    ):
        yield asyncio.run(work(stack, fanin, prometheus))


async def work(stack: Stack, fanin: Fanin, prometheus: Prometheus) -> Worked:
    """The payment export a few times, each seen before the next one begins."""
    began, requests = time.time(), 0
    async with counting(stack.dsn) as counter:
        await counter.reset()
        for number, run in enumerate(RUNS, 1):
            requests += len((await export(fanin.url, stack.token, run)).answers)
            await until(lambda: value(prometheus, f'fanin_trace_queries_count{{route="{ROUTE}"}}') == number)  # noqa: B023
        return Worked(prometheus, requests, await counter.statements(), began)


async def until(holds: Callable[[], bool]) -> None:
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


def test_the_target_is_up_under_the_name_that_the_scrape_config_has(worked: Worked) -> None:
    (target,) = targets(worked.prometheus)
    assert target["scrapeUrl"] == f"http://{KNOWN_AS}:9000/metrics"
    assert (target["health"], target["lastError"]) == ("up", "")
    assert value(worked.prometheus, 'up{job="fanin",instance="fanin:9000"}') == 1


async def test_a_fanin_that_does_not_know_its_name_is_down_to_prometheus(stack: Stack) -> None:
    """Which is why deploy/compose.yaml sets admin_hosts."""
    with Fanin(stack.url) as fanin, Prometheus(fanin.admin_port) as prometheus:
        await until(lambda: [target["health"] for target in targets(prometheus)] == ["down"])
        assert "403" in targets(prometheus)[0]["lastError"]


def test_requests_are_those_that_the_application_sent(worked: Worked) -> None:
    assert worked.requests > 30
    assert value(worked.prometheus, "sum(fanin_requests_total)") == worked.requests
    assert value(worked.prometheus, 'sum(fanin_requests_total{code="2xx",method="GET"})') == worked.requests
    assert value(worked.prometheus, "sum(fanin_request_duration_seconds_count)") == worked.requests


def test_upstream_calls_are_the_statements_that_postgres_counted(worked: Worked) -> None:
    assert worked.statements < worked.requests / 2
    assert value(worked.prometheus, "sum(fanin_upstream_calls_total)") == worked.statements
    assert value(worked.prometheus, "sum(fanin_calls_saved)") == worked.requests - worked.statements


def test_queries_per_request_are_there_by_route(worked: Worked) -> None:
    each = worked.requests / len(RUNS)
    chosen = f'{{kind="explicit",route="{ROUTE}"}}'
    assert value(worked.prometheus, f"fanin_trace_queries_sum{chosen}") == worked.requests
    assert value(worked.prometheus, f"fanin_trace_upstream_calls_sum{chosen}") == worked.statements
    low, high = (
        value(worked.prometheus, f'fanin_trace_queries_bucket{{route="{ROUTE}",le="{le}"}}') for le in ("1.0", "2000.0")
    )
    assert (low, high) == (0, len(RUNS))
    assert each > 10


def test_exemplars_lead_to_the_traces(worked: Worked) -> None:
    found = worked.prometheus.exemplars("fanin_trace_queries_bucket", worked.began)
    assert {exemplar["labels"]["trace_id"] for exemplar in found} <= set(RUNS)
    assert {float(exemplar["value"]) for exemplar in found} == {worked.requests / len(RUNS)}
    slow = worked.prometheus.exemplars("fanin_request_duration_seconds_bucket", worked.began)
    assert {exemplar["labels"]["trace_id"] for exemplar in slow} & set(RUNS)


async def test_every_rule_is_loaded_and_runs_and_no_alert_fires_for_a_healthy_hour(worked: Worked) -> None:
    def groups() -> list[dict[str, Any]]:
        return list(worked.prometheus.ask("rules")["groups"])

    await until(lambda: all(rule["health"] != "unknown" for group in groups() for rule in group["rules"]))
    loaded = {group["name"]: group["rules"] for group in groups()}
    assert {name: [rule["name"] for rule in rules] for name, rules in loaded.items()} == {
        group["name"]: [rule.get("alert") or rule["record"] for rule in group["rules"]] for group in GROUPS
    }
    for rule in (rule for rules in loaded.values() for rule in rules):
        assert rule["health"] == "ok", f"{rule['name']}: {rule.get('lastError')}"
        assert not rule.get("alerts"), f"{rule['name']} fires"


async def test_the_recorded_mean_is_the_number_of_requests_of_one_export(worked: Worked) -> None:
    each = worked.requests / len(RUNS)
    recorded = f'route:fanin_trace_queries:mean15m{{route="{ROUTE}"}}'
    await until(lambda: value(worked.prometheus, recorded) == pytest.approx(each))
