"""Prometheus says how many requests a fleet answered; what it does not say is one line."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from proxy.recording.prometheus import QUERY, PrometheusError, read_fleet
from proxy.settings.sources import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def prometheus(body: str, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A server that answers any query with ``body``, and the queries that it got."""
    queries: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            queries.append(parse_qs(urlsplit(self.path).query)["query"][0])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", queries
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def series(relation: str, method: str, value: str) -> dict[str, object]:
    return {"metric": {"relation": relation, "method": method}, "value": [1, value]}


def test_reads_and_writes_are_counted_by_relation() -> None:
    found = [series("public.t", "GET", "10.4"), series("public.t", "HEAD", "2"), series("public.t", "PATCH", "3.6")]
    with prometheus(json.dumps({"data": {"result": [*found, series("", "GET", "9")]}})) as (url, queries):
        fleet = read_fleet(url + "/")
    assert (fleet.reads, fleet.writes) == ({"public.t": 12}, {"public.t": 4})
    assert fleet.calls({"t", "public.t"}) == 16
    assert queries == [QUERY]


@pytest.mark.parametrize(("body", "status"), [("<html>", 200), ("{}", 200), ("", 503), ('{"data": 1}', 200)])
def test_another_answer_is_an_error_that_names_the_address(body: str, status: int) -> None:
    with prometheus(body, status) as (url, _), pytest.raises(PrometheusError, match=url):
        read_fleet(url)


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(PrometheusError, match="cannot be read"):
        read_fleet("http://127.0.0.1:1")


@pytest.mark.parametrize("url", ["127.0.0.1:9090", "file:///etc/passwd", "http://"])
def test_an_invalid_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(ConfigError, match="--prometheus"):
        read_fleet(url)
