"""Tables of the history as they are now; `chaos.history.migrations` has how they came to be."""

from sqlalchemy import BigInteger, Boolean, Column, Double, MetaData, Table, Text

METADATA = MetaData()


def _table(name: str, /, **columns: type[Text | BigInteger | Boolean | Double[float]]) -> Table:
    return Table(name, METADATA, *(Column(each.rstrip("_"), kind) for each, kind in columns.items()))


RUNS = _table(
    "runs",
    id=Text, run_id=Text, flow_run=Text, experiment=Text, repository=Text, commit=Text, digest=Text, game_day=Text,
    source=Text, started_by=Text, state=Text, phase=Text, outcome=Text, verdict=Text, severity=Text, why=Text,
    seed=BigInteger, overridden=Boolean, created_ms=BigInteger, started_ms=BigInteger, ended_ms=BigInteger,
    machine=Text, worker=Text, folder=Text, store=Text, latency_p95=Double, error_rate=Double, recovery_s=Double,
    cpu_peak=Double, memory_peak=Double, version=Text,
)  # fmt: skip
RESULTS = _table("results", run=Text, result=Text, analysis_model=Text)
STEPS = _table(
    "steps",
    run=Text, n=BigInteger, name=Text, fault=Text, mechanism=Text, kind=Text, landed=Boolean, asked=Double,
    delivered=Double, low=Double, high=Double,
)  # fmt: skip
STEADY_STATES = _table(
    "steady_states", run=Text, n=BigInteger, name=Text, verdict=Text, bad_share=Double, recovery_s=Double
)
LABELS = _table("labels", run=Text, key=Text, value=Text)
ARTIFACTS = _table(
    "artifacts", run=Text, name=Text, bytes=BigInteger, sha256=Text, where=Text, delivered_ms=BigInteger
)
TALLIES = _table("tallies", repository=Text, experiment=Text, outcome=Text, verdict=Text, n=BigInteger)
"""How many ended runs there are of each kind: counted as they are written, for nobody counts a million of them."""
DAYS = _table(
    "days",
    id=Text, name=Text, repository=Text, digest=Text, verdict=Text, score=BigInteger, coverage=Double,
    started_ms=BigInteger, ended_ms=BigInteger, state=Text, folder=Text, fold=Text,
)  # fmt: skip
DAY_RUNS = _table("day_runs", day=Text, run=Text, stage=Text, n=BigInteger)
REQUESTS = _table("requests", principal=Text, key=Text, body_sha256=Text, run=Text, at_ms=BigInteger)
TOKENS = _table(
    "tokens", name=Text, role=Text, sha256=Text, expires_ms=BigInteger, last_used_ms=BigInteger,
    revoked_ms=BigInteger,
)  # fmt: skip
AUDIT = _table(
    "audit", id=BigInteger, at_ms=BigInteger, who=Text, from_=Text, what=Text, on=Text, answer=Text
)
META = _table("meta", key=Text, value=Text)
