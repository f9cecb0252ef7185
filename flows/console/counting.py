"""What the console has done since it began, for `/metrics`. The only file that knows Prometheus' client."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "chaoslab_console_requests", "Answers, by method and status.", ["method", "status"], registry=_REGISTRY
)
STREAMS = Gauge("chaoslab_console_streams", "Streams that are open.", registry=_REGISTRY)
UPLOADS = Counter("chaoslab_console_uploads", "Pieces of runs of other machines.", registry=_REGISTRY)
UPLOADED = Counter("chaoslab_console_uploaded_bytes", "Bytes of them.", registry=_REGISTRY)
STORE = Histogram(
    "chaoslab_console_store_seconds",
    "How long the history took to answer.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
    registry=_REGISTRY,
)
RUNS = Gauge(
    "chaoslab_runs", "Runs in the history that have ended, by verdict.", ["verdict"], registry=_REGISTRY
)
LIVE = Gauge("chaoslab_runs_live", "Runs that have not ended.", registry=_REGISTRY)


def uploaded(size: int) -> None:
    """A piece of a run arrived."""
    UPLOADS.inc()
    UPLOADED.inc(size)


def exposition() -> bytes:
    """All of it as Prometheus reads it."""
    return generate_latest(_REGISTRY)
