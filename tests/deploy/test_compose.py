"""compose.yaml by its schema, and what it refers to; what it describes serves and merges on the real servers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from proxy.demo.stack import PostgREST
from proxy.settings.loading import load
from tests.conftest import SECRET
from tests.deploy.manifests import DEPLOY, read
from tests.deploy.prometheus import KNOWN_AS
from tests.deploy.test_image import rests
from tests.e2e.support.bursts import get, statement_counter, together
from tests.e2e.support.harness import fanin_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack

SERVICES: dict[str, Any] = read("compose.yaml")["services"]
IN_IMAGE = dict(pair.split("=") for pair in re.findall(r"FANIN_\w+=\S+", rests("ENV")[0]))


def mounted(service: str) -> dict[str, Path]:
    """Files and folders of ours by where the service sees them."""
    parts = [volume.split(":") for volume in SERVICES[service]["volumes"] if volume.startswith(".")]
    assert all(mode == "ro" for *_, mode in parts)
    return {target: (DEPLOY / source).resolve() for source, target, _ in parts}


def test_it_is_a_compose_file() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_every_file_that_it_mounts_is_there_and_nothing_is_published_beyond_this_machine() -> None:
    for name, service in SERVICES.items():
        assert "build" in service or re.fullmatch(r"[\w/]+:v?[\d.]+", service["image"]), name
        for source in mounted(name).values() if "volumes" in service else ():
            assert source.exists(), f"{name} mounts {source}"
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name} publishes {port}"


def test_prometheus_scrapes_fanins_port_and_finds_its_rules() -> None:
    files = mounted("prometheus")
    config = read("prometheus/prometheus.yml")
    for rules in config["rule_files"]:
        assert files[f"/etc/prometheus/{rules}"] == DEPLOY / "prometheus" / rules
    (job,) = config["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    name, _, port = target.partition(":")
    assert name in SERVICES
    assert port == IN_IMAGE["FANIN_ADMIN"].rpartition(":")[2]
    assert SERVICES[name]["environment"]["FANIN_ADMIN_HOSTS"] == name == KNOWN_AS


def test_prometheus_keeps_what_alerts_compare_with_and_exemplars() -> None:
    """Where a command is given, the image's own is gone, and with it the paths."""
    flags = dict(flag.removeprefix("--").split("=") for flag in SERVICES["prometheus"]["command"])
    assert flags["config.file"] in mounted("prometheus")
    assert flags["enable-feature"] == "exemplar-storage"
    (kept,) = (volume.split(":") for volume in SERVICES["prometheus"]["volumes"] if not volume.startswith("."))
    assert kept[1] == flags["storage.tsdb.path"]
    assert kept[0] in read("compose.yaml")["volumes"]


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    files = mounted("grafana")
    (source,) = read("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert source["url"].removeprefix("http://") in [
        f"prometheus:{port.split(':')[2]}" for port in SERVICES["prometheus"]["ports"]
    ]
    (provider,) = read("grafana/provisioning/dashboards/fanin.yaml")["providers"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(provider["options"]["path"] + "/")
    assert json.loads(files[home].read_text(encoding="utf-8"))["uid"] == "fanin"
    assert files["/etc/grafana/provisioning"] == DEPLOY / "grafana/provisioning"


def test_fanin_is_given_time_to_drain_and_settings_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    fanin = SERVICES["fanin"]
    for name, value in {**IN_IMAGE, **fanin["environment"]}.items():
        monkeypatch.setenv(name, value)
    _, flag, target = fanin["command"]
    assert flag == "--config"
    loaded = load({}, mounted("fanin")[target])
    assert not loaded.warnings
    assert loaded.settings.upstream == "http://postgrest:3000"
    assert (
        int(fanin["stop_grace_period"].removesuffix("s")) > loaded.settings.drain.delay + loaded.settings.drain.timeout
    )


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[str]:
    """A database with the schema that the file mounts; its name as the last part of the URL."""
    connection = await asyncpg.connect(stack.dsn)
    url = stack.dsn.rpartition("/")[0] + "/compose"
    try:
        await connection.execute("create database compose")
        inside = await asyncpg.connect(url)
        (schema,) = mounted("db").values()
        await inside.execute(schema.read_text(encoding="utf-8"))
        await inside.close()
        yield url
    finally:
        await connection.execute("drop database compose with (force)")
        await connection.execute("drop role web")
        await connection.execute("drop role web_anon")
        await connection.close()


@pytest.mark.stack
@pytest.mark.e2e
async def test_the_stack_that_it_describes_serves_and_merges(stack: Stack, database: str) -> None:
    """The same schema, roles, password and settings, on the servers of the tests."""
    environment = SERVICES["postgrest"]["environment"]
    there = re.compile(r"@db:5432/postgres$")
    here = database.partition("@")[2]
    dsn = there.sub(f"@{here}", environment["PGRST_DB_URI"])
    uri = there.sub(f"@{here}", SERVICES["fanin"]["environment"]["FANIN_DB_URI"])
    names = {"db-schemas": "PGRST_DB_SCHEMAS", "db-anon-role": "PGRST_DB_ANON_ROLE"}
    served = {setting: environment[name] for setting, name in names.items()}
    requests = [get(f"/payout_profiles?select=*&creator_id=eq.{number}") for number in range(1, 21)]
    (config,) = mounted("fanin").values()
    with PostgREST(dsn, secret=SECRET, settings=served) as postgrest:
        async with (
            statement_counter(stack.dsn) as counter,
            fanin_program(postgrest.url, "--config", str(config), "--db-uri", uri) as fanin,
        ):
            await counter.reset()
            answers = await together(fanin.port, requests)
            calls = await counter.statements()
    assert [json.loads(answer.body)[0]["creator_id"] for answer in answers] == list(range(1, 21))
    assert calls < len(requests)
