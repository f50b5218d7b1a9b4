"""Renders metrics for Prometheus, from copies, so that a thread can do it while requests change the counts."""

from collections.abc import Iterator, Mapping

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from proxy.observe.buckets import Buckets
from proxy.observe.series import Series, Values


class Exposition(msgspec.Struct, frozen=True):
    """A snapshot of all series: values, or histograms, by series name."""

    series: Mapping[str, Series]
    values: Mapping[str, Values]
    buckets: Mapping[str, Mapping[tuple[str, ...], Buckets]]

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition in the format that ``accept`` prefers, and its content type.

        It includes the metrics of the process. Only OpenMetrics (``application/openmetrics-text``) has exemplars.
        """
        encoder, content_type = choose_encoder(accept)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(self))
        ProcessCollector(registry=registry)
        return encoder(registry), content_type


class _Families(Collector):
    """Collects every series, also those without a sample."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    def collect(self) -> Iterator[Metric]:
        for name, series in self._exposition.series.items():
            if series.kind == "histogram":
                yield _histogram(name, series, self._exposition.buckets.get(name, {}))
            else:
                yield _plain(name, series, self._exposition.values.get(name, {}))


def _histogram(name: str, series: Series, buckets_by_labels: Mapping[tuple[str, ...], Buckets]) -> Metric:
    family = HistogramMetricFamily(f"fanin_{name}", series.help, labels=series.labels)
    for labels, buckets in buckets_by_labels.items():
        family.add_metric(labels, buckets.cumulative(), buckets.sum)
    return family


def _plain(name: str, series: Series, values: Values) -> Metric:
    family_type = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
    family = family_type(f"fanin_{name}", series.help, labels=series.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
