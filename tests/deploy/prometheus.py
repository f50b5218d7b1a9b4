"""A real Prometheus that scrapes a fanin, and its promtool."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Self

import pytest
import yaml

from proxy.demo.server import START_TIMEOUT, StackServer, free_port
from tests.programs import find
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60.0  # seconds


def program(name: str) -> str:
    """What `make test` unpacked, or else what is on PATH; where there is neither, the test is skipped."""
    return find(name) or pytest.skip(f"no {name}: neither Debian's package (`make test` fetches it) nor one on PATH")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What promtool says, on both of its outputs."""
    command = [program("promtool"), *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


CONFIG = ROOT / "deploy/prometheus/prometheus.yml"
OFTEN = "250ms"
KNOWN_AS = "fanin"
"""The name that Prometheus asks for in CONFIG: fanin needs it in admin_hosts."""


class Prometheus(StackServer):
    """`with Prometheus(port) as prometheus:` runs on CONFIG with its rules, all of it more often.

    The target keeps its name, which leads to the admin ``port`` by way of a proxy_url: that takes the whole URL of a
    request, and sends it on as it is.
    """

    def __init__(self, port: int) -> None:
        super().__init__("fanin-prometheus-")
        self._admin_port = port
        self.port = 0

    def __enter__(self) -> Self:
        return super().__enter__()

    def _start(self) -> None:
        self.port = free_port()
        config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
        config["global"] = dict.fromkeys(config["global"], OFTEN) | {"scrape_timeout": OFTEN}
        for job in config["scrape_configs"]:
            job["proxy_url"] = f"http://127.0.0.1:{self._admin_port}"
        for name in config["rule_files"]:
            rules = re.sub(r"interval: \w+", f"interval: {OFTEN}", (CONFIG.parent / name).read_text(encoding="utf-8"))
            (self.directory / name).write_text(rules, encoding="utf-8")
        (self.directory / CONFIG.name).write_text(json.dumps(config), encoding="utf-8")
        arguments = [f"--config.file={self.directory / CONFIG.name}", f"--storage.tsdb.path={self.directory}"]
        arguments += [f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage"]
        child = self._spawn([program("prometheus"), *arguments], env=os.environ, stop=signal.SIGTERM)
        child.wait_until(self._is_ready, timeout=START_TIMEOUT)

    def ask(self, what: str, **parameters: str) -> Any:
        """The data of an answer of its API, https://prometheus.io/docs/prometheus/latest/querying/api/."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?" + urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{what} {parameters}: {error.read().decode()}") from error

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of an expression, now."""
        return list(self.ask("query", query=expression)["result"])

    def exemplars(self, expression: str, since: float) -> list[dict[str, Any]]:
        """What was kept of the series of an expression ``since`` a time of the epoch until now."""
        found = self.ask("query_exemplars", query=expression, start=str(since), end=str(time.time() + 1))
        return [exemplar for series in found for exemplar in series["exemplars"]]

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
