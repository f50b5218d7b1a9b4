"""A real Prometheus that scrapes a fanin, and its promtool."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from proxy.demo.server import START_TIMEOUT, Server, free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 20.0  # seconds


def find(name: str) -> str:
    """The program that `make test` unpacked, else PATH's; where there is neither, the test is skipped."""
    unpacked = Path(sys.prefix, "prometheus", "usr", "bin", name)
    found = str(unpacked) if unpacked.exists() else shutil.which(name)
    return found or pytest.skip(f"no {name}: neither Debian's package (`make test` fetches it) nor one on PATH")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What promtool says, on both of its outputs."""
    command = [find("promtool"), *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


class Prometheus(Server):
    """`with Prometheus(targets) as prometheus:` scrapes HOST:PORTs four times a second."""

    def __init__(self, targets: Sequence[str]) -> None:
        super().__init__("fanin-prometheus-")
        self._targets = targets
        self.port = 0

    def __enter__(self) -> Self:
        return super().__enter__()

    def _start(self) -> None:
        self.port = free_port()
        jobs = [{"job_name": "fanin", "static_configs": [{"targets": list(self._targets)}]}]
        config = {"global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"}, "scrape_configs": jobs}
        (self.directory / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        arguments = [f"--config.file={self.directory / 'prometheus.yml'}", f"--storage.tsdb.path={self.directory}"]
        arguments += [f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage"]
        child = self._spawn([find("prometheus"), *arguments], env=os.environ, stop=signal.SIGTERM)
        child.wait_until(self._is_ready, timeout=START_TIMEOUT)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of an expression, now."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from error
        return list(body["data"]["result"])

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
