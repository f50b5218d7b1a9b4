"""The load of a finding over the database is what was observed, and no more."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.analysis.workload import Workload
from proxy.audit.load import observed_load
from proxy.findings.model import DatabaseObject
from tests.check.factories import finding
from tests.rules.traces import parallel

FOUND = replace(finding("public.videos"), object=DatabaseObject("index", "public", "videos_a", "videos"))


def test_the_sums_are_those_of_the_requests_for_its_table() -> None:
    trace = parallel(["GET /videos?id=eq.1 → 3 rows, 1 kB, 10 ms", "GET /songs?id=eq.1 → 1 rows, 1 kB, 10 ms"])
    spans = [replace(each, relation=name) for each, name in zip(trace.spans, ("videos", "songs"), strict=True)]
    workload = Workload(10)
    workload.add(replace(trace, route="GET /feed", spans=tuple(spans)))
    load = observed_load(FOUND, workload, ("public",), 0.0)
    assert (load.calls, load.rows, load.routes) == (1, 3, ("GET /feed",))
    assert (load.calls_per_hour, load.ms_per_hour) == (3600.0, 36000.0)  # of one second at least


def test_without_requests_all_sums_are_0() -> None:
    load = observed_load(FOUND, Workload(10), ("public",), 0.0)
    assert (load.calls, load.calls_per_hour, load.rows) == (0, 0.0, 0)


def test_rates_are_of_the_time_in_which_requests_were_observed() -> None:
    workload = Workload(10)
    workload.add(parallel(["GET /videos?id=eq.1 → 3 rows, 1 kB, 10 ms"] * 4))
    assert observed_load(FOUND, workload, ("public",), 2.0).calls_per_hour == 2.0
