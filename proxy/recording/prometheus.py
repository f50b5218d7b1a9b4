"""Reads from Prometheus how many requests the sidecars of a fleet answered, by relation.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from proxy.settings.sources import ConfigError

TIMEOUT = 30.0
HOURS = 7 * 24
"""The time of which requests are counted."""
COUNTER, INCREASE = f"fanin_requests_total[{HOURS}h]", f"increase(fanin_requests_total[{HOURS}h])"
BORN = f"(min_over_time({COUNTER}) unless fanin_requests_total offset {HOURS}h)"
"""The first value of series that began in this time: ``increase`` counts from it, and not from zero."""
QUERY = f"sum by (relation, method) (({INCREASE} + {BORN}) or {INCREASE})"
READS = frozenset(("GET", "HEAD"))


class PrometheusError(Exception):
    """Prometheus cannot be asked. The message says why."""


class FleetRequests(msgspec.Struct, frozen=True):
    """Requests of the last ``HOURS`` hours, by relation."""

    reads: Mapping[str, int] = {}
    writes: Mapping[str, int] = {}

    def calls(self, names: set[str]) -> int:
        """Reads and writes of a relation that has these names."""
        return sum(self.reads.get(name, 0) + self.writes.get(name, 0) for name in names)


def read_fleet(url: str) -> FleetRequests:
    """What Prometheus at ``url`` counted. ConfigError for an invalid URL, PrometheusError if it does not answer so."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"--prometheus: '{url}' is not http://HOST:PORT, the address of a Prometheus")
    request = Request(f"{url.rstrip('/')}/api/v1/query?query={quote(QUERY, safe='')}")  # noqa: S310 – checked above
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT) as answer:
            return _counted(json.load(answer)["data"]["result"])
    except HTTPError as error:
        raise PrometheusError(f"{url}: answers {error.code}") from error
    except (OSError, URLError) as error:
        raise PrometheusError(f"{url}: cannot be read: {getattr(error, 'reason', error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PrometheusError(f"{url}: does not answer as Prometheus does: {type(error).__name__}") from error


def _counted(series: list[Any]) -> FleetRequests:
    reads: dict[str, int] = {}
    writes: dict[str, int] = {}
    for one in series:
        relation, method = one["metric"].get("relation", ""), one["metric"].get("method", "")
        counts = reads if method in READS else writes
        if relation and method != "OPTIONS":
            counts[relation] = counts.get(relation, 0) + round(float(one["value"][1]))
    return FleetRequests(reads, writes)
