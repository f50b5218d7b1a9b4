"""Counts as Prometheus reads them. Made from copies, so that a thread can do it while traffic goes on."""

from collections.abc import Iterator, Mapping

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from proxy.observe.buckets import Buckets
from proxy.observe.series import Series, Values


class Exposition(msgspec.Struct, frozen=True):
    """All there is to tell at one moment: of each series its values, or its histograms."""

    series: Mapping[str, Series]
    values: Mapping[str, Values]
    buckets: Mapping[str, Mapping[tuple[str, ...], Buckets]]

    def render(self, accept: str) -> tuple[bytes, str]:
        """In the format that ``accept`` prefers, with its content type; only OpenMetrics
        (``application/openmetrics-text``) has exemplars. The process itself is shown too.
        """
        encoder, content_type = choose_encoder(accept)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(self))
        ProcessCollector(registry=registry)
        return encoder(registry), content_type


class _Families(Collector):
    """Every series, also those without a sample."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    def collect(self) -> Iterator[Metric]:
        for name, series in self._exposition.series.items():
            if series.kind == "histogram":
                yield _histogram(name, series, self._exposition.buckets.get(name, {}))
            else:
                yield _plain(name, series, self._exposition.values.get(name, {}))


def _histogram(name: str, series: Series, found: Mapping[tuple[str, ...], Buckets]) -> Metric:
    family = HistogramMetricFamily(f"fanin_{name}", series.help, labels=series.labels)
    for labels, buckets in found.items():
        family.add_metric(labels, buckets.cumulative(), buckets.sum)
    return family


def _plain(name: str, series: Series, values: Values) -> Metric:
    made = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
    family = made(f"fanin_{name}", series.help, labels=series.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
