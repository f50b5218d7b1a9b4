"""The dashboard is what its script makes, and a real Prometheus that scraped a real fanin has data for each query."""

from __future__ import annotations

import asyncio
import json
import math
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from proxy.demo.payment_export import ROUTE, export
from proxy.demo.sidecar import Fanin
from tests.deploy.prometheus import KNOWN_AS, PATIENCE, Prometheus
from tests.e2e.support.bursts import get, together
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

HERE = ROOT / "deploy/grafana"
DASHBOARD = json.loads((HERE / "fanin.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


class Query(NamedTuple):
    """One query of a panel, as Grafana would send it for the last half minute and everything chosen."""

    panel: str
    expression: str
    legend: str
    exemplars: bool


def queries() -> list[Query]:
    chosen = {"$__rate_interval": "30s", "$__range": "30s", "$job": ".*", "$instance": ".*", "$route": ".*"}
    found = []
    for panel in PANELS:
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in chosen.items():
                expression = expression.replace(name, value)
            assert "$" not in expression
            found.append(
                Query(panel["title"], expression, target.get("legendFormat", ""), target.get("exemplar", False))
            )
    return found


def test_the_dashboard_is_what_its_script_makes() -> None:
    script = "import dashboard, sys; sys.stdout.write(dashboard.rendered())"
    made = subprocess.run([sys.executable, "-c", script], cwd=HERE, check=True, capture_output=True, text=True)
    assert made.stdout == (HERE / "fanin.json").read_text(encoding="utf-8")


def test_every_panel_says_what_it_shows_and_no_two_have_one_title() -> None:
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"]


def test_the_provisioned_data_source_is_of_the_dashboards_type() -> None:
    (source,) = yaml.safe_load((HERE / "provisioning/datasources/prometheus.yaml").read_text("utf-8"))["datasources"]
    (variable,) = (each for each in DASHBOARD["templating"]["list"] if each["type"] == "datasource")
    assert source["type"] == variable["query"] == "prometheus"
    assert source["isDefault"]


async def work(stack: Stack, fanin: Fanin, run: str) -> None:
    """The payment export, a burst that merges, reads that do not, and an error."""
    await export(fanin.url, stack.token, run)
    burst = [get(f"/creators?select=id&id=eq.{number:032x}", f"X-Fanin-Trace: {run}-burst") for number in range(20)]
    await together(fanin.port, [*burst, get("/creators?select=id&offset=1&limit=1"), get("/nothing?id=eq.1")])


def without_data(prometheus: Prometheus) -> list[str]:
    """The queries that have no number, and those whose legend names a label that their series do not have."""
    missing = []
    for query in queries():
        vector = prometheus.query(query.expression)
        labels = re.findall(r"{{(\w+)}}", query.legend)
        if not any(math.isfinite(float(row["value"][1])) and row["metric"].keys() >= set(labels) for row in vector):
            missing.append(f"{query.panel}: {query.expression}")
    return missing


@pytest.fixture(scope="module")
def scraped(stack: Stack) -> Iterator[tuple[Prometheus, list[str]]]:
    """A Prometheus that scraped a fanin while it worked, and the queries that it had no data for at last."""
    with (
        Fanin(stack.url, settings={"shadow.share": "1", "admin_hosts": KNOWN_AS}) as fanin,
        Prometheus(fanin.admin_port) as prometheus,
    ):
        until, run, missing = time.monotonic() + PATIENCE, 0, ["nothing was asked yet"]
        while missing and time.monotonic() < until:
            asyncio.run(work(stack, fanin, f"run {run}"))
            run, missing = run + 1, without_data(prometheus)
        yield prometheus, missing


@pytest.mark.stack
@pytest.mark.e2e
def test_every_panels_query_returns_data_from_a_prometheus_that_scraped_a_working_fanin(
    scraped: tuple[Prometheus, list[str]],
) -> None:
    _, missing = scraped
    assert not missing, "no data for " + "\n".join(missing)


@pytest.mark.stack
@pytest.mark.e2e
def test_the_dots_of_panels_are_traces(scraped: tuple[Prometheus, list[str]]) -> None:
    prometheus, _ = scraped
    dotted = [query for query in queries() if query.exemplars]
    assert {query.panel for query in dotted} == {"The worst requests", "Time to answer"}
    for query in dotted:
        found = prometheus.exemplars(query.expression, since=0)
        assert any(exemplar["labels"]["trace_id"].startswith("run ") for exemplar in found), query.panel


@pytest.mark.stack
@pytest.mark.e2e
def test_the_choices_above_the_dashboard_have_values(scraped: tuple[Prometheus, list[str]]) -> None:
    prometheus, _ = scraped
    offered: dict[str, set[str]] = {}
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            parts = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            assert parts is not None
            found = [row["metric"].get(parts[2], "") for row in prometheus.query(parts[1])]
            offered[variable["name"]] = set(filter(None, found))  # as Grafana leaves out series without the label
    assert offered["job"] == {"fanin"}
    assert offered["route"] == {ROUTE}
    assert len(offered["instance"]) == 1
