"""Renders metrics for Prometheus, from copies, so that a thread can do it while requests change the counts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from proxy.observe.buckets import Buckets
from proxy.observe.series import Series, Values

T = TypeVar("T")
SLICE = 50
"""Series, and samples, between two pauses: about half a millisecond."""


class Exposition(msgspec.Struct, frozen=True):
    """A snapshot of all series: values, or histograms, by series name."""

    series: Mapping[str, Series]
    values: Mapping[str, Values]
    buckets: Mapping[str, Mapping[tuple[str, ...], Buckets]]

    def render(self, accept: str, pause: Callable[[], None] = lambda: None) -> tuple[bytes, str]:
        """The exposition in the format that ``accept`` prefers, and its content type. ``pause`` is called after every
        ``SLICE`` series and samples: a thread that renders would else hold Python's lock (GIL) for 5 ms at a time.

        It includes the metrics of the process. Only OpenMetrics (``application/openmetrics-text``) has exemplars.
        """
        encoder, content_type = choose_encoder(accept)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(self, pause))
        ProcessCollector(registry=registry)
        return encoder(registry), content_type


class _Families(Collector):
    """Collects every series, also those without a sample."""

    def __init__(self, exposition: Exposition, pause: Callable[[], None]) -> None:
        self._exposition = exposition
        self._pause = pause

    def collect(self) -> Iterator[Metric]:
        for name, series in self._exposition.series.items():
            if series.kind == "histogram":
                family = _histogram(name, series, self._exposition.buckets.get(name, {}), self._pause)
            else:
                family = _plain(name, series, self._exposition.values.get(name, {}), self._pause)
            family.samples = _PausingList(family.samples, self._pause)
            yield family


class _PausingList(list[Sample]):
    """Samples, with a pause between slices of them while they are iterated over."""

    def __init__(self, samples: Iterable[Sample], pause: Callable[[], None]) -> None:
        super().__init__(samples)
        self._pause = pause

    def __iter__(self) -> Iterator[Sample]:
        return _with_pauses(super().__iter__(), self._pause)


def _with_pauses(items: Iterable[T], pause: Callable[[], None]) -> Iterator[T]:
    for number, item in enumerate(items):
        if number % SLICE == SLICE - 1:
            pause()
        yield item


def _histogram(
    name: str, series: Series, buckets_by_labels: Mapping[tuple[str, ...], Buckets], pause: Callable[[], None]
) -> Metric:
    family = HistogramMetricFamily(f"fanin_{name}", series.help, labels=series.labels)
    for labels, buckets in _with_pauses(buckets_by_labels.items(), pause):
        family.add_metric(labels, buckets.cumulative(), buckets.sum)
    return family


def _plain(name: str, series: Series, values: Values, pause: Callable[[], None]) -> Metric:
    family_type = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
    family = family_type(f"fanin_{name}", series.help, labels=series.labels)
    for labels, value in _with_pauses(values.items(), pause):
        family.add_metric(labels, value)
    return family
