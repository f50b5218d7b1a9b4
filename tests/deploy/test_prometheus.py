"""The scrape config and the rules: promtool takes them, alerts fire on simulated days, they name what fanin exposes."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from proxy.admin.gauges import SERIES
from proxy.demo.payment_export import MONTH, ROUTE, export
from proxy.demo.sidecar import NO_CHECKS, Fanin
from proxy.observe.metrics import Metrics
from tests.deploy.prometheus import PATIENCE, promtool
from tests.observe.factories import GAUGES
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.conftest import Stack

HERE = ROOT / "deploy/prometheus"
RULES = HERE / "fanin.rules.yml"
REQUESTS = 3  # runs of the export


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alert(name: str) -> dict[str, Any]:
    (found,) = (rule for rule in rules() if rule.get("alert") == name)
    return found


def test_promtool_takes_the_scrape_config_and_the_rules_without_a_warning() -> None:
    checked = promtool("check", "config", "--lint=all", "--lint-fatal", HERE / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout
    assert f"SUCCESS: {len(rules())} rules found" in checked.stdout


@pytest.mark.parametrize("tests", sorted(HERE.glob("*.test.yml")), ids=lambda path: str(path.name))
def test_each_alert_fires_where_it_should_and_is_silent_where_it_should_be(tests: Path) -> None:
    run = promtool("test", "rules", tests)
    assert run.returncode == 0, run.stdout


def test_every_alert_is_seen_firing_and_silent_in_the_tests_and_says_what_to_do() -> None:
    expected: dict[str, set[bool]] = {}
    for file in HERE.glob("*.test.yml"):
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            for case in test["alert_rule_test"]:
                expected.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
    alerts = [rule for rule in rules() if "alert" in rule]
    assert expected == {rule["alert"]: {True, False} for rule in alerts}
    for rule in alerts:
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_every_metric_that_the_rules_name_is_one_that_fanin_exposes() -> None:
    body, _ = Metrics(5, lambda: GAUGES).now().render("")
    text = body.decode()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        said = rule["expr"] + json.dumps(rule.get("annotations", {}))
        assert set(re.findall(r"\b\w+:fanin_\w+:\w+", said)) <= recorded
        for name in re.findall(r"(?<![:\w])fanin_\w+", said):
            base = re.sub(r"_(total|sum|count|bucket)$", "", name)
            assert base.removeprefix("fanin_") in SERIES, name
            kind = re.search(rf"^# TYPE ({base}(?:_total)?) (\w+)$", text, re.MULTILINE)
            assert kind is not None
            assert name == kind[1] or (kind[2] == "histogram" and name != base), f"{name} is a {kind[2]}"


async def healthy_export(url: str, token: str, trace: str) -> None:
    """The payment export as it should be: the list of trackings, and one call for all profiles."""
    headers = {"Authorization": f"Bearer {token}", "X-Fanin-Trace": trace, "X-Fanin-Route": ROUTE}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        trackings = await session.get(f"/monthly_tracking?select=*&month=eq.{MONTH}&order=month.desc")
        due = [row["creator_id"] for row in await trackings.json() if row["payment_status"] == "due"]
        profiles = await session.get(f"/creator_payout_profiles?select=*&creator_id=in.({','.join(due)})")
        assert await profiles.json()


async def scraped(admin: str) -> dict[str, float]:
    """Queries and traces of the export's route so far."""
    async with aiohttp.ClientSession() as session, session.get(f"{admin}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    found = [sample for family in families for sample in family.samples if sample.labels.get("route") == ROUTE]
    return {sample.name: sample.value for sample in found if sample.labels["kind"] == "explicit"}


async def queries_per_request(stack: Stack, run: Callable[[str, str, str], Awaitable[object]]) -> float:
    """What fanin's own metrics say after a few runs of an application."""
    with Fanin(stack.url, settings=NO_CHECKS) as fanin:
        for number in range(REQUESTS):
            await run(fanin.url, stack.token, f"run {number}")
        seen: dict[str, float] = {}
        async with asyncio.timeout(PATIENCE):
            while seen.get("fanin_trace_queries_count") != REQUESTS:  # a trace closes by itself, and sends no word
                await asyncio.sleep(0.05)
                seen = await scraped(fanin.admin_url)
    return seen["fanin_trace_queries_sum"] / REQUESTS


def counters(route: str, before: float, after: float) -> dict[str, str]:
    """What Prometheus sees of 30 exports in 5 minutes, with a release at the 30th hour, which restarts the sidecars."""
    labels = f'{{job="fanin",instance="a",kind="explicit",route="{route}"}}'
    return {
        f"fanin_trace_queries_sum{labels}": f"0+{30 * before:.0f}x359 0+{30 * after:.0f}x12",
        f"fanin_trace_queries_count{labels}": "0+30x359 0+30x12",
    }


def simulated_day(before: float, after: float) -> dict[str, Any]:
    """The release changes one route and leaves another alone: the alert must tell of the one, and not beforehand."""
    series = counters(ROUTE, before, after) | counters("left alone", before, before)
    rule = alert("FaninQueriesPerTraceUp")
    summary = f"{ROUTE} makes {after:.0f} queries per request, more than yesterday"
    fires = {
        "exp_labels": {"severity": "warning", "job": "fanin", "route": ROUTE},
        "exp_annotations": {"summary": summary, "description": rule["annotations"]["description"]},
    }
    return {
        "interval": "5m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": "30h", "alertname": rule["alert"], "exp_alerts": []},
            {"eval_time": "30h40m", "alertname": rule["alert"], "exp_alerts": [fires]},
        ],
    }


@pytest.mark.stack
@pytest.mark.e2e
async def test_a_deliberately_reintroduced_n_plus_one_makes_the_alert_fire_in_promtools_simulated_day(
    stack: Stack, tmp_path: Path
) -> None:
    """Both releases of the application really run; what fanin counted of them is what the day is made of."""
    before = await queries_per_request(stack, healthy_export)
    after = await queries_per_request(stack, export)
    assert before == 2
    assert after > 10
    file = tmp_path / "day.yml"
    day = {"rule_files": [str(RULES)], "evaluation_interval": "5m", "tests": [simulated_day(before, after)]}
    file.write_text(json.dumps(day), encoding="utf-8")
    run = promtool("test", "rules", file)
    assert run.returncode == 0, run.stdout
