"""Samples as a `WriteRequest` of remote write 1.0.

Source: https://prometheus.io/docs/specs/prw/remote_write_spec/. As a message of Protocol Buffers:
WriteRequest {repeated TimeSeries = 1}, TimeSeries {repeated Label = 1, repeated Sample = 2},
Label {string name = 1, string value = 2}, Sample {double value = 1, int64 timestamp = 2, milliseconds}.
A series' labels are sorted by name, its samples by time. A store refuses the whole request for one sample that breaks
this, so what could is left out here, whoever wrote it.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import isnan

from chaos.publish.prometheus.samples import LAST_MS, STALE, MetricSeries, Sample

_STALE = struct.pack("<Q", 0x7FF0000000000002)
"""Prometheus' own NaN that ends a series. Source: prometheus/model/value, StaleNaN."""
_DOUBLE = struct.Struct("<d").pack


def write_request(samples: Iterable[Sample]) -> bytes:
    """The message, not compressed."""
    found = by_series(samples)
    return b"".join(_part(0x0A, _labels(series) + _points(points)) for series, points in found.items())


def by_series(samples: Iterable[Sample]) -> dict[MetricSeries, list[Sample]]:
    """The samples of each series, in their order."""
    found: dict[MetricSeries, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.series, []).append(sample)
    return found


def _points(points: Sequence[Sample]) -> bytes:
    """The samples of one series."""
    written: list[bytes] = []
    newest = -1
    for _, at_ms, value in sorted(points, key=_moment):
        if newest < at_ms <= LAST_MS and (value is STALE or not isnan(value)):
            newest = at_ms
            # One byte for the length is enough: 1 + 8 for the value, 1 and at most 7 for the time.
            sample = b"\x09" + (_STALE if value is STALE else _DOUBLE(value)) + b"\x10" + _varint(at_ms)
            written.append(b"\x12" + bytes((len(sample),)) + sample)
    return b"".join(written)


def _moment(sample: Sample) -> int:
    return sample.at_ms


@lru_cache(maxsize=4096)
def _labels(series: MetricSeries) -> bytes:
    """The labels, the name first: `__name__` sorts before them. An empty value means no label."""
    labels = (("__name__", series.name), *((key, value) for key, value in series.labels if value))
    return b"".join(
        _part(0x0A, _part(0x0A, key.encode()) + _part(0x12, value.encode())) for key, value in labels
    )


def _part(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first, the top bit of all but the last set."""
    written = bytearray()
    while number > 0x7F:
        written.append((number & 0x7F) | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
