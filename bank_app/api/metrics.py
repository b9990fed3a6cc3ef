"""Numbers for Prometheus: requests by route, and the pools of connections. No names, no amounts, no secrets."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy.pool import QueuePool

from bank_app.database import Database
from bank_app.services import posting, vitals, work
from bank_app.services.hashing import desk

CONTENT_TYPE = CONTENT_TYPE_LATEST
_NOT_ASKED_BY_PEOPLE = frozenset({"/healthz", "/readyz", "/metrics"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Pools(Collector):
    """Connections in use and kept, asked at the moment of the scrape."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterator[GaugeMetricFamily]:
        used = GaugeMetricFamily("bank_database_connections_used", "Database connections in use.", labels=["pool"])
        kept = GaugeMetricFamily("bank_database_connections_idle", "Database connections kept idle.", labels=["pool"])
        for name, engine in (("writing", self._db.writing), ("reading", self._db.reading)):
            if isinstance(engine.pool, QueuePool):
                used.add_metric([name], engine.pool.checkedout())
                kept.add_metric([name], engine.pool.checkedin())
        yield used
        yield kept


class _Posting(Collector):
    """The posting queue, asked at the moment of the scrape."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        queue = posting.of(self._db)
        yield GaugeMetricFamily("bank_posting_waiting", "Orders that wait for their turn.", value=queue.waiting)
        done = queue.figures
        for name, said, value in (
            ("orders", "Orders accepted.", done.orders),
            ("groups", "Units of work in which they were posted.", done.groups),
            ("set_aside", "Orders that waited for a row that others held.", done.set_aside),
            ("refused", "Orders turned away because too many waited.", done.refused_overloaded),
        ):
            yield CounterMetricFamily(f"bank_posting_{name}", said, value=value)


class _Work(Collector):
    """What people's requests cost, and what was refused for it, asked at the moment of the scrape."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        done = work.of(self._db).figures
        yield GaugeMetricFamily("bank_large_running", "Large things under way.", value=done.running)
        yield GaugeMetricFamily("bank_large_waiting", "Parts of them that wait for a thread.", value=done.waiting)
        yield CounterMetricFamily("bank_work_units", "Work that was charged, in rows read.", value=done.units)
        ended = CounterMetricFamily("bank_large_ended", "Large things that are over.", labels=["how"])
        ended.add_metric(["finished"], done.finished)
        ended.add_metric(["broken"], done.broken)
        yield ended
        refused = CounterMetricFamily("bank_work_refused", "What was refused for its price.", labels=["why"])
        for why, value in (("spent", done.spent), ("one_at_a_time", done.one_at_a_time), ("full", done.full)):
            refused.add_metric([why], value)
        yield refused


class _Hashing(Collector):
    """The desk where passwords are hashed, asked at the moment of the scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        done = desk.figures
        yield GaugeMetricFamily("bank_hashing_waiting", "Passwords that wait to be hashed.", value=desk.waiting)
        yield GaugeMetricFamily("bank_hashing_working", "Passwords that are being hashed.", value=desk.working)
        yield CounterMetricFamily("bank_hashing_done", "Sign-ins and changes that hashed a password.", value=done.done)
        yield CounterMetricFamily("bank_hashing_refused", "Turned away because too many waited.", value=done.refused)


class Metrics:
    """The numbers of one application in a registry of its own, so that two applications can share a process."""

    def __init__(self, db: Database) -> None:
        """Registers what is measured."""
        self._registry = CollectorRegistry()
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "bank_http_requests", "Answers, by route template.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "bank_http_request_seconds",
            "Time from the request's arrival to the end of its answer.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Pools(db))
        self._registry.register(_Posting(db))
        self._registry.register(_Work(db))
        self._registry.register(_Hashing())
        self._meter = vitals.of(db).api
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answer. `route` is the template, so that the number of series stays small."""
        found = self._series.get((method, route, status))
        if found is None:
            # Looking a series up by its labels takes longer than counting in it.
            found = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._series[method, route, status] = found
        found[0].inc()
        found[1].observe(seconds)
        if route not in _NOT_ASKED_BY_PEOPLE:
            self._meter.observe(seconds, failed=status >= 500)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)
